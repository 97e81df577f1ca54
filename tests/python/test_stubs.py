"""Stubs and docstrings: every public name is typed as it is, and says what it does."""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import coinfer
from coinfer import _coinfer


def test_stubtest_finds_no_difference(root: Path, tmp_path: Path) -> None:
    allowed = ["--allowlist", str(root / "tests/python/stubtest.allow")]
    if Path(coinfer.__file__).with_name("libcoinfer.so").exists():  # in an installed package
        (tmp_path / "library").write_text("coinfer\\.libcoinfer\n")
        allowed += ["--allowlist", str(tmp_path / "library")]
    run = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "coinfer", "--concise", *allowed],
        capture_output=True,
        text=True,
        cwd=root,
        timeout=250,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_package_is_marked_as_typed() -> None:
    assert Path(coinfer.__file__).with_name("py.typed").is_file()


@dataclass(frozen=True)
class Name:
    """A public name, what it says of itself, and the parameters that has to speak of."""

    name: str
    doc: str | None
    owner: Any
    parameters: tuple[str, ...] = ()

    def problem(self) -> str | None:
        if not self.doc:
            return "has no docstring"
        text = self.doc.split("\n--\n\n", 1)[-1].strip()
        same = re.match(r"The same as (?:setting )?`(\w+)(?:\(\))?`\.", text)
        if same:
            return None if hasattr(self.owner, same[1]) else f"is the same as nothing: {text}"
        if len(text.split()) < 3:
            return f"says too little: {text}"
        if not text.endswith((".", ".)")):
            return f"ends without a full stop: {text}"
        missing = [one for one in self.parameters if not re.search(rf"\b{one}\b", text)]
        if missing:
            return f"says nothing of {', '.join(missing)}: {text}"
        if inspect.isclass(self.owner) and self.owner.__name__ == self.name:
            exempt = issubclass(self.owner, Exception | enum.Enum)
            if not exempt and "hread safety" not in text:
                return f"does not say whether threads may share it: {text}"
        return None


def native_names(root: Path) -> Iterator[Name]:
    """What the native module has, by the stubs."""
    for node in ast.parse((root / "python/coinfer/_coinfer.pyi").read_text()).body:
        found = getattr(_coinfer, getattr(node, "name", ""), None)
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            names = tuple(argument.arg for argument in node.args.args)
            yield Name(node.name, found.__doc__, _coinfer, names)
        if not isinstance(node, ast.ClassDef) or found is None:
            continue
        yield Name(node.name, found.__doc__, found)
        for method in node.body:
            if not isinstance(method, ast.FunctionDef) or method.name.startswith("_"):
                continue
            if any(ast.unparse(one).endswith(".setter") for one in method.decorator_list):
                continue
            arguments = [*method.args.args[1:], *method.args.kwonlyargs]
            # `send` is the type's slot; the older `shared_memory` is not for new programs.
            if method.name != "send":
                parameters = tuple(a.arg for a in arguments if a.arg != "shared_memory")
                text = inspect.getattr_static(found, method.name).__doc__
                yield Name(f"{node.name}.{method.name}", text, found, parameters)


MODULES = ["coinfer", "coinfer.layout_helpers", "coinfer.preprocess", "coinfer.properties"]
MODULES += [f"coinfer.properties.{part}" for part in ("device", "hint", "intel_auto", "intel_cpu")]
MODULES += ["coinfer.properties.log", "coinfer.properties.streams"]


def python_names() -> Iterator[Name]:
    """What is written in Python: classes with their members, and functions."""
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        yield Name(module_name, module.__doc__, module)
        for name in getattr(module, "__all__", vars(module)):
            found = getattr(module, name)
            known = [*vars(_coinfer).values(), _coinfer.InferFuture]
            native = any(found is one for one in known)
            if name.startswith("_") or native or not hasattr(found, "__module__"):
                continue
            if not str(found.__module__).startswith("coinfer"):
                continue
            if inspect.isfunction(found):
                yield Name(name, found.__doc__, module, tuple(inspect.signature(found).parameters))
            elif inspect.isclass(found):
                yield Name(name, found.__doc__, found)
                yield from members(found)
            else:
                yield Name(name, found.__doc__, module)


def members(owner: type) -> Iterator[Name]:
    for name, found in vars(owner).items():
        if name.startswith("_") or not (isinstance(found, property) or inspect.isroutine(found)):
            continue
        parameters: tuple[str, ...] = ()
        if not isinstance(found, property):
            bound = inspect.signature(getattr(owner, name)).parameters
            parameters = tuple(one for one in bound if one != "self")
        yield Name(f"{owner.__name__}.{name}", found.__doc__, owner, parameters)


def test_every_public_name_says_what_it_does(root: Path) -> None:
    names = [*native_names(root), *python_names()]
    problems = [f"{one.name} {problem}" for one in names if (problem := one.problem())]
    assert not problems, "\n".join(problems)
    assert len(names) > 450


@pytest.mark.parametrize(
    ("doc", "text"),
    [
        (None, "no docstring"),
        ("Short.", "too little"),
        ("Does what it does with key", "full stop"),
        ("Does what it does.", "nothing of key"),
        ("The same as `nothing`.", "same as nothing"),
    ],
)
def test_what_says_too_little_is_found(doc: str | None, text: str) -> None:
    assert text in str(Name("x", doc, coinfer, ("key",)).problem())
