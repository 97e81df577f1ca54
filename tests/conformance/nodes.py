"""The operator tests that the ``onnx`` package makes, and which of them coinfer is meant to pass.

Each case is a model of one operator (or of the function that defines it: ``…_expanded``) with
inputs and expected outputs.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, numpy_helper

# Why a case is not run, by what its model contains. A case that none of the tables names must pass.
UNSUPPORTED_OPERATORS = {
    "Adagrad": "training",
    "Adam": "training",
    "AffineGrid": "no kernel",
    "ArrayFeatureExtractor": "classic machine learning (ai.onnx.ml)",
    "Attention": "no kernel; its expanded form runs",
    "Bernoulli": "random",
    "Binarizer": "classic machine learning (ai.onnx.ml)",
    "BitCast": "no kernel",
    "BlackmanWindow": "no kernel; its expanded form runs",
    "CausalConvWithState": "no kernel",
    "CenterCropPad": "no kernel; its expanded form runs",
    "ConvInteger": "no kernel",
    "DFT": "no kernel",
    "Det": "no kernel",
    "FlexAttention": "no kernel",
    "HammingWindow": "no kernel; its expanded form runs",
    "HannWindow": "no kernel; its expanded form runs",
    "ImageDecoder": "image files",
    "LabelEncoder": "classic machine learning (ai.onnx.ml)",
    "LinearAttention": "no kernel",
    "LpPool": "no kernel",
    "MatMulInteger": "no kernel",
    "MaxUnpool": "no kernel",
    "MelWeightMatrix": "no kernel",
    "Momentum": "training",
    "NegativeLogLikelihoodLoss": "training",
    "Optional": "optional values",
    "OptionalGetElement": "optional values",
    "OptionalHasElement": "optional values",
    "QLinearConv": "no kernel",
    "QLinearMatMul": "no kernel",
    "RandomUniformLike": "random",
    "RegexFullMatch": "text",
    "RoiAlign": "no kernel",
    "STFT": "no kernel",
    "SequenceConstruct": "sequences",
    "SoftmaxCrossEntropyLoss": "training",
    "SplitToSequence": "sequences",
    "StringConcat": "text",
    "StringNormalizer": "text",
    "StringSplit": "text",
    "SwiGLU": "no kernel",
    "TensorScatter": "no kernel",
    "TfIdfVectorizer": "text",
    "TreeEnsemble": "classic machine learning (ai.onnx.ml)",
}

UNSUPPORTED_CASES = {
    "test_scan_sum": "Scan of opset 8, whose tensors have a batch axis",
    "test_batchnorm_epsilon_training_mode": "training",
    "test_batchnorm_example_training_mode": "training",
    "test_training_dropout": "training",
    "test_training_dropout_default": "training",
    "test_training_dropout_default_mask": "training",
    "test_training_dropout_mask": "training",
    "test_training_dropout_zero_ratio": "training",
    "test_training_dropout_zero_ratio_mask": "training",
}

_NAMES = (
    "FLOAT DOUBLE FLOAT16 BFLOAT16 INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 BOOL STRING"
)
SUPPORTED_TYPES = {TensorProto.DataType.Value(name) for name in _NAMES.split()}


@dataclass(frozen=True)
class NodeCase:
    """A model, inputs and what shall come out."""

    name: str
    model: onnx.ModelProto
    inputs: list[npt.NDArray[Any]]
    outputs: list[npt.NDArray[Any]]
    rtol: float
    atol: float
    unsupported: str | None
    """Why it is not meant to pass; None when it is."""


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)
            for inner in attribute.graphs:
                yield from _graphs(inner)


def operators(model: onnx.ModelProto) -> set[str]:
    """The types of all nodes, those of bodies included."""
    return {node.op_type for graph in _graphs(model.graph) for node in graph.node}


def _reason(name: str, model: onnx.ModelProto) -> str | None:
    if name in UNSUPPORTED_CASES:
        return UNSUPPORTED_CASES[name]
    for graph in _graphs(model.graph):
        for node in graph.node:
            if node.op_type in UNSUPPORTED_OPERATORS:
                return f"{node.op_type}: {UNSUPPORTED_OPERATORS[node.op_type]}"
        for port in (*graph.input, *graph.output):
            if graph is not model.graph and not port.type.WhichOneof("value"):
                continue  # bodies need not declare types
            if not port.type.HasField("tensor_type"):
                return "sequences and optional values"
            number = port.type.tensor_type.elem_type
            if number not in SUPPORTED_TYPES:
                return f"element type {TensorProto.DataType.Name(number)}"
        for tensor in graph.initializer:
            if tensor.data_type not in SUPPORTED_TYPES:
                return f"element type {TensorProto.DataType.Name(tensor.data_type)}"
    if any(opset.domain == "" and opset.version < 7 for opset in model.opset_import):
        return "opset below 7"
    return None


def _array(value: Any) -> npt.NDArray[Any]:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


@functools.cache
def node_cases() -> dict[str, NodeCase]:
    """All cases by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases divide by zero on purpose
        from onnx.backend.test.case.node import collect_testcases

        cases = collect_testcases(None)
    result = {}
    for case in cases:
        assert case.model is not None
        assert case.data_sets is not None
        reason = _reason(case.name, case.model)
        inputs, outputs = case.data_sets[0]
        run = reason is None or case.name in UNSUPPORTED_CASES
        result[case.name] = NodeCase(
            name=case.name,
            model=case.model,
            inputs=[_array(value) for value in inputs] if run else [],
            outputs=[_array(value) for value in outputs] if run else [],
            rtol=case.rtol,
            atol=case.atol,
            unsupported=reason,
        )
    return result
