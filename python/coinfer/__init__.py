"""Neural network inference for blocking, asyncio and C++ programs."""

from coinfer._coinfer import (
    Cancelled,
    ConstOutput,
    DeadlineExceeded,
    Dimension,
    Error,
    ModelFileError,
    Output,
    PartialShape,
    RequestBusy,
    Shape,
    Tensor,
    Unsupported,
    __version__,
)
from coinfer.element_type import Type
from coinfer.ovdict import OVDict

__all__ = [
    "Cancelled",
    "ConstOutput",
    "DeadlineExceeded",
    "Dimension",
    "Error",
    "ModelFileError",
    "OVDict",
    "Output",
    "PartialShape",
    "RequestBusy",
    "Shape",
    "Tensor",
    "Type",
    "Unsupported",
    "__version__",
]
