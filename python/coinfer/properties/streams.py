"""How many inferences of a model run at once."""

from __future__ import annotations

from typing import ClassVar

from coinfer.properties._property import Property


class Num(int):
    """A number of streams; AUTO lets the runtime choose, NUMA is one for each memory node.

    Thread safety: immutable.
    """

    AUTO: ClassVar[Num]
    NUMA: ClassVar[Num]

    def to_integer(self) -> int:
        """The number; negative for AUTO and NUMA."""
        return int(self)


Num.AUTO = Num(-1)
Num.NUMA = Num(-2)

num = Property("NUM_STREAMS", Num, int)
