"""ONNX's own operator tests, run through the whole of coinfer."""
