"""How much is logged."""

from __future__ import annotations

from coinfer.properties._choice import Choice
from coinfer.properties._property import Property


class Level(Choice):
    """The least important message that is logged."""

    NO = -1
    ERR = 0
    WARNING = 1
    INFO = 2
    DEBUG = 3
    TRACE = 4

    @property
    def text(self) -> str:
        """The value as configurations write it."""
        return "LOG_" + {"NO": "NONE", "ERR": "ERROR"}.get(self.name, self.name)


level = Property("LOG_LEVEL", Level)
