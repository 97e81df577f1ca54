"""Networks that the zoo lacks, made from fixed seeds and kept below ``.models``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.coordinator import ROOT

FOLDER = ROOT / ".models" / "generated"

#: Part of a file's name: raise it when a network changes.
VERSION = 1

Floats = npt.NDArray[np.float32]


class Writer:
    """Collects nodes and weights; each method that adds a node returns the name of its result."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        names = [f"{operator.lower()}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, names[0], **attributes))
        return names[0]

    def split(self, x: str, count: int, axis: int) -> list[str]:
        self.node("Split", x, outputs=count, axis=axis, num_outputs=count)
        return list(self.nodes[-1].output)

    def constant(self, values: npt.ArrayLike, dtype: Any = np.float32) -> str:
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def normal(self, *shape: int, fan_in: int) -> str:
        """He et al. 2015: variance 2 / fan-in."""
        return self.constant(self.random.standard_normal(shape) * np.sqrt(2 / fan_in))

    def small(self, *shape: int) -> str:
        return self.constant(self.random.standard_normal(shape) * 0.1)

    def conv(self, x: str, in_: int, out: int, kernel: int, stride: int = 1, group: int = 1) -> str:
        fan_in = in_ // group * kernel * kernel
        weights = self.normal(out, in_ // group, kernel, kernel, fan_in=fan_in)
        return self.node(
            "Conv", x, weights, self.small(out), group=group, kernel_shape=[kernel] * 2,
            strides=[stride] * 2, pads=[kernel // 2] * 4,
        )  # fmt: skip

    def deconv(self, x: str, in_: int, out: int, kernel: int, pad: int = 0) -> str:
        """A transposed convolution that doubles the extents."""
        weights = self.normal(in_, out, kernel, kernel, fan_in=in_ * kernel * kernel // 4)
        return self.node(
            "ConvTranspose", x, weights, self.small(out), kernel_shape=[kernel] * 2,
            strides=[2, 2], pads=[pad] * 4,
        )  # fmt: skip

    def linear(self, x: str, in_: int, out: int) -> str:
        product = self.node("MatMul", x, self.normal(in_, out, fan_in=in_))
        return self.node("Add", product, self.small(out))

    def reshape(self, x: str, *shape: int) -> str:
        return self.node("Reshape", x, self.constant(shape, np.int64))

    def model(
        self, name: str, shape: Sequence[int | str], result: str, out: Sequence[int | str]
    ) -> onnx.ModelProto:
        """One float32 input, x, and one output, y."""
        self.nodes[-1].output[list(self.nodes[-1].output).index(result)] = "y"
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, out)],
            self.weights,
        )
        opsets = [helper.make_opsetid("", 18)]
        model = helper.make_model(graph, ir_version=8, opset_imports=opsets)
        onnx.checker.check_model(model)
        return model


def mobilenet() -> onnx.ModelProto:
    """MobileNetV3-Small's blocks (Howard et al. 2019, table 2), batch norms folded."""
    w = Writer(1)

    def excite(x: str, channels: int) -> str:
        inner = channels // 4
        y = w.node("GlobalAveragePool", x)
        y = w.node("Relu", w.conv(y, channels, inner, 1))
        y = w.node("HardSigmoid", w.conv(y, inner, channels, 1), alpha=1 / 6, beta=0.5)
        return w.node("Mul", x, y)

    def block(x: str, in_: int, row: tuple[int, int, int, bool, str, int]) -> str:
        kernel, inner, out, squeezes, act, stride = row
        y = x if inner == in_ else w.node(act, w.conv(x, in_, inner, 1))
        y = w.node(act, w.conv(y, inner, inner, kernel, stride, group=inner))
        y = excite(y, inner) if squeezes else y
        y = w.conv(y, inner, out, 1)
        return w.node("Add", x, y) if stride == 1 and in_ == out else y

    x, channels = w.node("HardSwish", w.conv("x", 3, 16, 3, 2)), 16
    for row in (
        (3, 16, 16, True, "Relu", 2),
        (3, 72, 24, False, "Relu", 2),
        (3, 88, 24, False, "Relu", 1),
        (5, 96, 40, True, "HardSwish", 2),
        (5, 240, 40, True, "HardSwish", 1),
        (5, 240, 40, True, "HardSwish", 1),
        (5, 120, 48, True, "HardSwish", 1),
        (5, 144, 48, True, "HardSwish", 1),
        (5, 288, 96, True, "HardSwish", 2),
        (5, 576, 96, True, "HardSwish", 1),
        (5, 576, 96, True, "HardSwish", 1),
    ):
        x, channels = block(x, channels, row), row[2]
    x = w.node("HardSwish", w.conv(x, channels, 576, 1))
    x = w.reshape(w.node("GlobalAveragePool", x), 1, 576)
    x = w.node("HardSwish", w.linear(x, 576, 1024))
    return w.model("mobilenet", [1, 3, 224, 224], w.linear(x, 1024, 1000), [1, 1000])


def segmentation() -> onnx.ModelProto:
    """An encoder to an eighth of the extents, and transposed convolutions back to all of them."""
    w = Writer(2)
    x, channels = "x", 3
    for out in (32, 64, 128):
        x = w.node("Relu", w.conv(x, channels, out, 3, 2))
        x = w.node("Relu", w.conv(x, out, out, 3))
        channels = out
    for out in (64, 32):
        x = w.node("Relu", w.deconv(x, channels, out, 2))
        x = w.node("Relu", w.conv(x, out, out, 3))
        channels = out
    x = w.node("Sigmoid", w.deconv(x, channels, 4, 4, pad=1))
    return w.model("segmentation", [1, 3, 256, 256], x, [1, 4, 256, 256])


