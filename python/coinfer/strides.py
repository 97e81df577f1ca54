"""Strides of a tensor: `coinfer.Strides`."""

from __future__ import annotations

from collections.abc import Iterable


class Strides(tuple[int, ...]):
    """How many bytes lie between neighbours along each dimension, outermost first.

    A tuple that is equal to a list of the same numbers as well, and whose text is "12, 4".
    Thread safety: immutable.
    """

    __slots__ = ()

    def __new__(cls, axis_strides: Iterable[int]) -> Strides:
        return super().__new__(cls, axis_strides)

    def __eq__(self, other: object) -> bool:
        return super().__eq__(tuple(other) if isinstance(other, list) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __str__(self) -> str:
        return ", ".join(map(str, self))

    def __repr__(self) -> str:
        return f"<Strides: {super().__repr__()}>"


Strides.__module__ = "coinfer"
