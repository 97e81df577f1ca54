"""How a snippet says what it needs, in which variants it runs, and why it differs on purpose."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

Snippet = Callable[..., Any]


@dataclass(frozen=True)
class Difference:
    """Why a snippet's answer is not the oracle's: exactly one of three reasons.

    `says`: the contract has a sentence of that key, in docs/contract.md. `crashes`: the oracle
    crashes or hangs, and this is what happens instead. `corrupts`: the oracle's values are wrong,
    and so; `right` gives the true ones without any runtime, or `memory` is set: it reads or writes
    memory that is not its own, so that its answer is none of those it has.
    """

    says: str | None = None
    crashes: str | None = None
    corrupts: str | None = None
    right: Callable[..., Any] | None = None
    memory: bool = False

    def problem(self) -> str | None:
        """What is wrong with the declaration itself."""
        given = [one for one in (self.says, self.crashes, self.corrupts) if one]
        if len(given) != 1:
            return f"has {len(given)} reasons"
        if self.corrupts and (self.right is None) != self.memory:
            return "has to tell either the right values, or that memory is at stake"
        if not self.corrupts and (self.right is not None or self.memory):
            return "tells of wrong values that it does not speak of"
        return None


def different(
    *,
    says: str | None = None,
    crashes: str | None = None,
    corrupts: str | None = None,
    right: Callable[..., Any] | None = None,
    memory: bool = False,
) -> Callable[[Snippet], Snippet]:
    """Mark a snippet whose answer is not the oracle's, on purpose, with its `Difference`."""

    def mark(snippet: Snippet) -> Snippet:
        snippet.difference = Difference(  # type: ignore[attr-defined]
            says, crashes, corrupts, right, memory
        )
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
    difference: Difference | None = None
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
            getattr(function, "variants", None),
        )
        one.cases = (
            [{}] if one.variants is None else [{one.variants[0]: v} for v in one.variants[1]]
        )
        yield one
