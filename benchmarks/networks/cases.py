"""What ``script/bench networks`` measures, by network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.coordinator import Case
from benchmarks.models import ALL, one_add, single_input
from benchmarks.networks.generated import generated_path
from benchmarks.networks.quantised import quantised_path
from samples import minilm_onnx
from samples.magika import network as magika
from tests.python.zoo import ZOO, seeded_zoo_path

#: The ways that a network is measured.
WAYS = ("latency", "throughput", "start")
IN_FLIGHT = 4
AWAITS = (16, 64)


@dataclass(frozen=True)
class Network:
    title: str
    path: Callable[[], Path]
    inputs: Callable[[Path], dict[str, Any]] = single_input


def tokens(batch: int, length: int) -> Network:
    def integers(low: int, high: int) -> dict[str, Any]:
        return {"shape": [batch, length], "dtype": "int64", "low": low, "high": high}

    inputs = {
        "input_ids": integers(1000, 30000),
        "attention_mask": integers(1, 2),
        "token_type_ids": integers(0, 1),
    }
    title = f"MiniLM-L6, {batch} x {length} tokens"
    return Network(title, minilm_onnx.model_path, lambda _: inputs)


def made(name: str, title: str, shape: Sequence[int | list[int]]) -> Network:
    inputs = {"x": {"shape": list(shape), "dtype": "float32"}}
    return Network(title, lambda: generated_path(name), lambda _: inputs)


def quantised(of: Network, *operators: str) -> Network:
    """The network with the operators' tensors in 8 bits."""
    return Network(of.title + ", int8", lambda: quantised_path(of.path(), operators), of.inputs)


def content(_: Path) -> dict[str, Any]:
    network = magika.load()
    shape = [1, network.beg_size + network.end_size]
    return {"bytes": {"shape": shape, "dtype": "int32", "low": 0, "high": 256}}


NETWORKS: dict[str, Network] = {
    **{
        name: Network(f"light_{name}", lambda name=name: seeded_zoo_path(name))  # type: ignore[misc]
        for name in ZOO
    },
    "minilm-128": tokens(1, 128),
    "minilm-16": tokens(1, 16),
    "minilm-8x128": tokens(8, 128),
    "minilm-8x16": tokens(8, 16),
    "magika": Network("Magika", lambda: magika.load().path, content),
    "one-add": Network("one-add", one_add),
    "mobilenet": made("mobilenet", "MobileNetV3-like", [1, 3, 224, 224]),
    "segmentation": made("segmentation", "Segmentation head", [1, 3, 256, 256]),
    "recogniser": made("recogniser", "Text recogniser, width 320", [1, 1, 32, 320]),
    # Other widths with every call: 20 sets of inputs, which take turns.
    "widths": made("recogniser", "Text recogniser, 20 widths", [1, 1, 32, [64, 640, 8]]),
    "vit": made("vit", "Vision transformer", [1, 3, 224, 224]),
    "gru": made("gru", "GRU", [50, 1, 64]),
    "mlp": made("mlp", "MLP, 32 rows", [32, 784]),
}
NETWORKS["resnet50-int8"] = quantised(
    NETWORKS["resnet50"], "Conv", "Add", "MaxPool", "AveragePool", "Gemm", "Relu"
)
NETWORKS["minilm-int8"] = quantised(NETWORKS["minilm-128"], "MatMul")


def cases(names: Sequence[str], ways: Sequence[str]) -> list[Case]:
    """The ways of each of the networks."""
    result = []
    for name in names:
        network = NETWORKS[name]
        path = network.path()
        inputs = network.inputs(path)
        for way in ways:
            case = Case(f"{network.title}, {way}", path, inputs, {}, rounds=9, seconds=0.2)
            case.network, case.way = network.title, way
            if way == "latency":
                case.measures = {"latency": ALL}
            elif way == "throughput":
                case.mode = "throughput"
                case.measures = {f"in_flight:{IN_FLIGHT}": ALL}
                case.measures |= {f"await:{count}": ALL for count in AWAITS}
            else:
                case.measures = {"start": ALL}
                case.rounds, case.seconds, case.warm_up = 3, 0, False
            result.append(case)
    return result
