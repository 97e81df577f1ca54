"""The networks that the benchmarks generate, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

import coinfer
from benchmarks.networks.generated import NETWORKS, generated_path
from tests.python.reference import assert_close, reference

F32 = {"INFERENCE_PRECISION_HINT": "f32"}


def shapes_of(port: coinfer.ConstOutput) -> list[list[int]]:
    """One, or several widths for a network whose width is dynamic."""
    extents = list(port.partial_shape)
    if all(extent.is_static for extent in extents):
        return [[extent.get_length() for extent in extents]]
    return [[1, 1, 32, width] for width in (320, 64, 92, 320)]


@pytest.mark.parametrize("hint", ["LATENCY", "THROUGHPUT"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_generated_network_agrees_with_onnx_runtime(name: str, hint: str) -> None:
    path = generated_path(name)
    compiled = coinfer.Core().compile_model(path, "CPU", {**F32, "PERFORMANCE_HINT": hint})
    for seed, shape in enumerate(shapes_of(compiled.input(0))):
        x = np.random.default_rng(seed).standard_normal(shape, np.float32)
        assert_close(compiled({"x": x})[0], reference(path, {"x": x})["y"])
