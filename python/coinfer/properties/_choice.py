"""What the enumerations of property values have in common."""

from __future__ import annotations

from typing import Any

from coinfer.numbered import Numbered


class Choice(Numbered):
    """A value out of a few. Its `text` is what configurations write: "LATENCY"."""

    @property
    def text(self) -> str:
        """The value as configurations write it."""
        return str(self.name)

    @classmethod
    def of(cls, text: str) -> Any:
        """The member with that text."""
        return next(one for one in cls if one.text == text)

    def __lt__(self, other: Any) -> bool:
        return int(self) < int(other) if isinstance(other, type(self)) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return int(self) <= int(other) if isinstance(other, type(self)) else NotImplemented
