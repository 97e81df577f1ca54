"""What ``script/bench advanced`` measures, by part."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.bridge.cases import BOTH, FOLDER, add_of_two
from benchmarks.coordinator import Case

PARTS = ("reuse", "sharing", "hiding", "postponed", "chaining")
#: Bytes of the array that goes in, and of the one that comes out.
SIZES = (4 << 10, 64 << 10, 1 << 20, 16 << 20, 64 << 20)
OUTPUTS = 8
OUTPUT_BYTES = 4 << 20
CHAIN_BYTES = 16 << 20
PRODUCTS = 60


def plus_one_path(size: int) -> Path:
    """Of y = x + 1, float32, x and y of `size` bytes."""
    return FOLDER / f"plus_one_{size}.onnx"


def many_outputs_path() -> Path:
    """Of y0 = x + 1, y1 = x + 1, …, float32."""
    return FOLDER / "many_outputs.onnx"


def slow_path() -> Path:
    """Of some milliseconds of matrix products."""
    return FOLDER / "slow_products.onnx"


def save(
    path: Path, nodes: list[Any], shape: list[int], outputs: list[str], **weights: Any
) -> None:
    """A model of float32 ports that all have that shape; its input is called x."""
    ports = [helper.make_tensor_value_info(y, TensorProto.FLOAT, shape) for y in ("x", *outputs)]
    values = [numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()]
    graph = helper.make_graph(nodes, path.stem, ports[:1], ports[1:], values)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opsets), path)


def write_models() -> None:
    """Make the files that the measures compile."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    one = np.ones(1)
    for size in {*SIZES, CHAIN_BYTES}:
        add = helper.make_node("Add", ["x", "one"], ["y"], "add")
        save(plus_one_path(size), [add], [size // 4], ["y"], one=one)

    names = [f"y{i}" for i in range(OUTPUTS)]
    adds = [helper.make_node("Add", ["x", f"by_{y}"], [y], f"add_{y}") for y in names]
    added = {f"by_{y}": one * i for i, y in enumerate(names)}
    save(many_outputs_path(), adds, [OUTPUT_BYTES // 4], names, **added)

    rows = 512
    values = ["x", *(f"x{i}" for i in range(1, PRODUCTS)), "y"]
    products = [
        helper.make_node("MatMul", [x, "w"], [y], f"product_{y}")
        for x, y in itertools.pairwise(values)
    ]
    save(slow_path(), products, [rows, rows], ["y"], w=np.eye(rows))


def cases(parts: list[str]) -> list[Case]:
    """One case of all the parts: each compiles the models that it needs."""
    if not parts:
        return []
    write_models()
    measures: dict[str, tuple[str, ...]] = {}
    for part in parts:
        names = [f"sharing:{size}" for size in SIZES] if part == "sharing" else [part]
        measures |= dict.fromkeys(names, BOTH)
    vector: dict[str, Any] = {n: {"shape": [1, 16], "dtype": "float32"} for n in "ab"}
    title = "Ways of inference"
    return [Case(title, add_of_two(), vector, measures, rounds=5, seconds=0.3)]
