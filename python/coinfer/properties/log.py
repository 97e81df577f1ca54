"""How much is logged."""

from __future__ import annotations

from enum import StrEnum

from coinfer.properties._property import Property


class Level(StrEnum):
    """The least important message that is logged."""

    NO = "LOG_NONE"
    ERR = "LOG_ERROR"
    WARNING = "LOG_WARNING"
    INFO = "LOG_INFO"
    DEBUG = "LOG_DEBUG"
    TRACE = "LOG_TRACE"


level = Property("LOG_LEVEL", Level)
