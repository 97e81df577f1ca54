"""What a property is in Python: its name, which can be called."""

from __future__ import annotations

from typing import Any


class Property(str):
    """A property's name. Called with a value it gives (name, value), what `set_property` takes."""

    __slots__ = ()

    def __call__(self, *value: Any) -> str | tuple[str, Any]:
        if len(value) > 1:
            raise TypeError(f"{self} takes one value, {len(value)} were given")
        return (str(self), value[0]) if value else str(self)

    def __repr__(self) -> str:
        return f"'{self}'"


class ReadOnlyProperty(Property):
    """The name of a property that cannot be set."""

    __slots__ = ()

    def __call__(self, *value: Any) -> str:
        if value:
            raise TypeError(f"{self} is read-only")
        return str(self)
