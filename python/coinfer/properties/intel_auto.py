"""What OpenVINO's AUTO device, which chooses among several, has of its own.

Here there is one device: these are names alone, and setting one is an error.
"""

from __future__ import annotations

from coinfer.properties._choice import Choice
from coinfer.properties._property import Property


class SchedulePolicy(Choice):
    """How inferences are divided among devices."""

    ROUND_ROBIN = 0
    DEVICE_PRIORITY = 1
    DEFAULT = 1


device_bind_buffer = Property("DEVICE_BIND_BUFFER", bool)
devices_utilization_threshold = Property("DEVICES_UTILIZATION_THRESHOLD", dict)
enable_runtime_fallback = Property("ENABLE_RUNTIME_FALLBACK", bool)
enable_startup_fallback = Property("ENABLE_STARTUP_FALLBACK", bool)
low_power_device = Property("LOW_POWER_DEVICE", str)
perf_curve_table = Property("PERF_CURVE_TABLE", str, dict)
schedule_policy = Property("SCHEDULE_POLICY", SchedulePolicy)
