"""What a property is in Python: its name, which can be called."""

from __future__ import annotations

import operator
from typing import Any


class Property(str):
    """A property's name. Called with a value it gives (name, value), what `set_property` takes.

    The value must be of the property's type (TypeError): a bool, a number, a str, a coinfer.Type or
    a member of the property's enumeration.

    Thread safety: immutable.
    """

    __slots__ = ("_types",)

    _types: tuple[type, ...]

    def __new__(cls, name: str, *types: type) -> Property:
        made = super().__new__(cls, name)
        made._types = types
        return made

    def __call__(self, *value: Any) -> str | tuple[str, Any]:
        if len(value) > 1:
            raise TypeError(f"{self} takes one value, {len(value)} were given")
        return (str(self), self._checked(value[0])) if value else str(self)

    def _checked(self, value: Any) -> Any:
        if not self._types or isinstance(value, self._types):
            return value
        if bool in self._types and hasattr(value, "__bool__"):
            return bool(value)
        if int in self._types and hasattr(value, "__index__"):
            return operator.index(value)
        if float in self._types and hasattr(value, "__float__"):
            return float(value)
        names = " or ".join(one.__name__ for one in self._types)
        raise TypeError(f"{self} takes a value of type {names}, not {type(value).__name__}")

    def __repr__(self) -> str:
        return f"'{self}'"

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (str(self), *self._types))


class ReadOnlyProperty(Property):
    """The name of a property that cannot be set.

    Thread safety: immutable.
    """

    __slots__ = ()

    def __call__(self, *value: Any) -> str:
        if value:
            raise TypeError(f"{self} is read-only")
        return str(self)
