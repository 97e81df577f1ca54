"""Signatures: as stubs write them, and as the module itself says them."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """One parameter; `default` is None when it has none, "..." when the stub does not tell it."""

    name: str
    default: str | None = None
    keyword_only: bool = False

    @property
    def unnamed(self) -> bool:
        """pybind11's: can be given by position alone."""
        return re.fullmatch(r"arg\d+", self.name) is not None

    def __str__(self) -> str:
        return self.name if self.default is None else f"{self.name}={self.default}"


Signature = tuple[Parameter, ...]
#: Of one member: its overloads; a property has none.
Members = dict[str, list[Signature]]


def shown(signature: Signature) -> str:
    return f"({', '.join(map(str, signature))})"


def signature_of(function: ast.FunctionDef) -> Signature:
    """Without `self`."""
    positional = [*function.args.posonlyargs, *function.args.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(function.args.defaults))
    defaults += function.args.defaults
    plain = [
        Parameter(one.arg, None if default is None else ast.unparse(default))
        for one, default in zip(positional, defaults, strict=True)
    ]
    named = [
        Parameter(one.arg, None if default is None else ast.unparse(default), True)
        for one, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    ]
    if function.args.vararg is not None:
        named.insert(0, Parameter("*" + function.args.vararg.arg))
    static = any(ast.unparse(one) == "staticmethod" for one in function.decorator_list)
    return (*(plain if static else plain[1:]), *named)


def classes_of(stub: Path) -> dict[str, Members]:
    """The classes of a stub with their members."""
    found: dict[str, Members] = {}
    for node in ast.parse(stub.read_text()).body:
        if not isinstance(node, ast.ClassDef):
            continue
        members = found.setdefault(node.name, {})
        for method in node.body:
            if isinstance(method, ast.AnnAssign) and isinstance(method.target, ast.Name):
                members[method.target.id] = []
            if not isinstance(method, ast.FunctionDef):
                continue
            decorators = [ast.unparse(one) for one in method.decorator_list]
            overloads = members.setdefault(method.name, [])
            if not any(one == "property" or one.endswith(".setter") for one in decorators):
                overloads.append(signature_of(method))
    return found


def functions_of(stub: Path) -> set[str]:
    body = ast.parse(stub.read_text()).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}


def said_by(found: Any) -> list[Signature] | None:
    """The overloads that a function of the module takes: by its text signature, or by the error of
    a call that fits none. None for one that says neither.
    """
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return said_by_error(found)
    parameters = [one for one in signature.parameters.values() if one.name != "self"]
    return [
        tuple(
            Parameter(
                one.name,
                None if one.default is one.empty else repr(one.default),
                one.kind is one.KEYWORD_ONLY,
            )
            for one in parameters
        )
    ]


def said_by_error(found: Any) -> list[Signature] | None:
    owner = object()  # methods need some `self`; a static one takes it for an argument too many
    try:
        found(owner, **{"no such": 0})
    except TypeError as error:
        takes = re.search(r"\(\) takes (\(.*\)); \(", str(error))
        return None if takes is None else list(overloads_in(takes[1]))
    return None


def overloads_in(text: str) -> Iterator[Signature]:
    """ "(a, b=1) or (c)" """
    for one in text.removeprefix("(").removesuffix(")").split(") or ("):
        parts = [part.partition("=") for part in one.split(", ") if part]
        yield tuple(Parameter(name, default if equals else None) for name, equals, default in parts)


def fits(ours: Signature, theirs: Signature) -> bool:
    """Does a call written for `theirs` mean the same for `ours`?

    Names, order and defaults are equal; more parameters of ours have defaults.
    """
    positional = [one for one in ours if not one.keyword_only]
    for index, one in enumerate(theirs):
        if one.keyword_only:
            if not any(same(own, one) for own in ours):
                return False
        elif index >= len(positional) or not same(positional[index], one):
            return False
    known = {one.name for one in theirs}
    more = [one for one in ours if one.name not in known]
    unnamed = sum(one.unnamed for one in theirs)
    return all(one.default is not None for one in more[unnamed:])


def same(ours: Parameter, theirs: Parameter) -> bool:
    if not theirs.unnamed and ours.name != theirs.name:
        return False
    if ours.default is None or theirs.default is None:
        return ours.default is theirs.default
    return "..." in (ours.default, theirs.default) or ours.default == theirs.default
