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
        """The member with that text; ValueError when there is none."""
        for one in cls:
            if one.text == text:
                return one
        known = ", ".join(one.text for one in cls)
        raise ValueError(f"{cls.__name__} has no member '{text}'; it has {known}")

    def __lt__(self, other: Any) -> bool:
        return int(self) < int(other) if isinstance(other, type(self)) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return int(self) <= int(other) if isinstance(other, type(self)) else NotImplemented
