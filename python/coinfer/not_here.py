"""What OpenVINO's module has and coinfer does not, and why: texts of errors."""

from __future__ import annotations

import re

_FILES = "models are read from ONNX and OpenVINO IR files, operators are not built one by one"
_WRITING = (
    "models are not written as OpenVINO IR; CompiledModel.export_model and CACHE_DIR keep what was "
    "compiled"
)
_REMOTE = (
    "all tensors of a CPU are in the process's own memory, see Tensor(array, shared_memory=True)"
)
_EXTENSIONS = "operators are those of coinfer, no others can be added"
_READING = "Core.read_model and convert_model read ONNX and OpenVINO IR, nothing else does"
_REASONS = {
    "save_model": _WRITING,
    "serialize": _WRITING,
    "op": _FILES,
    "Extension": _EXTENSIONS,
    "Op": _EXTENSIONS,
    "OpExtension": _EXTENSIONS,
    "RemoteContext": _REMOTE,
    "RemoteTensor": _REMOTE,
    "VAContext": _REMOTE,
    "VASurfaceTensor": _REMOTE,
    "frontend": _READING,
    "tools": _READING,
}


def reason(name: str) -> str:
    """Why there is no `name`, behind a colon; empty where there is nothing to say."""
    if re.fullmatch(r"opset\d+", name):
        return f": {_FILES}"
    return f": {_REASONS[name]}" if name in _REASONS else ""
