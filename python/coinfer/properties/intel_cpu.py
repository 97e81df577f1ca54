"""What OpenVINO's CPU device has of its own: accepted, and without effect here."""

from __future__ import annotations

from coinfer.properties._choice import Choice
from coinfer.properties._property import Property


class TbbPartitioner(Choice):
    """How work is divided among threads."""

    STATIC = 1
    AUTO = 2


denormals_optimization = Property("CPU_DENORMALS_OPTIMIZATION", bool)
sparse_weights_decompression_rate = Property("CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE", float)
tbb_partitioner = Property("TBB_PARTITIONER", TbbPartitioner)
