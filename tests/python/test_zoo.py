"""The networks of the zoo, with weights that matter, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import coinfer
from tests.python import models
from tests.python.reference import assert_close, reference
from tests.python.zoo import LIGHT, ZOO, image_input, seeded_zoo_path

F32 = {"INFERENCE_PRECISION_HINT": "f32"}


@pytest.mark.parametrize("name", ZOO)
def test_a_seeded_network_agrees_with_onnx_runtime(name: str) -> None:
    path = seeded_zoo_path(name)
    inputs = image_input(onnx.load(path))
    compiled = coinfer.Core().compile_model(path, "CPU", F32)
    results = compiled(inputs)
    for key, expected in reference(path, inputs).items():
        assert_close(results[key], expected, name=key)


@pytest.mark.parametrize("name", ZOO)
def test_a_network_as_it_is_shipped_gives_its_reference_output(name: str) -> None:
    expected = onnx.numpy_helper.to_array(onnx.load_tensor(LIGHT / f"light_{name}_output_0.pb"))
    compiled = coinfer.Core().compile_model(LIGHT / f"light_{name}.onnx", "CPU", F32)
    inputs = {}
    for port in compiled.inputs:
        shape = list(port.shape)
        # What the onnx package's own runner gives these networks: 0, 1/n, 2/n …
        count = int(np.prod(shape))
        inputs[port.any_name] = (np.arange(count, dtype=np.float32) / count).reshape(shape)
    result = compiled(inputs)[0]
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_a_dynamic_batch_agrees_with_onnx_runtime(batch: int) -> None:
    model = models.dynamic_mlp(5)
    x = np.random.default_rng(batch).standard_normal((batch, 16), np.float32)
    compiled = coinfer.Core().compile_model(model.SerializeToString(), "CPU", F32)
    assert_close(compiled({"x": x})[0], reference(model, {"x": x})["probabilities"])


def test_stages_agree_with_onnx_runtime() -> None:
    reshape, non_zero = models.reshape_by_value(), models.non_zero([None, None])
    core = coinfer.Core()
    compiled = core.compile_model(reshape.SerializeToString(), "CPU", F32)
    x = np.random.default_rng(0).standard_normal(24, np.float32)
    for rows in (4, 6, 4):
        inputs = {"x": x, "rows": np.int64([rows])}
        assert_close(compiled(inputs)[0], reference(reshape, inputs)["y"])
    compiled = core.compile_model(non_zero.SerializeToString(), "CPU", F32)
    for threshold in (0.5, 2.5):  # the second finds next to nothing
        x = np.random.default_rng(1).standard_normal((5, 7), np.float32)
        x[np.abs(x) < threshold] = 0
        results = compiled({"x": x})
        for key, expected in reference(non_zero, {"x": x}).items():
            assert_close(results[key], expected, name=key)
