"""The models that are measured; each is written once below ``build/bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.coordinator import ROOT, Case
from samples import minilm_onnx
from tests.python.zoo import seeded_zoo_path

FOLDER = ROOT / "build" / "bench"

BOTH = ("coinfer", "openvino")
ALL = ("coinfer", "openvino", "onnxruntime")

Measures = dict[str, tuple[str, ...]]

BLOCKING: Measures = {"call": ALL}
OVERHEAD_BLOCKING: Measures = {"call": ALL, "infer": BOTH, "start_and_wait": BOTH}
OVERHEAD_MANY: Measures = {
    "await:1": ALL,
    "await:16": ALL,
    "await:64": ALL,
    "queue": BOTH,
    "queue:callback": BOTH,
}


def one_add() -> Path:
    """x + 1, float32 [1, 16]: what is measured is the way to it and back."""
    path = FOLDER / "one_add.onnx"
    if not path.exists():
        one = numpy_helper.from_array(np.ones((1, 16), np.float32), "one")
        ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 16]) for n in "xy"]
        node = helper.make_node("Add", ["x", "one"], ["y"], "add")
        graph = helper.make_graph([node], "one_add", ports[:1], ports[1:], [one])
        opsets = [helper.make_opsetid("", 17)]
        FOLDER.mkdir(parents=True, exist_ok=True)
        onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opsets), path)
    return path


def resnet50() -> Path:
    """The light_resnet50 of the onnx package, with seeded random weights in place of its own."""
    return seeded_zoo_path("resnet50")


def single_input(path: Path) -> dict[str, Any]:
    """The specification of a model's only real input."""
    model = onnx.load(path, load_external_data=False)
    weights = {tensor.name for tensor in model.graph.initializer}
    (port,) = (value for value in model.graph.input if value.name not in weights)
    shape = [dim.dim_value for dim in port.type.tensor_type.shape.dim]
    return {port.name: {"shape": shape, "dtype": "float32"}}


def cases(names: list[str]) -> list[Case]:
    result = []
    vector = {"x": {"shape": [1, 16], "dtype": "float32"}}
    if "overhead" in names:
        result.append(Case("one-add, blocking", one_add(), vector, OVERHEAD_BLOCKING))
        result.append(Case("one-add, many", one_add(), vector, OVERHEAD_MANY, "throughput"))
    if "resnet50" in names:
        path = resnet50()
        result.append(Case("light_resnet50, batch 1", path, single_input(path), BLOCKING))
    if "minilm" in names:
        tokens = {"shape": [1, 128], "dtype": "int64", "low": 1000, "high": 30000}
        ones = {"shape": [1, 128], "dtype": "int64", "low": 1, "high": 2}
        zeros = {"shape": [1, 128], "dtype": "int64", "low": 0, "high": 1}
        inputs = {"input_ids": tokens, "attention_mask": ones, "token_type_ids": zeros}
        title = "MiniLM-L6, batch 1, 128 tokens"
        result.append(Case(title, minilm_onnx.model_path(), inputs, BLOCKING))
    return result
