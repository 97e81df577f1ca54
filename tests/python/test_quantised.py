"""Quantised networks: in 8 bits from file to result, and exported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import coinfer

SHAPE = [1, 16, 11, 9]
STEP = 0.05


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    """Conv, Relu and a sum with the input, all between QuantizeLinear and DequantizeLinear."""
    random = np.random.default_rng(0)
    weights: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []

    def constant(value: npt.ArrayLike, dtype: npt.DTypeLike) -> str:
        name = f"c{len(weights)}"
        weights.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def node(operator: str, *inputs: str, **attributes: object) -> str:
        name = f"v{len(nodes)}"
        nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def both(x: str, scale: float, zero: int) -> str:
        scales = constant(scale, np.float32), constant(zero, np.uint8)
        return node("DequantizeLinear", node("QuantizeLinear", x, *scales), *scales)

    x = both("x", 0.03, 128)
    values = constant(random.integers(-127, 128, (16, 16, 3, 3)), np.int8)
    scale = constant(random.uniform(0.001, 0.002, 16), np.float32)
    w = node("DequantizeLinear", values, scale, axis=0)
    bias = constant(random.standard_normal(16), np.float32)
    y = node("Relu", node("Conv", x, w, bias, pads=[1, 1, 1, 1]))
    y = both(node("Add", both(y, 0.04, 0), x), STEP, 60)
    nodes[-1].output[0] = "y"
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, SHAPE) for n in "xy"]
    graph = helper.make_graph(nodes, "quantised", ports[:1], ports[1:], weights)
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])


@pytest.fixture(scope="module")
def x() -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_quantised_network_is_within_a_step_of_its_definition(
    model: onnx.ModelProto, x: npt.NDArray[np.float32], precision: str
) -> None:
    wanted = ReferenceEvaluator(model).run(None, {"x": x})[0]
    config = {"INFERENCE_PRECISION_HINT": precision}
    got = coinfer.Core().compile_model(model.SerializeToString(), "CPU", config)(x)["y"]
    assert np.abs(got - wanted).max() <= 2 * STEP * 1.01
    assert np.mean(np.abs(got - wanted) > 0.01 * STEP) < 0.01
    assert np.unique(got).size > 50


def test_an_exported_quantised_network_gives_the_same(
    model: onnx.ModelProto, x: npt.NDArray[np.float32]
) -> None:
    compiled = coinfer.Core().compile_model(model.SerializeToString(), "CPU")
    wanted = compiled(x)["y"]
    stream = compiled.export_model()
    np.testing.assert_array_equal(coinfer.Core().import_model(stream, "CPU")(x)["y"], wanted)


@pytest.mark.parametrize("precision", ["", "f32", "bf16"])
def test_a_cached_quantised_network_gives_the_same_and_packs_nothing(
    model: onnx.ModelProto, x: npt.NDArray[np.float32], tmp_path: Path, precision: str
) -> None:
    config = {"CACHE_DIR": str(tmp_path / "cache")}
    if precision:
        config["INFERENCE_PRECISION_HINT"] = precision
    content = model.SerializeToString()

    def run(compile_model: Callable[[], coinfer.CompiledModel]) -> tuple[object, list[str], object]:
        """LOADED_FROM_CACHE, what the trace shows, the result."""
        trace = tmp_path / "trace.json"
        with coinfer.trace(trace):
            compiled = compile_model()
            y = compiled(x)["y"]
        spans = [event["name"] for event in json.loads(trace.read_text())["traceEvents"]]
        return compiled.get_property("LOADED_FROM_CACHE"), spans, y

    core = coinfer.Core()
    cached, spans, first = run(lambda: core.compile_model(content, "CPU", config))
    assert not cached
    assert "pack weights" in spans
    cached, spans, again = run(lambda: core.compile_model(content, "CPU", config))
    assert cached
    assert "passes" not in spans
    assert "pack weights" not in spans
    np.testing.assert_array_equal(again, first)
    exported = core.compile_model(content, "CPU", config).export_model()
    hint = {key: value for key, value in config.items() if key != "CACHE_DIR"}
    _, spans, imported = run(lambda: core.import_model(exported, "CPU", hint))
    assert "pack weights" not in spans
    np.testing.assert_array_equal(imported, first)
