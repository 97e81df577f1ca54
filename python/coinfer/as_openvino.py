"""Run programs written for OpenVINO: `coinfer.install_as_openvino()`."""

from __future__ import annotations

import importlib
import sys


def install_as_openvino() -> None:
    """Put coinfer into `sys.modules` as `openvino`, so that `import openvino` gives it.

    Call it before the program imports openvino. Raises coinfer.Error when the real one was imported
    already.
    """
    import coinfer

    present = sys.modules.get("openvino")
    if present is not None and present is not coinfer:
        raise coinfer.Error("openvino was imported already; call install_as_openvino() first")
    parts = ["layout_helpers", "preprocess", "properties"]
    groups = ("device", "hint", "intel_auto", "intel_cpu", "log", "streams")
    parts += [f"properties.{group}" for group in groups]
    for name in ("openvino", "openvino.runtime"):
        sys.modules[name] = coinfer
        for part in parts:
            sys.modules[f"{name}.{part}"] = importlib.import_module(f"coinfer.{part}")
