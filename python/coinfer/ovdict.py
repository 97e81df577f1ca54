"""The results of an inference: `OVDict`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    from coinfer._coinfer import ConstOutput

    _Key: TypeAlias = ConstOutput | int | str


class OVDict(Mapping):  # type: ignore[type-arg]
    """A read-only mapping from a model's outputs to numpy arrays, in the order of the outputs.

    Its keys are output ports; a value is found by port, index or tensor name:
    `results[0]`, `results["logits"]`, `results[compiled.output("logits")]`. A key that is none of
    the model's outputs raises KeyError. `to_tuple()` and `to_dict()` give what is inside.

    Thread safety: immutable, as far as nobody writes to the arrays; those that share memory with a
    request change with its next inference.
    """

    # Filled by the native module without a call of __init__; _table is (ports, {key: index}), one
    # for each compiled model.
    __slots__ = ("__weakref__", "_table", "_values")

    _values: tuple[np.ndarray[Any, Any], ...]
    _table: tuple[tuple[ConstOutput, ...], dict[_Key, int]]

    def __init__(self, results: Mapping[ConstOutput, np.ndarray[Any, Any]]) -> None:
        ports = tuple(results)
        index: dict[_Key, int] = {}
        for i, port in enumerate(ports):
            index[i] = index[i - len(ports)] = index[port] = i
            for name in port.get_names():
                index.setdefault(name, i)
        self._values = tuple(results.values())
        self._table = (ports, index)

    def __getitem__(self, key: _Key) -> np.ndarray[Any, Any]:
        try:
            return self._values[self._table[1][key]]
        except KeyError:
            names = [port.any_name if port.names else i for i, port in enumerate(self._table[0])]
            raise KeyError(f"there is no output {key!r}; there are {names}") from None

    def __contains__(self, key: object) -> bool:
        return key in self._table[1]

    def __iter__(self) -> Iterator[ConstOutput]:
        return iter(self._table[0])

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self.to_dict())

    def names(self) -> tuple[set[str], ...]:
        """The tensor names of each output; an empty set for one without."""
        return tuple(port.get_names() for port in self._table[0])

    def to_dict(self) -> dict[ConstOutput, np.ndarray[Any, Any]]:
        """A dict of the same arrays by port."""
        return dict(zip(self._table[0], self._values, strict=False))

    def to_tuple(self) -> tuple[np.ndarray[Any, Any], ...]:
        """The arrays in the order of the outputs."""
        return self._values
