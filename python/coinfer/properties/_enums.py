"""Values of properties of no group."""

from __future__ import annotations

from coinfer.properties._choice import Choice


class CacheMode(Choice):
    """Whether what CACHE_DIR keeps holds packed weights (quicker to load) or not (smaller)."""

    OPTIMIZE_SIZE = 0
    OPTIMIZE_SPEED = 1


CacheMode.__module__ = "coinfer.properties"
