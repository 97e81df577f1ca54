"""What a device is."""

from __future__ import annotations

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


architecture = ReadOnlyProperty("DEVICE_ARCHITECTURE")
capabilities = ReadOnlyProperty("OPTIMIZATION_CAPABILITIES")
full_name = ReadOnlyProperty("FULL_DEVICE_NAME")
id = Property("DEVICE_ID", str)  # noqa: A001
type = ReadOnlyProperty("DEVICE_TYPE")  # noqa: A001
