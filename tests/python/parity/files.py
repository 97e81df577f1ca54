"""The model files of the snippets: made once, read by both runtimes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.python import ir_texts, models

#: numpy dtypes and their ONNX types, of models that return their input.
TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "float64": TensorProto.DOUBLE,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
}


def subtract(shape: list[int | str | None]) -> onnx.ModelProto:
    nodes = [helper.make_node("Sub", ["x", "y"], ["difference"], "subtract")]
    inputs = [(name, models.F32, shape) for name in "xy"]
    return models.build("subtracting", nodes, inputs, [("difference", models.F32, shape)])


def row_sums() -> onnx.ModelProto:
    axes = {"axes": np.int64([1])}
    nodes = [helper.make_node("ReduceSum", ["x", "axes"], ["total"], "sum", keepdims=0)]
    inputs = [("x", models.F32, ["N", 3])]
    return models.build("row_sums", nodes, inputs, [("total", models.F32, ["N"])], axes)


def identity(kind: int) -> onnx.ModelProto:
    nodes = [helper.make_node("Identity", ["x"], ["y"], "identity")]
    return models.build("identity", nodes, [("x", kind, [2])], [("y", kind, [2])])


def scalar() -> onnx.ModelProto:
    """``y = x + 1``, f32, without dimensions."""
    nodes = [helper.make_node("Add", ["x", "one"], ["y"], "add")]
    ports = [("x", models.F32, [])], [("y", models.F32, [])]
    return models.build("scalar", nodes, *ports, {"one": np.float32(1).reshape(())})


def chain() -> onnx.ModelProto:
    """``sum = x + 1``, ``positive = relu(sum)``, ``y = positive * 2``, f32 [2]."""
    nodes = [
        helper.make_node("Add", ["x", "one"], ["sum"], "add"),
        helper.make_node("Relu", ["sum"], ["positive"], "relu"),
        helper.make_node("Mul", ["positive", "two"], ["y"], "mul"),
    ]
    weights = {"one": np.float32([1]), "two": np.float32([2])}
    ports = [("x", models.F32, [2])], [("y", models.F32, [2])]
    return models.build("chain", nodes, *ports, weights)


def image() -> onnx.ModelProto:
    """``y = x``, f32 [1,3,4,4]."""
    ports = [("x", models.F32, [1, 3, 4, 4])], [("y", models.F32, [1, 3, 4, 4])]
    return models.build("image", [helper.make_node("Identity", ["x"], ["y"])], *ports)


def model_files(folder: Path) -> dict[str, str]:
    """Write the models into the folder; their paths by name."""
    made = {
        "sub": subtract([2, 3]),
        "single": models.one_add([2]),
        "scalar": scalar(),
        "many": models.multi_output(),
        "dynamic": subtract([None, None]),
        "rows": row_sums(),
        "strings": models.string_identity(),
        "chain": chain(),
        "image": image(),
        "slow": models.slow(layers=80, size=512),
        **{f"typed_{name}": identity(kind) for name, kind in TYPES.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, model in made.items():
        path = folder / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        paths[name] = str(path)
    paths["noted"] = str(folder / "noted.xml")
    Path(paths["noted"]).write_text(ir_texts.noted())
    paths["counter"] = str(folder / "counter.xml")
    Path(paths["counter"]).write_text(ir_texts.counter())
    for name, (text, weights) in (
        ("constants", ir_texts.constants()),
        ("version10", ir_texts.version10()),
    ):
        path = folder / f"{name}.xml"
        path.write_text(text)
        path.with_suffix(".bin").write_bytes(weights)
        paths[name] = str(path)
    return paths
