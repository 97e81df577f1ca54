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
    what it holds, and indexed as that. Thread safety: as for dict.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        """Hold `value`; of another OVAny what that holds."""
        self._value: Any = value._value if isinstance(value, OVAny) else value

    @property
    def value(self) -> Any:
        """What it holds."""
        return self._value

    def get(self) -> Any:
        """The same as `value`."""
        return self._value

    def set(self, value: Any) -> None:
        """Hold `value` instead."""
        self._value = value._value if isinstance(value, OVAny) else value

    def astype(self, dtype: type) -> Any:
        """The value as `dtype`: bool, int, float, str or dict (of OVAny).

        A text becomes a number by what it begins with, a bool by YES, NO, true, false, 1 or 0.
        Raises coinfer.Error where the value cannot be read so.
        """
        read = _READERS.get(dtype)
        if read is None:
            name = getattr(dtype, "__name__", repr(dtype))
            raise Error(f"astype() reads bool, int, float, str and dict, not {name}")
        return read(self._value)

    def aslist(self, dtype: type | None = None) -> list[Any]:
        """The value as a list: of a text, its words as `dtype`, which is bool, int, float or str.

        Without `dtype` an empty list, as in OpenVINO. Raises coinfer.Error for what is neither a
        list nor a text.
        """
        if dtype is None:
            return []
        if isinstance(self._value, list | tuple):
            return list(self._value)
        if not isinstance(self._value, str):
            raise Error(f"a list was expected, not the {_kind(self._value)} {self._value!r}")
        return [OVAny(word).astype(dtype) for word in self._value.split()]

    def __eq__(self, other: object) -> bool:
        return bool(self._value == (other._value if isinstance(other, OVAny) else other))

    def __hash__(self) -> int:
        return hash(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __getitem__(self, key: Any) -> Any:
        return self._value[key]

    def __setitem__(self, key: Any, value: str | int) -> None:
        self._value[key] = value

    def __repr__(self) -> str:
        return f"OVAny({self._value!r})"


def _kind(value: Any) -> str:
    return type(value).__name__


def _wrong(value: Any, wanted: str) -> Error:
    return Error(f"the {_kind(value)} {value!r} cannot be read as {wanted}")


def _begins(value: Any, pattern: re.Pattern[str], wanted: str) -> str:
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
    return {key: OVAny(entry) for key, entry in value.items()}


_READERS: dict[type, Callable[[Any], Any]] = {
    bool: _bool,
    int: _integer,
    float: _float,
    str: _text,
    dict: _dict,
}

OVAny.__module__ = "coinfer"
