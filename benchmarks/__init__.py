"""coinfer against OpenVINO and ONNX Runtime, each in its own process, in interleaved rounds."""
