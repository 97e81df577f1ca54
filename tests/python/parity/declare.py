"""How a snippet says what it needs, in which variants it runs, and why it differs on purpose."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

Snippet = Callable[..., Any]


def different(reason: str, *, undefined: bool = False) -> Callable[[Snippet], Snippet]:
    """Mark a snippet whose answer is not the oracle's, on purpose.

    `undefined`: the oracle reads or writes memory that is not its own, so that its answer means
    nothing; the snippet does not run there.
    """

    def mark(snippet: Snippet) -> Snippet:
        snippet.difference = reason  # type: ignore[attr-defined]
        snippet.undefined = undefined  # type: ignore[attr-defined]
        return snippet

    return mark


def variants(**values: list[Any]) -> Callable[[Snippet], Snippet]:
    """Run the snippet once for each value of one parameter; it counts as one behaviour."""
    ((name, given),) = values.items()

    def mark(snippet: Snippet) -> Snippet:
        snippet.variants = (name, given)  # type: ignore[attr-defined]
        return snippet

    return mark


@dataclass
class Raised:
    """An exception as an answer: the built-in classes it is an instance of, and its text."""

    classes: list[str]
    text: str


def raised(error: BaseException) -> Raised:
    """What a snippet's exception is compared by."""
    return Raised(
        [c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins"], str(error)
    )


def tried(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What the call returns, or the exception it raises."""
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return raised(error)


@dataclass
class Declared:
    """A snippet as it was written."""

    name: str
    function: Snippet
    parameters: list[str]
    difference: str | None = None
    undefined: bool = False
    variants: tuple[str, list[Any]] | None = None
    cases: list[dict[str, Any]] = field(default_factory=list)


def declared(module: ModuleType) -> Iterator[Declared]:
    """The snippets of a module: its own functions without a leading underscore, as written."""
    theme = module.__name__.rpartition(".")[2]
    for name, function in vars(module).items():
        if not inspect.isfunction(function) or name.startswith("_"):
            continue
        if function.__module__ != module.__name__:
            continue
        one = Declared(
            f"{theme}.{name}",
            function,
            list(inspect.signature(function).parameters),
            getattr(function, "difference", None),
            getattr(function, "undefined", False),
            getattr(function, "variants", None),
        )
        one.cases = (
            [{}] if one.variants is None else [{one.variants[0]: v} for v in one.variants[1]]
        )
        yield one
