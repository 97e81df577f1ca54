"""What a device is."""

from coinfer.properties._property import ReadOnlyProperty

full_name = ReadOnlyProperty("FULL_DEVICE_NAME")
