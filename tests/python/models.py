"""Small ONNX models for the tests, the same for the same seed.

Each function returns an ``onnx.ModelProto`` (opset 17, IR version 8, so that every runtime compared
here reads it); ``model.SerializeToString()`` gives the bytes that ``Core.read_model`` takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from tests.python.zoo import ZOO, seeded_zoo, seeded_zoo_path

__all__ = [
    "ZOO",
    "dynamic_mlp",
    "failing",
    "multi_output",
    "non_zero",
    "one_add",
    "reshape_by_value",
    "seeded_zoo",
    "seeded_zoo_path",
    "slow",
    "string_identity",
    "two_inputs",
]

Dim = int | str | None
Port = tuple[str, int, Sequence[Dim]]

F32 = TensorProto.FLOAT
I64 = TensorProto.INT64


def build(
    name: str,
    nodes: Sequence[NodeProto],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    weights: Mapping[str, npt.NDArray[np.generic]] | None = None,
) -> onnx.ModelProto:
    """A checked model; a port is (name, element type, dimensions), None or a name is dynamic."""
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(*port) for port in inputs],
        [helper.make_tensor_value_info(*port) for port in outputs],
        [numpy_helper.from_array(value, key) for key, value in (weights or {}).items()],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model)
    return model


def one_add(shape: Sequence[Dim] = (1, 16)) -> onnx.ModelProto:
    """``y = x + 1``, f32; pass None or a name for a dynamic dimension."""
    nodes = [helper.make_node("Add", ["x", "one"], ["y"], "add")]
    return build(
        "one_add", nodes, [("x", F32, shape)], [("y", F32, shape)], {"one": np.float32([1])}
    )


def two_inputs(shape: Sequence[Dim] = (1, 16)) -> onnx.ModelProto:
    """``difference = input_0 - input_1``, f32: swapped inputs are seen."""
    nodes = [helper.make_node("Sub", ["input_0", "input_1"], ["difference"], "sub")]
    inputs = [("input_0", F32, shape), ("input_1", F32, shape)]
    return build("two_inputs", nodes, inputs, [("difference", F32, shape)])


def multi_output(shape: Sequence[Dim] = (2, 3)) -> onnx.ModelProto:
    """Of ``x``, f32: ``plus`` = x + 1, ``positive`` = relu(x), ``total`` = its sum, a scalar, and
    ``large`` = x > 0.5, bool.
    """
    nodes = [
        helper.make_node("Add", ["x", "one"], ["plus"], "add"),
        helper.make_node("Relu", ["x"], ["positive"], "relu"),
        helper.make_node("ReduceSum", ["x"], ["total"], "sum", keepdims=0),
        helper.make_node("Greater", ["x", "half"], ["large"], "greater"),
    ]
    outputs = [
        ("plus", F32, shape),
        ("positive", F32, shape),
        ("total", F32, []),
        ("large", TensorProto.BOOL, shape),
    ]
    weights = {"one": np.float32([1]), "half": np.float32([0.5])}
    return build("multi_output", nodes, [("x", F32, shape)], outputs, weights)


def dynamic_mlp(
    seed: int = 0, features: int = 16, hidden: int = 32, classes: int = 8
) -> onnx.ModelProto:
    """``x`` [N, features] -> Gemm, Relu, Gemm, Softmax -> ``probabilities`` [N, classes], f32."""
    random = np.random.default_rng(seed)

    def normal(*shape: int) -> npt.NDArray[np.float32]:
        return (random.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32)

    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h1"], "fc1"),
        helper.make_node("Relu", ["h1"], ["h2"], "relu"),
        helper.make_node("Gemm", ["h2", "w2", "b2"], ["h3"], "fc2"),
        helper.make_node("Softmax", ["h3"], ["probabilities"], "softmax", axis=-1),
    ]
    weights = {
        "w1": normal(features, hidden),
        "b1": normal(hidden),
        "w2": normal(hidden, classes),
        "b2": normal(classes),
    }
    outputs = [("probabilities", F32, ["N", classes])]
    return build("dynamic_mlp", nodes, [("x", F32, ["N", features])], outputs, weights)


def string_identity(shape: Sequence[Dim] = (None,)) -> onnx.ModelProto:
    """``y = x`` for strings."""
    nodes = [helper.make_node("Identity", ["x"], ["y"], "identity")]
    text = TensorProto.STRING
    return build("string_identity", nodes, [("x", text, shape)], [("y", text, shape)])


def reshape_by_value(size: int | None = None) -> onnx.ModelProto:
    """Two stages: ``x`` [size], f32, is doubled, then reshaped to the ``rows``, i64 [1], asked for;
    ``y`` [rows, size / rows] = relu(2 x). The shape is known only when the data are.
    """
    nodes = [
        helper.make_node("Mul", ["x", "two"], ["doubled"], "mul"),
        helper.make_node("Concat", ["rows", "rest"], ["target"], "concat", axis=0),
        helper.make_node("Reshape", ["doubled", "target"], ["shaped"], "reshape"),
        helper.make_node("Relu", ["shaped"], ["y"], "relu"),
    ]
    weights = {"two": np.float32([2]), "rest": np.int64([-1])}
    inputs: list[Port] = [("x", F32, [size]), ("rows", I64, [1])]
    return build("reshape_by_value", nodes, inputs, [("y", F32, [None, None])], weights)


def non_zero(shape: Sequence[Dim] = (None,)) -> onnx.ModelProto:
    """Two stages around NonZero: of ``x``, f32, the ``indices`` [count, rank], i64, of the elements
    that are not zero, and twice these elements as ``values`` [count].
    """
    nodes = [
        helper.make_node("Mul", ["x", "two"], ["doubled"], "mul"),
        helper.make_node("NonZero", ["doubled"], ["found"], "non_zero"),
        helper.make_node("Transpose", ["found"], ["indices"], "transpose", perm=[1, 0]),
        helper.make_node("GatherND", ["doubled", "indices"], ["values"], "gather"),
    ]
    outputs: list[Port] = [("indices", I64, [None, len(shape)]), ("values", F32, [None])]
    return build("non_zero", nodes, [("x", F32, shape)], outputs, {"two": np.float32([2])})


#: For models that must take their time: bf16 is many times as fast on some machines.
IN_F32 = {"INFERENCE_PRECISION_HINT": "f32"}


def slow(layers: int = 200, size: int = 512, seed: int = 0) -> onnx.ModelProto:
    """``layers`` steps ``x = relu(x @ w)`` of [size, size], f32: some milliseconds each, so that
    there is time to cancel. All share one weight, and values neither grow nor fade.
    """
    random = np.random.default_rng(seed)
    weight = (random.standard_normal((size, size)) * np.sqrt(2 / size)).astype(np.float32)
    nodes = []
    name = "x"
    for layer in range(layers):
        last = "y" if layer == layers - 1 else f"relu_{layer}"
        nodes.append(
            helper.make_node("MatMul", [name, "w"], [f"product_{layer}"], f"matmul_{layer}")
        )
        nodes.append(helper.make_node("Relu", [f"product_{layer}"], [last], f"relu_{layer}"))
        name = last
    port: Sequence[Dim] = [size, size]
    return build("slow", nodes, [("x", F32, port)], [("y", F32, port)], {"w": weight})


def failing() -> onnx.ModelProto:
    """``y`` = row ``index``, i64 [1], of a table of four: an index out of range is found only while
    it runs.
    """
    nodes = [helper.make_node("Gather", ["table", "index"], ["y"], "gather")]
    table = np.arange(8, dtype=np.float32).reshape(4, 2)
    inputs: list[Port] = [("index", I64, [1])]
    return build("failing", nodes, inputs, [("y", F32, [1, 2])], {"table": table})
