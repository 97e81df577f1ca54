"""Hints: what the user wants, from which the runtime chooses how."""

from __future__ import annotations

from enum import StrEnum

from coinfer.element_type import Type as _Type
from coinfer.properties._property import Property


class PerformanceMode(StrEnum):
    """One request as fast as can be, or as many as can be."""

    LATENCY = "LATENCY"
    THROUGHPUT = "THROUGHPUT"
    CUMULATIVE_THROUGHPUT = "CUMULATIVE_THROUGHPUT"


class ExecutionMode(StrEnum):
    """Whether results may be less exact than f32 where that is faster."""

    PERFORMANCE = "PERFORMANCE"
    ACCURACY = "ACCURACY"


class Priority(StrEnum):
    """Which model's requests go first."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    DEFAULT = "MEDIUM"


class SchedulingCoreType(StrEnum):
    """Which kind of core computes."""

    ANY_CORE = "ANY_CORE"
    PCORE_ONLY = "PCORE_ONLY"
    ECORE_ONLY = "ECORE_ONLY"


class ModelDistributionPolicy(StrEnum):
    """How a model is divided among sockets."""

    TENSOR_PARALLEL = "TENSOR_PARALLEL"
    PIPELINE_PARALLEL = "PIPELINE_PARALLEL"


allow_auto_batching = Property("ALLOW_AUTO_BATCHING", bool)
dynamic_quantization_group_size = Property("DYNAMIC_QUANTIZATION_GROUP_SIZE", int)
enable_cpu_pinning = Property("ENABLE_CPU_PINNING", bool)
enable_cpu_reservation = Property("ENABLE_CPU_RESERVATION", bool)
enable_hyper_threading = Property("ENABLE_HYPER_THREADING", bool)
execution_mode = Property("EXECUTION_MODE_HINT", ExecutionMode)
inference_precision = Property("INFERENCE_PRECISION_HINT", _Type)
kv_cache_precision = Property("KV_CACHE_PRECISION", _Type)
model_distribution_policy = Property("MODEL_DISTRIBUTION_POLICY", set, frozenset)
model_priority = Property("MODEL_PRIORITY", Priority)
num_requests = Property("PERFORMANCE_HINT_NUM_REQUESTS", int)
performance_mode = Property("PERFORMANCE_HINT", PerformanceMode)
scheduling_core_type = Property("SCHEDULING_CORE_TYPE", SchedulingCoreType)
