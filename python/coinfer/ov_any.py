"""Values of notes on models: `coinfer.OVAny`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from coinfer._coinfer import Error

_INTEGER = re.compile(r"\s*[+-]?\d+")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class OVAny:
    """A value of a note, whose type the file does not tell: a bool, int, float, str, list or dict.

    `value` is what it holds; `astype` and `aslist` read a text as something else. It is equal to
    another OVAny, or to a value of the same type, that holds the same, and indexed as that. One
    that stands for an attribute of OpenVINO's ("fused_names_0") has only a text: `astype(str)`.

    Thread safety: as for dict.
    """

    __slots__ = ("_attribute", "_value")

    def __init__(self, value: Any) -> None:
        """Hold `value`; of another OVAny what that holds. A list holds items of one type."""
        self._attribute = False
        self._value: Any = None
        self.set(value)

    @classmethod
    def _of_attribute(cls, text: str) -> OVAny:
        made = cls(text)
        made._attribute = True
        return made

    @property
    def value(self) -> Any:
        """What it holds; TypeError for an attribute of OpenVINO's, which has a text alone."""
        if self._attribute:
            raise TypeError("an attribute of OpenVINO's has no value in Python; use astype(str)")
        return self._value

    def get(self) -> Any:
        """The same as `value`."""
        return self.value

    def set(self, value: Any) -> None:
        """Hold `value` instead. What it was read from stays as it is.

        Raises coinfer.Error for a list of items of several types.
        """
        self._attribute = isinstance(value, OVAny) and value._attribute
        self._value = _held(value)

    def astype(self, dtype: Any) -> Any:
        """The value as `dtype`: bool, int, float, str or dict (of OVAny).

        A text becomes a number by what it begins with, a bool by YES, NO, true, false, 1 or 0.
        Raises coinfer.Error where the value cannot be read so.
        """
        read = _READERS.get(dtype) if isinstance(dtype, type) else None
        if read is None:
            name = getattr(dtype, "__name__", repr(dtype))
            raise Error(f"astype() reads bool, int, float, str and dict, not {name}")
        if self._attribute and dtype is not str:
            raise Error(f"an attribute of OpenVINO's cannot be read as {dtype.__name__}")
        return read(self._value)

    def aslist(self, dtype: Any = None) -> list[Any]:
        """The value as a list: of a text, its words as `dtype`, which is bool, int, float or str.

        Without `dtype` an empty list, as in OpenVINO. Raises coinfer.Error for what is neither a
        list nor a text.
        """
        if dtype is None:
            return []
        if dtype not in (bool, int, float, str):
            raise Error(f"aslist() reads bool, int, float and str, not {dtype!r}")
        if isinstance(self._value, list | tuple):
            return list(self._value)
        if self._attribute or not isinstance(self._value, str):
            kind = "attribute" if self._attribute else _kind(self._value)
            raise Error(f"a list was expected, not the {kind} {self._value!r}")
        return [OVAny(word).astype(dtype) for word in self._value.split()]

    def __eq__(self, other: object) -> bool:
        if other is None or self._attribute != (isinstance(other, OVAny) and other._attribute):
            return False
        value = _held(other)
        return type(self._value) is type(value) and bool(self._value == value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __len__(self) -> int:
        if not hasattr(self._value, "__len__"):
            raise AttributeError(f"the {_kind(self._value)} {self._value!r} has no length")
        return len(self._value)

    def __getitem__(self, key: Any) -> Any:
        return self._value[key]

    def __setitem__(self, key: Any, value: str | int) -> None:
        self._value[key] = value

    def __repr__(self) -> str:
        return f"OVAny({self._value!r})"


def _held(value: Any) -> Any:
    """The value as an OVAny holds it."""
    if isinstance(value, OVAny):
        return value._value
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        kinds = sorted({_kind(item) for item in value})
        if len(kinds) > 1:
            raise Error(f"a list's items are of one type, not of {', '.join(kinds)}")
        return [int(item) if isinstance(item, bool) else item for item in value]
    if isinstance(value, dict):
        return {key: _held(item) for key, item in value.items()}
    return value


def _kind(value: Any) -> str:
    return type(value).__name__


def _wrong(value: Any, wanted: str) -> Error:
    return Error(f"the {_kind(value)} {value!r} cannot be read as {wanted}")


def _begins(value: Any, pattern: re.Pattern[str], wanted: str) -> str:
    if value == "":
        return "0"
    found = pattern.match(value) if isinstance(value, str) else None
    if found is None:
        raise _wrong(value, wanted)
    return found[0]


def _integer(value: Any) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    return int(_begins(value, _INTEGER, "an int"))


def _float(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return float(_begins(value, _NUMBER, "a float"))


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"YES": True, "NO": False, "TRUE": True, "FALSE": False, "1": True, "0": False}
    found = known.get(value.upper()) if isinstance(value, str) else None
    if found is None:
        raise _wrong(value, "a bool")
    return found


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "YES" if value else "NO"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_text(value[key])}" for key in sorted(value)) + "}"
    return str(value)


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(value, "a dict")
    return {
        key: _dict(entry) if isinstance(entry, dict) else OVAny(entry)
        for key, entry in value.items()
    }


_READERS: dict[type, Callable[[Any], Any]] = {
    bool: _bool,
    int: _integer,
    float: _float,
    str: _text,
    dict: _dict,
}

OVAny.__module__ = "coinfer"
