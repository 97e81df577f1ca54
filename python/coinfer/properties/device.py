"""What a device is, and what is meant for one device of several."""

from __future__ import annotations

from typing import Any

from coinfer.properties._choice import Choice
from coinfer.properties._property import Property, ReadOnlyProperty


class Type(Choice):
    """Whether the device is a part of the host."""

    INTEGRATED = 0
    DISCRETE = 1


class Capability:
    """Names that `capabilities` may list.

    Thread safety: immutable.
    """

    BF16 = "BF16"
    BIN = "BIN"
    EXPORT_IMPORT = "EXPORT_IMPORT"
    FP16 = "FP16"
    FP32 = "FP32"
    INT16 = "INT16"
    INT8 = "INT8"
    WINOGRAD = "WINOGRAD"


class _Priorities(Property):
    """Names of devices, the one to be preferred first: `priorities("CPU", "GPU")`.

    Thread safety: immutable.
    """

    __slots__ = ()

    def __call__(self, *value: Any) -> str | tuple[str, Any]:
        for name in value:
            if not isinstance(name, str):
                raise TypeError(f"{self} takes names of devices, not {name.__class__.__name__}")
        return (str(self), "".join(f"{name}," for name in value)) if value else str(self)


class _Properties(Property):
    """Properties by device: `properties({"CPU": {num_streams: 2}})`.

    Thread safety: immutable.
    """

    __slots__ = ()

    def __call__(self, *value: Any) -> str | tuple[str, Any]:
        merged: dict[str, Any] = {}
        for one in value:
            if not isinstance(one, dict):
                raise TypeError(f"{self} takes dicts by device, not {one.__class__.__name__}")
            merged |= one
        return (str(self), merged) if value else str(self)


architecture = ReadOnlyProperty("DEVICE_ARCHITECTURE")
capabilities = ReadOnlyProperty("OPTIMIZATION_CAPABILITIES")
full_name = ReadOnlyProperty("FULL_DEVICE_NAME")
gops = ReadOnlyProperty("DEVICE_GOPS")
id = Property("DEVICE_ID", str)  # noqa: A001
luid = ReadOnlyProperty("DEVICE_LUID")
pci_info = ReadOnlyProperty("DEVICE_PCI_INFO")
priorities = _Priorities("MULTI_DEVICE_PRIORITIES")
properties = _Properties("DEVICE_PROPERTIES")
thermal = ReadOnlyProperty("DEVICE_THERMAL")
type = ReadOnlyProperty("DEVICE_TYPE")  # noqa: A001
uuid = ReadOnlyProperty("DEVICE_UUID")
