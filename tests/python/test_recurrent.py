"""RNN, GRU, LSTM and ConvTranspose against ONNX Runtime: one model of many nodes each."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import coinfer
from tests.python.reference import assert_close, reference

Array = npt.NDArray[Any]
F32 = {"INFERENCE_PRECISION_HINT": "f32"}
TIME, BATCH, INPUT, HIDDEN = 6, 3, 5, 4
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


class Network:
    """Nodes over shared inputs; what each of them makes is an output."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(7)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.outputs: list[str] = []

    def constant(self, *shape: int) -> str:
        name = f"w{len(self.weights)}"
        values = self.rng.uniform(-0.6, 0.6, shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def add(self, kind: str, inputs: list[str], outputs: int = 1, **attributes: Any) -> None:
        names = [f"n{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        self.outputs += names

    def check(self, inputs: dict[str, Array]) -> None:
        types = {name: helper.np_dtype_to_tensor_dtype(x.dtype) for name, x in inputs.items()}
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info(n, types[n], list(x.shape)) for n, x in inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self.outputs],
            self.weights,
        )
        model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
        results = coinfer.Core().compile_model(model.SerializeToString(), "CPU", F32)(inputs)
        for name, expected in reference(model, inputs).items():
            assert results[name].shape == expected.shape
            assert_close(results[name], expected, name=name)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_recurrent_operators_agree_with_onnx_runtime(kind: str) -> None:
    network = Network()
    gates = GATES[kind] * HIDDEN
    for direction, full in itertools.product(["forward", "reverse", "bidirectional"], [0, 1, 2]):
        count = 2 if direction == "bidirectional" else 1
        inputs = [
            "x",
            network.constant(count, gates, INPUT),
            network.constant(count, gates, HIDDEN),
        ]
        attributes: dict[str, Any] = {"hidden_size": HIDDEN, "direction": direction}
        if full:
            inputs += [network.constant(count, 2 * gates), "lengths" if full == 2 else ""]
            inputs.append(network.constant(count, BATCH, HIDDEN))
            attributes["clip"] = 0.9
        if full and kind == "LSTM":
            inputs += [
                network.constant(count, BATCH, HIDDEN),
                network.constant(count, 3 * HIDDEN),
            ]
        if kind == "GRU":
            attributes["linear_before_reset"] = full % 2
        network.add(kind, inputs, 3 if kind == "LSTM" else 2, **attributes)
    x = np.random.default_rng(3).standard_normal((TIME, BATCH, INPUT), np.float32)
    network.check({"x": x, "lengths": np.array([6, 1, 4], np.int32)})


def test_activations_agree_with_onnx_runtime() -> None:
    network = Network()
    kinds = ["Relu", "LeakyRelu", "HardSigmoid", "Elu", "Softsign", "ScaledTanh", "Affine"]
    for kind in kinds:
        network.add(
            "RNN",
            ["x", network.constant(1, HIDDEN, INPUT), network.constant(1, HIDDEN, HIDDEN)],
            hidden_size=HIDDEN,
            activations=[kind],
            activation_alpha=[0.3],
            activation_beta=[0.7],
        )
    x = np.random.default_rng(4).standard_normal((TIME, BATCH, INPUT), np.float32)
    network.check({"x": x})


def test_a_sequence_of_another_length_is_another_plan() -> None:
    rng = np.random.default_rng(5)
    weights = rng.uniform(-1, 1, (1, 4 * HIDDEN, INPUT)).astype(np.float32)
    recurrence = rng.uniform(-1, 1, (1, 4 * HIDDEN, HIDDEN)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=HIDDEN)],
        "lstm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["T", "B", INPUT])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(recurrence, "r")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    compiled = coinfer.Core().compile_model(model.SerializeToString(), "CPU", F32)
    x = rng.standard_normal((TIME, BATCH, INPUT), np.float32)
    whole = compiled([x])[0]
    # What comes later changes nothing of what was before.
    np.testing.assert_allclose(compiled([x[:2]])[0], whole[:2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(compiled([x[:, :1]])[0], whole[:, :, :1], rtol=1e-5, atol=1e-6)
    assert compiled([x[:0]])[0].shape == (0, 1, BATCH, HIDDEN)


def test_transposed_convolutions_agree_with_onnx_runtime() -> None:
    network = Network()
    for group, bias, attributes in itertools.product(
        [1, 2],
        [False, True],
        [
            {},
            {"strides": [2, 3], "pads": [1, 0, 2, 1], "output_padding": [1, 2]},
            {"strides": [3, 2], "output_shape": [20, 15]},
            {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
            {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
            {"dilations": [2, 1], "strides": [1, 2]},
        ],
    ):
        inputs = ["x", network.constant(6, 4, 3, 4)]
        if bias:
            inputs.append(network.constant(4 * group))
        network.add("ConvTranspose", inputs, group=group, **attributes)
    network.add("ConvTranspose", ["line", network.constant(6, 5, 3)], strides=[2])
    network.add("ConvTranspose", ["volume", network.constant(2, 3, 2, 3, 2)], strides=[2, 1, 2])
    rng = np.random.default_rng(6)
    shapes = {"x": (2, 6, 6, 7), "line": (1, 6, 9), "volume": (1, 2, 3, 4, 3)}
    network.check({name: rng.standard_normal(s, np.float32) for name, s in shapes.items()})
