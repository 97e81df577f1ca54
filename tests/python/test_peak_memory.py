"""What compiling a model needs at most, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from tests.python import models

LAYERS = 6
CHANNELS = 512

PEAK_OF_COMPILING = """
import sys, numpy as np, coinfer
def peak():
    return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM")) << 10
core = coinfer.Core()
core.compile_model(sys.argv[2], "CPU")
before = peak()
compiled = core.compile_model(sys.argv[1], "CPU")
print(peak() - before, float(compiled(np.ones((1, int(sys.argv[3]), 2, 2), np.float32))[0].sum()))
"""


def normalised_convolutions() -> onnx.ModelProto:
    """Convolutions, each with a batch norm: 3x3 weights of CHANNELS / 2 squared."""
    channels = CHANNELS
    random = np.random.default_rng(1)
    weights: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}
    nodes = []
    for i in range(LAYERS):
        weights[f"w{i}"] = random.standard_normal((channels, channels, 3, 3)).astype(np.float32)
        for name in ("scale", "shift", "mean", "variance"):
            weights[f"{name}{i}"] = random.uniform(0.5, 1, channels).astype(np.float32)
        nodes.append(helper.make_node("Conv", [f"x{i}", f"w{i}"], [f"y{i}"], pads=[1] * 4))
        normal = [f"y{i}", f"scale{i}", f"shift{i}", f"mean{i}", f"variance{i}"]
        nodes.append(helper.make_node("BatchNormalization", normal, [f"x{i + 1}"]))
    shape = (1, channels, 2, 2)
    ports = [(name, models.F32, shape) for name in ("x0", f"x{LAYERS}")]
    return models.build("normalised", nodes, ports[:1], ports[1:], weights)


def test_weights_are_not_there_as_read_folded_and_packed_at_once(tmp_path: Path) -> None:
    path, small = tmp_path / "model.onnx", tmp_path / "small.onnx"
    onnx.save(normalised_convolutions(), path)
    onnx.save(models.one_add(), small)
    weights = path.stat().st_size
    done = subprocess.run(
        [sys.executable, "-c", PEAK_OF_COMPILING, path, small, str(CHANNELS)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    peak, total = map(float, done.stdout.split())
    assert np.isfinite(total)
    assert peak < 2.6 * weights, f"{peak / weights:.2f} times the weights"
