"""Names of properties, for configurations: `{properties.num_streams: 2}`.

A property is a str that can be called: `hint.execution_mode(hint.ExecutionMode.ACCURACY)` is the
pair ("EXECUTION_MODE_HINT", ExecutionMode.ACCURACY), and `hint.execution_mode()` the name. What
there is, and what is read-only, `Core().get_property("CPU", supported_properties)` tells.
"""

from coinfer.element_type import Type as _Type
from coinfer.properties import device, hint, intel_auto, intel_cpu, log, streams
from coinfer.properties._enums import CacheMode, CompatibilityCheck, WorkloadType
from coinfer.properties._property import Property, ReadOnlyProperty

auto_batch_timeout = Property("AUTO_BATCH_TIMEOUT", int)
available_devices = ReadOnlyProperty("AVAILABLE_DEVICES")
cache_dir = Property("CACHE_DIR", str)
cache_mode = Property("CACHE_MODE", CacheMode)
compatibility_check = ReadOnlyProperty("COMPATIBILITY_CHECK")
compilation_num_threads = Property("COMPILATION_NUM_THREADS", int)
enable_mmap = Property("ENABLE_MMAP", bool)
enable_profiling = Property("PERF_COUNT", bool)
enable_weightless = Property("ENABLE_WEIGHTLESS", bool)
execution_devices = ReadOnlyProperty("EXECUTION_DEVICES")
force_tbb_terminate = Property("FORCE_TBB_TERMINATE", bool)
inference_num_threads = Property("INFERENCE_NUM_THREADS", int)
key_cache_group_size = Property("KEY_CACHE_GROUP_SIZE", int)
key_cache_precision = Property("KEY_CACHE_PRECISION", _Type)
loaded_from_cache = ReadOnlyProperty("LOADED_FROM_CACHE")
max_batch_size = ReadOnlyProperty("MAX_BATCH_SIZE")
model_name = ReadOnlyProperty("NETWORK_NAME")
num_streams = streams.num
optimal_batch_size = ReadOnlyProperty("OPTIMAL_BATCH_SIZE")
optimal_number_of_infer_requests = ReadOnlyProperty("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
range_for_async_infer_requests = ReadOnlyProperty("RANGE_FOR_ASYNC_INFER_REQUESTS")
range_for_streams = ReadOnlyProperty("RANGE_FOR_STREAMS")
runtime_requirements = ReadOnlyProperty("RUNTIME_REQUIREMENTS")
supported_properties = ReadOnlyProperty("SUPPORTED_PROPERTIES")
value_cache_group_size = Property("VALUE_CACHE_GROUP_SIZE", int)
value_cache_precision = Property("VALUE_CACHE_PRECISION", _Type)
weights_path = Property("WEIGHTS_PATH", str)
workload_type = Property("WORKLOAD_TYPE", WorkloadType)

__all__ = [
    "CacheMode",
    "CompatibilityCheck",
    "Property",
    "ReadOnlyProperty",
    "WorkloadType",
    "auto_batch_timeout",
    "available_devices",
    "cache_dir",
    "cache_mode",
    "compatibility_check",
    "compilation_num_threads",
    "device",
    "enable_mmap",
    "enable_profiling",
    "enable_weightless",
    "execution_devices",
    "force_tbb_terminate",
    "hint",
    "inference_num_threads",
    "intel_auto",
    "intel_cpu",
    "key_cache_group_size",
    "key_cache_precision",
    "loaded_from_cache",
    "log",
    "max_batch_size",
    "model_name",
    "num_streams",
    "optimal_batch_size",
    "optimal_number_of_infer_requests",
    "range_for_async_infer_requests",
    "range_for_streams",
    "runtime_requirements",
    "streams",
    "supported_properties",
    "value_cache_group_size",
    "value_cache_precision",
    "weights_path",
    "workload_type",
]
