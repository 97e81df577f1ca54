"""Neural network inference for blocking, asyncio and C++ programs."""

from __future__ import annotations

from typing import Any

from coinfer._coinfer import (
    AsyncInferQueue,
    Cancelled,
    CompiledModel,
    ConstOutput,
    Core,
    DeadlineExceeded,
    Dimension,
    Error,
    InferFuture,
    InferRequest,
    Model,
    ModelFileError,
    Output,
    PartialShape,
    RequestBusy,
    Shape,
    Tensor,
    Unsupported,
    Version,
    __version__,
    stats,
    zero_copy_report,
)
from coinfer.as_openvino import install_as_openvino
from coinfer.batcher import Batcher
from coinfer.element_type import Type
from coinfer.ovdict import OVDict
from coinfer.stream import infer_stream
from coinfer.tracing import trace

__all__ = [
    "AsyncInferQueue",
    "Batcher",
    "Cancelled",
    "CompiledModel",
    "ConstOutput",
    "Core",
    "DeadlineExceeded",
    "Dimension",
    "Error",
    "InferFuture",
    "InferRequest",
    "Model",
    "ModelFileError",
    "OVDict",
    "Output",
    "PartialShape",
    "RequestBusy",
    "Shape",
    "Tensor",
    "Type",
    "Unsupported",
    "Version",
    "__version__",
    "compile_model",
    "infer_stream",
    "install_as_openvino",
    "properties",
    "stats",
    "trace",
    "zero_copy_report",
]


def compile_model(
    model: Any, device_name: str | None = None, config: dict[str, Any] | None = None
) -> CompiledModel:
    """Compile a model, or what `Core.read_model` takes, with a Core of its own."""
    return Core().compile_model(model, device_name, config)


def __getattr__(name: str) -> Any:
    # Imported when first used: most programs never do.
    if name in ("properties", "runtime"):
        import importlib
        import sys

        own = name == "runtime"
        module = sys.modules[__name__] if own else importlib.import_module("coinfer.properties")
        globals()[name] = module
        return module
    raise AttributeError(f"module 'coinfer' has no attribute '{name}'")
