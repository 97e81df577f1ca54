"""Operators whose first result nobody wants, before operators that passes join with others."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import coinfer
from tests.python.reference import assert_close, reference

RNG = np.random.default_rng(5)


def weights(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return RNG.uniform(-0.5, 0.5, shape).astype(np.float32)


NODES: dict[str, tuple[onnx.NodeProto, dict[str, Any]]] = {
    "rnn": (
        helper.make_node("RNN", ["x", "w", "r"], ["", "y"], hidden_size=8),
        {"w": weights(1, 8, 8), "r": weights(1, 8, 8)},
    ),
    "gru": (
        helper.make_node("GRU", ["x", "w", "r"], ["", "y"], hidden_size=8),
        {"w": weights(1, 24, 8), "r": weights(1, 24, 8)},
    ),
    "lstm": (
        helper.make_node("LSTM", ["x", "w", "r"], ["", "", "y"], hidden_size=8),
        {"w": weights(1, 32, 8), "r": weights(1, 32, 8)},
    ),
    "maxpool": (helper.make_node("MaxPool", ["x"], ["all", "i"], kernel_shape=[3]), {}),
    "unique": (helper.make_node("Unique", ["x"], ["all", "i"], sorted=1), {}),
}


@pytest.mark.parametrize("precision", ["f32", "bf16"])
@pytest.mark.parametrize("name", NODES)
def test_a_first_result_may_be_absent(name: str, precision: str) -> None:
    node, constants = NODES[name]
    nodes = [node]
    if node.output[-1] == "i":
        nodes.append(helper.make_node("Cast", ["i"], ["y"], to=TensorProto.FLOAT))
    nodes += [
        helper.make_node("Relu", ["y"], ["a"]),
        helper.make_node("Mul", ["a", "half"], ["b"]),
        helper.make_node("Flatten", ["b"], ["c"], axis=0),
        helper.make_node("Sigmoid", ["c"], ["result"]),
    ]
    constants = {**constants, "half": np.array(0.5, np.float32)}
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 2, 8])],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    x = {"x": RNG.normal(size=(4, 2, 8)).astype(np.float32)}
    config = {"INFERENCE_PRECISION_HINT": precision}
    results = coinfer.Core().compile_model(model.SerializeToString(), "CPU", config)(x)
    expected = reference(model, x)["result"]
    if precision == "f32":
        assert_close(results["result"], expected, name=name)
    else:
        np.testing.assert_allclose(results["result"], expected, rtol=0.03, atol=0.03)
