"""Neural network inference for blocking, asyncio and C++ programs."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from coinfer._coinfer import (
    AsyncInferQueue,
    Cancelled,
    CompiledModel,
    ConstOutput,
    Core,
    DeadlineExceeded,
    Dimension,
    Error,
    InferRequest,
    Input,
    Layout,
    Model,
    ModelFileError,
    Node,
    Output,
    PartialShape,
    RequestBusy,
    RTMap,
    Shape,
    Symbol,
    Tensor,
    Unsupported,
    VariableState,
    Version,
    __version__,
    stats,
    zero_copy_report,
)
from coinfer.as_openvino import install_as_openvino
from coinfer.batcher import Batcher
from coinfer.element_type import Type
from coinfer.ovdict import OVDict
from coinfer.tracing import trace

if TYPE_CHECKING:
    from coinfer import layout_helpers, preprocess, properties
    from coinfer._coinfer import InferFuture
    from coinfer.batch_size import get_batch, set_batch
    from coinfer.convert import convert_model
    from coinfer.ov_any import OVAny
    from coinfer.profiling_info import ProfilingInfo
    from coinfer.stream import infer_stream
    from coinfer.strides import Strides
    from coinfer.type_info import DiscreteTypeInfo

__all__ = [
    "AsyncInferQueue",
    "Batcher",
    "Cancelled",
    "CompiledModel",
    "ConstOutput",
    "Core",
    "DeadlineExceeded",
    "Dimension",
    "DiscreteTypeInfo",
    "Error",
    "InferFuture",
    "InferRequest",
    "Input",
    "Layout",
    "Model",
    "ModelFileError",
    "Node",
    "OVAny",
    "OVDict",
    "Output",
    "PartialShape",
    "ProfilingInfo",
    "RTMap",
    "RequestBusy",
    "Shape",
    "Strides",
    "Symbol",
    "Tensor",
    "Type",
    "Unsupported",
    "VariableState",
    "Version",
    "__version__",
    "compile_model",
    "convert_model",
    "get_batch",
    "get_version",
    "infer_stream",
    "install_as_openvino",
    "layout_helpers",
    "preprocess",
    "properties",
    "set_batch",
    "stats",
    "tensor_from_file",
    "trace",
    "zero_copy_report",
]


def compile_model(
    model: Any, device_name: str | None = None, config: dict[str, Any] | None = None
) -> CompiledModel:
    """Compile a model, or what `Core.read_model` takes, with a Core of its own.

    `device_name` is "CPU" or left out, `config` are properties. Raises what `Core.compile_model`
    raises.
    """
    return Core().compile_model(model, device_name, config)


def get_version() -> str:
    """The version of coinfer."""
    return __version__


def tensor_from_file(path: str | PathLike[str]) -> Tensor:
    """A u8 Tensor [bytes] over the file at `path`, which is mapped read-only, not read.

    Raises OSError when it cannot be opened, ValueError when it is empty.
    """
    import numpy as np

    return Tensor(np.memmap(path, np.uint8, "r"), shared_memory=True)


#: Imported when first used, because most programs never do: name -> module, and name in it.
_LAZY = {
    "InferFuture": ("coinfer._coinfer", "InferFuture"),
    "infer_stream": ("coinfer.stream", "infer_stream"),
    "get_batch": ("coinfer.batch_size", "get_batch"),
    "set_batch": ("coinfer.batch_size", "set_batch"),
    "convert_model": ("coinfer.convert", "convert_model"),
    "Strides": ("coinfer.strides", "Strides"),
    "DiscreteTypeInfo": ("coinfer.type_info", "DiscreteTypeInfo"),
    "OVAny": ("coinfer.ov_any", "OVAny"),
    "ProfilingInfo": ("coinfer.profiling_info", "ProfilingInfo"),
    "layout_helpers": ("coinfer.layout_helpers", None),
    "preprocess": ("coinfer.preprocess", None),
    "properties": ("coinfer.properties", None),
    "runtime": ("coinfer", None),
}


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _LAZY:
        reason = importlib.import_module("coinfer.not_here").reason(name)
        raise AttributeError(f"module 'coinfer' has no attribute '{name}'{reason}")

    module, attribute = _LAZY[name]
    found: Any = importlib.import_module(module)
    if attribute is not None:
        found = getattr(found, attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
