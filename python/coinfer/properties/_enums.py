"""Values of properties of no group."""

from __future__ import annotations

from coinfer.properties._choice import Choice


class CacheMode(Choice):
    """Whether what CACHE_DIR keeps holds packed weights (quicker to load) or not (smaller)."""

    OPTIMIZE_SIZE = 0
    OPTIMIZE_SPEED = 1


class WorkloadType(Choice):
    """Whether a model may take less of the device."""

    DEFAULT = 0
    EFFICIENT = 1


class CompatibilityCheck(Choice):
    """Whether a device can run what another version compiled."""

    NOT_APPLICABLE = 0
    SUPPORTED = 1
    UNSUPPORTED = 2


for _class in (CacheMode, CompatibilityCheck, WorkloadType):
    _class.__module__ = "coinfer.properties"
del _class
