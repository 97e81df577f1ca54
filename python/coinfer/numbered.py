"""Enumerations whose members are numbers too, as OpenVINO's are."""

from __future__ import annotations

from enum import Enum


class Numbered(Enum):
    """`int(member)` is its value. A member is not equal to that number."""

    def __int__(self) -> int:
        return int(self.value)

    __index__ = __int__
