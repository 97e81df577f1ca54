"""Hints: what the user wants, from which the runtime chooses how."""

from __future__ import annotations

from coinfer._coinfer import Model as _Model
from coinfer._coinfer import Tensor as _Tensor
from coinfer.element_type import Type as _Type
from coinfer.properties._choice import Choice
from coinfer.properties._property import Property


class PerformanceMode(Choice):
    """One request as fast as can be, or as many as can be."""

    LATENCY = 1
    THROUGHPUT = 2
    CUMULATIVE_THROUGHPUT = 3


class ExecutionMode(Choice):
    """Whether results may be less exact than f32 where that is faster."""

    PERFORMANCE = 1
    ACCURACY = 2


class Priority(Choice):
    """Which model's requests go first."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    DEFAULT = 1


class SchedulingCoreType(Choice):
    """Which kind of core computes."""

    ANY_CORE = 0
    PCORE_ONLY = 1
    ECORE_ONLY = 2


class ModelDistributionPolicy(Choice):
    """How a model is divided among sockets."""

    TENSOR_PARALLEL = 0
    PIPELINE_PARALLEL = 1


activations_scale_factor = Property("ACTIVATIONS_SCALE_FACTOR", float)
allow_auto_batching = Property("ALLOW_AUTO_BATCHING", bool)
compiled_blob = Property("COMPILED_BLOB", _Tensor)
dynamic_quantization_group_size = Property("DYNAMIC_QUANTIZATION_GROUP_SIZE", int)
enable_cpu_pinning = Property("ENABLE_CPU_PINNING", bool)
enable_cpu_reservation = Property("ENABLE_CPU_RESERVATION", bool)
enable_hyper_threading = Property("ENABLE_HYPER_THREADING", bool)
execution_mode = Property("EXECUTION_MODE_HINT", ExecutionMode)
inference_precision = Property("INFERENCE_PRECISION_HINT", _Type)
kv_cache_precision = Property("KV_CACHE_PRECISION", _Type)
model = Property("MODEL_PTR", _Model)
model_distribution_policy = Property("MODEL_DISTRIBUTION_POLICY", set, frozenset)
model_priority = Property("MODEL_PRIORITY", Priority)
num_requests = Property("PERFORMANCE_HINT_NUM_REQUESTS", int)
performance_mode = Property("PERFORMANCE_HINT", PerformanceMode)
scheduling_core_type = Property("SCHEDULING_CORE_TYPE", SchedulingCoreType)
