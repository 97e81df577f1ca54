"""Values of properties of no group."""

from __future__ import annotations

from enum import StrEnum


class CacheMode(StrEnum):
    """Whether what CACHE_DIR keeps holds packed weights (quicker to load) or not (smaller)."""

    OPTIMIZE_SIZE = "OPTIMIZE_SIZE"
    OPTIMIZE_SPEED = "OPTIMIZE_SPEED"


CacheMode.__module__ = "coinfer.properties"