def recurrent(w: Writer, operator: str, x: str, in_: int, hidden: int, both: bool) -> str:
    """[steps, batch, in] -> [steps, batch, hidden or twice that]."""
    gates, directions = (4 if operator == "LSTM" else 3) * hidden, 2 if both else 1
    scale = np.sqrt(1 / hidden)

    def uniform(*shape: int) -> str:
        return w.constant(w.random.uniform(-scale, scale, (directions, *shape)))

    more = {"linear_before_reset": 1} if operator == "GRU" else {}
    y = w.node(
        operator, x, uniform(gates, in_), uniform(gates, hidden), uniform(2 * gates),
        hidden_size=hidden, direction="bidirectional" if both else "forward", **more,
    )  # fmt: skip
    if both:
        y = w.node("Transpose", y, perm=[0, 2, 1, 3])
        return w.reshape(y, 0, 0, 2 * hidden)
    return w.node("Squeeze", y, w.constant([1], np.int64))


def recogniser() -> onnx.ModelProto:
    """A text line [1, 1, 32, width] -> [width / 4, 1, classes]: convolutions, then LSTMs (CRNN, Shi
    et al. 2015, made smaller).
    """
    w = Writer(3)
    x, channels = "x", 1
    for out, pool in ((32, [2, 2]), (64, [2, 2]), (128, [2, 1]), (128, [4, 1])):
        x = w.node("Relu", w.conv(x, channels, out, 3))
        x = w.node("MaxPool", x, kernel_shape=pool, strides=pool)
        channels = out
    x = w.node("Squeeze", x, w.constant([2], np.int64))
    x = w.node("Transpose", x, perm=[2, 0, 1])
    x = recurrent(w, "LSTM", x, channels, 128, both=True)
    x = recurrent(w, "LSTM", x, 256, 128, both=True)
    x = w.node("Softmax", w.linear(x, 256, 97), axis=-1)
    return w.model("recogniser", [1, 1, 32, "width"], x, ["steps", 1, 97])


def vision_transformer() -> onnx.ModelProto:
    """Patches of 16 x 16, width 192, six layers of three heads (Dosovitskiy et al. 2020, made
    smaller), as PyTorch exports it: Q, K and V are one product.
    """
    width, heads, tokens = 192, 3, 197
    w = Writer(4)

    def norm(x: str) -> str:
        scale, shift = w.constant(w.random.uniform(0.8, 1.2, width)), w.small(width)
        return w.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-6)

    def attention(x: str) -> str:
        qkv = w.reshape(w.linear(x, width, 3 * width), 1, tokens, 3, heads, width // heads)
        parts = w.split(w.node("Transpose", qkv, perm=[2, 0, 3, 1, 4]), 3, 0)
        axes = w.constant([0], np.int64)
        q, k, v = (w.node("Squeeze", part, axes) for part in parts)
        scores = w.node("MatMul", q, w.node("Transpose", k, perm=[0, 1, 3, 2]))
        scores = w.node("Mul", scores, w.constant((width // heads) ** -0.5))
        y = w.node("MatMul", w.node("Softmax", scores, axis=-1), v)
        y = w.reshape(w.node("Transpose", y, perm=[0, 2, 1, 3]), 1, tokens, width)
        return w.linear(y, width, width)

    def gelu(x: str) -> str:
        y = w.node("Erf", w.node("Div", x, w.constant(np.sqrt(2))))
        y = w.node("Mul", x, w.node("Add", y, w.constant(1)))
        return w.node("Mul", y, w.constant(0.5))

    patches = w.node(
        "Conv", "x", w.normal(width, 3, 16, 16, fan_in=768), w.small(width),
        kernel_shape=[16, 16], strides=[16, 16],
    )  # fmt: skip
    x = w.node("Transpose", w.reshape(patches, 1, width, tokens - 1), perm=[0, 2, 1])
    x = w.node("Concat", w.small(1, 1, width), x, axis=1)
    x = w.node("Add", x, w.small(1, tokens, width))
    for _ in range(6):
        x = w.node("Add", x, attention(norm(x)))
        y = gelu(w.linear(norm(x), width, 4 * width))
        x = w.node("Add", x, w.linear(y, 4 * width, width))
    first = w.node("Gather", norm(x), w.constant(0, np.int64), axis=1)
    y = w.linear(first, width, 1000)
    return w.model("vision_transformer", [1, 3, 224, 224], y, [1, 1000])


def gru() -> onnx.ModelProto:
    """Two layers over 50 steps of one sequence."""
    w = Writer(5)
    x = recurrent(w, "GRU", "x", 64, 128, both=False)
    x = recurrent(w, "GRU", x, 128, 128, both=False)
    return w.model("gru", [50, 1, 64], w.linear(x, 128, 32), [50, 1, 32])


def mlp() -> onnx.ModelProto:
    """Three layers for 32 rows at once."""
    w = Writer(6)
    x, width = "x", 784
    for out in (1024, 1024):
        x, width = w.node("Relu", w.linear(x, width, out)), out
    return w.model("mlp", [32, 784], w.linear(x, width, 10), [32, 10])


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    "mobilenet": mobilenet,
    "segmentation": segmentation,
    "recogniser": recogniser,
    "vit": vision_transformer,
    "gru": gru,
    "mlp": mlp,
}


def generated_path(name: str) -> Path:
    """The network as a file that is written once."""
    path = FOLDER / f"{name}-v{VERSION}.onnx"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{id(path)}.partial")
        partial.write_bytes(NETWORKS[name]().SerializeToString())
        partial.rename(path)
    return path
