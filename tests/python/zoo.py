"""The ``light_*`` networks of the onnx package with seeded random weights.

As they are shipped, their weights are constants and their results nearly so: equal results prove
little. Here each weight gets random values of a scale that keeps activations alive through the
whole network, and the result depends on the input.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, numpy_helper

ZOO = (
    "bvlc_alexnet",
    "densenet121",
    "inception_v1",
    "inception_v2",
    "resnet50",
    "shufflenet",
    "squeezenet",
    "vgg19",
    "zfnet512",
)

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
CACHE = Path(__file__).resolve().parents[2] / ".models"

# What the weights of the last layer are multiplied by, so that Softmax gets values around 1: much
# smaller ones hide errors, much larger ones give one class everything. Measured.
LAST_GAIN = {
    "inception_v1": 4.0,
    "inception_v2": 4.0,
    "resnet50": 4.0,
    "shufflenet": 0.5,
    "squeezenet": 16.0,
    "vgg19": 5.0,
    "zfnet512": 4.0,
}

# Part of the cached file's name: raise it when the weights change.
VERSION = 1


def seeded_zoo_path(name: str, seed: int = 0) -> Path:
    """The network ``light_<name>`` with random weights, as a file that is written once."""
    path = CACHE / f"{name}-{seed}-v{VERSION}.onnx"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        partial = path.with_suffix(f".{id(path)}.partial")
        partial.write_bytes(_make(name, seed).SerializeToString())
        partial.rename(path)  # whole or not there, whoever else writes it meanwhile
    return path


def seeded_zoo(name: str, seed: int = 0) -> onnx.ModelProto:
    """The same as a model in memory."""
    return onnx.load(seeded_zoo_path(name, seed))


@cache
def _light(name: str) -> onnx.ModelProto:
    return onnx.load(LIGHT / f"light_{name}.onnx")


def _make(name: str, seed: int) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(_light(name))
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    shapes = {
        key: value.shape
        for key, value in constants.items()
        if value.dtype == np.float32 and value.size > 0
    }
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            shapes[node.output[0]] = tuple(int(dim) for dim in constants[node.input[0]])
    kept = [node for node in graph.node if node.op_type != "ConstantOfShape"]

    random = np.random.default_rng([zlib.crc32(name.encode()), seed])
    uses = _Uses(kept)
    weights = {
        key: _values(uses, key, shape, random, LAST_GAIN.get(name, 1.0))
        for key, shape in shapes.items()
        if key in uses.readers  # the shipped files hold some that nothing reads
    }
    read = {key for node in kept for key in node.input}
    others = [t for t in graph.initializer if t.name in read and t.name not in weights]
    inputs = [value for value in graph.input if value.name in read - constants.keys()]
    del graph.node[:], graph.initializer[:], graph.input[:]
    graph.node.extend(kept)
    graph.input.extend(inputs)
    graph.initializer.extend(others)
    graph.initializer.extend(numpy_helper.from_array(v, key) for key, v in weights.items())
    model.ir_version = 8  # from 4 on an initialiser need not be an input
    return model


def image(shape: Sequence[int], seed: int) -> npt.NDArray[np.float32]:
    """An input [n, c, h, w]: coarse blocks and some noise. Plain noise averages out on its way."""
    random = np.random.default_rng(seed)
    n, c, h, w = shape
    coarse = random.standard_normal((n, c, -(-h // 32), -(-w // 32)), np.float32)
    blocks = coarse.repeat(32, axis=2).repeat(32, axis=3)[:, :, :h, :w]
    return blocks + np.float32(0.3) * random.standard_normal((n, c, h, w), np.float32)


def image_input(model: onnx.ModelProto, seed: int = 0) -> dict[str, npt.NDArray[np.float32]]:
    """Such an image for the only input of a network of the zoo."""
    (port,) = model.graph.input
    shape = [dim.dim_value for dim in port.type.tensor_type.shape.dim]
    return {port.name: image(shape, seed)}


class _Uses:
    """Who reads and who makes each value."""

    def __init__(self, nodes: list[NodeProto]) -> None:
        self.readers: dict[str, list[tuple[NodeProto, int]]] = defaultdict(list)
        self.makers: dict[str, NodeProto] = {}
        self.last = next(node for node in reversed(nodes) if node.op_type in ("Conv", "Gemm"))
        for node in nodes:
            for index, name in enumerate(node.input):
                self.readers[name].append((node, index))
            for name in node.output:
                self.makers[name] = node

    def use(self, name: str) -> tuple[NodeProto, int]:
        """The node that reads a weight, past what only reshapes it."""
        node, index = self.readers[name][0]
        while node.op_type in ("Unsqueeze", "Reshape"):
            node, index = self.readers[node.output[0]][0]
        return node, index

    def gain(self, norm: NodeProto) -> float:
        """The mean scale of a batch normalisation: what keeps a residual sum from growing."""
        reader, _ = self.readers[norm.output[0]][0]
        if reader.op_type != "Sum":
            return 1.0
        makers = [self.makers.get(name) for name in reader.input]
        normed = all(m is not None and m.op_type == "BatchNormalization" for m in makers)
        return 0.7 if normed else 0.3


def _values(
    uses: _Uses,
    name: str,
    shape: tuple[int, ...],
    random: np.random.Generator,
    last_gain: float,
) -> npt.NDArray[np.float32]:
    node, index = uses.use(name)

    def normal(mean: float, deviation: float) -> npt.NDArray[np.float32]:
        values = random.standard_normal(shape, np.float32)
        values *= np.float32(deviation)
        values += np.float32(mean)
        return values

    def uniform(low: float, high: float) -> npt.NDArray[np.float32]:
        return random.uniform(low, high, shape).astype(np.float32)

    match node.op_type, index:
        case "Conv" | "Gemm", 1:  # He et al. 2015: variance 2 / fan-in
            summed = tuple(range(1, len(shape))) if node.op_type == "Conv" else (-1,)
            fan_in = int(np.prod([shape[axis] for axis in summed]))
            values = normal(0, float(np.sqrt(2 / fan_in)))
            if fan_in >= 16:
                # Blind to the mean that Relu leaves, which would drown what depends on the input.
                values -= values.mean(axis=summed, keepdims=True)
            return values * np.float32(last_gain) if node is uses.last else values
        case "BatchNormalization", 1:
            gain = uses.gain(node)
            return uniform(0.8 * gain, 1.2 * gain)
        case "BatchNormalization", 4:  # the variance
            return uniform(0.5, 1.5)
        case "Mul", _:
            return uniform(0.8, 1.2)
        case _:  # biases and means
            return normal(0, 0.1)
