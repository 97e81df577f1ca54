"""Names of properties, for configurations: `{properties.num_streams: 2}`.

A property is a str that can be called: `hint.execution_mode(hint.ExecutionMode.ACCURACY)` is the
pair ("EXECUTION_MODE_HINT", ExecutionMode.ACCURACY).
"""

from coinfer.properties import device, hint, log, streams
from coinfer.properties._property import Property, ReadOnlyProperty

available_devices = ReadOnlyProperty("AVAILABLE_DEVICES")
cache_dir = Property("CACHE_DIR")
enable_profiling = Property("PERF_COUNT")
execution_devices = ReadOnlyProperty("EXECUTION_DEVICES")
inference_num_threads = Property("INFERENCE_NUM_THREADS")
model_name = ReadOnlyProperty("NETWORK_NAME")
num_streams = streams.num
optimal_number_of_infer_requests = ReadOnlyProperty("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
supported_properties = ReadOnlyProperty("SUPPORTED_PROPERTIES")

__all__ = [
    "Property",
    "ReadOnlyProperty",
    "available_devices",
    "cache_dir",
    "device",
    "enable_profiling",
    "execution_devices",
    "hint",
    "inference_num_threads",
    "log",
    "model_name",
    "num_streams",
    "optimal_number_of_infer_requests",
    "streams",
    "supported_properties",
]
