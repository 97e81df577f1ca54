"""What ``script/bench bridge`` measures, by part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from benchmarks.coordinator import ROOT, Case
from tests.python.zoo import seeded_zoo_path

FOLDER = ROOT / "build" / "bench"

OURS = ("coinfer",)
BOTH = ("coinfer", "openvino")
ALL = ("coinfer", "openvino", "onnxruntime")

PARTS = ("blocking", "many", "cpp", "lag", "cancel", "memory")


def add_of_two() -> Path:
    """sum = a + b, float32 [1, 16]: one step, so that all the rest is the way to it and back."""
    path = FOLDER / "add_of_two.onnx"
    if not path.exists():
        a, b, total = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 16])
            for name in ("a", "b", "sum")
        )
        node = helper.make_node("Add", ["a", "b"], ["sum"], "add")
        graph = helper.make_graph([node], "add_of_two", [a, b], [total])
        opsets = [helper.make_opsetid("", 17)]
        FOLDER.mkdir(parents=True, exist_ok=True)
        onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opsets), path)
    return path


def cases(parts: list[str], awaits: int) -> list[Case]:
    """The cases of the parts; `awaits` is how many of them the memory is watched over."""
    result = []
    vector: dict[str, Any] = {n: {"shape": [1, 16], "dtype": "float32"} for n in "ab"}
    image: dict[str, Any] = {"data_0": {"shape": [1, 3, 224, 224], "dtype": "float32"}}

    if "blocking" in parts:
        measures: dict[str, tuple[str, ...]] = {
            "call": ALL,
            "infer_shared": BOTH,
            "start_and_wait": BOTH,
        }
        result.append(Case("Add of two arrays, one at a time", add_of_two(), vector, measures))
    if "many" in parts:
        measures = {"queue": BOTH, "queue:callback": BOTH}
        measures |= {f"await:{n}": ALL for n in (1, 16, 64)}
        measures |= {f"await:{n}:uvloop": OURS for n in (1, 16, 64)}
        title = "Add of two arrays, many in flight"
        result.append(Case(title, add_of_two(), vector, measures, "throughput"))
    if "cpp" in parts:
        title = "Add of two arrays, C++"
        result.append(Case(title, add_of_two(), vector, {"cpp": OURS}))
    if "lag" in parts:
        for mode in ("latency", "throughput"):
            title = f"Event loop beside 64 awaits of light_squeezenet, {mode.upper()}"
            measures = {"lag:64:asyncio": ALL, "lag:64:uvloop": OURS}
            path = seeded_zoo_path("squeezenet")
            result.append(Case(title, path, image, measures, mode, rounds=3, seconds=10))
    if "cancel" in parts:
        title = "Cancel of a running light_vgg19"
        path = seeded_zoo_path("vgg19")
        result.append(Case(title, path, image, {"cancel": BOTH}, rounds=3, seconds=20))
    if "memory" in parts:
        title = f"Memory over {awaits:,} awaits, 64 in flight"
        measures = {f"growth:{awaits}:{loop}": OURS for loop in ("asyncio", "uvloop")}
        case = Case(title, add_of_two(), vector, measures, "throughput", rounds=1, seconds=0)
        case.warm_up = False
        result.append(case)
    return result
