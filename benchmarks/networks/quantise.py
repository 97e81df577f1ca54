"""Write a network with 8-bit weights and activations, as ONNX Runtime's quantizer makes it.

    .venv-peers/bin/python -m benchmarks.networks.quantise FROM TO OPERATOR [OPERATOR …]

The result holds QuantizeLinear and DequantizeLinear around the given operators (QDQ): weights are
i8 with a scale a channel, activations u8 with one scale and zero point a tensor, both from the
least and the greatest value that seeded inputs give. This runs where onnxruntime is installed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnx.version_converter
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

#: The least version of ONNX that the result is written in.
OPSET = 17
#: Sets of inputs that ranges are taken from.
SAMPLES = 4
TOKENS = 128
#: Made for inputs of these names; all others are images.
TOKEN_RANGES = {"input_ids": (1000, 30000), "attention_mask": (1, 2), "token_type_ids": (0, 1)}


class Seeded(CalibrationDataReader):  # type: ignore[misc]
    """The same random inputs in every run: token lists [1, 128] int64, images float32."""

    def __init__(self, path: Path) -> None:
        graph = onnx.load(path, load_external_data=False).graph
        weights = {tensor.name for tensor in graph.initializer}
        self.ports = [port for port in graph.input if port.name not in weights]
        self.random = np.random.default_rng(0)
        self.left = SAMPLES

    def value(self, port: onnx.ValueInfoProto) -> npt.NDArray[np.generic]:
        if port.name in TOKEN_RANGES:
            return self.random.integers(*TOKEN_RANGES[port.name], (1, TOKENS), dtype=np.int64)
        shape = [dim.dim_value for dim in port.type.tensor_type.shape.dim]
        return self.random.standard_normal(shape).astype(np.float32)

    def get_next(self) -> dict[str, npt.NDArray[np.generic]] | None:
        if self.left == 0:
            return None
        self.left -= 1
        return {port.name: self.value(port) for port in self.ports}


def modern(path: Path) -> onnx.ModelProto:
    """The network in an opset that has scales a channel, sums of two written as Add."""
    model = onnx.load(path)
    if all(entry.version < OPSET for entry in model.opset_import if not entry.domain):
        model = onnx.version_converter.convert_version(model, OPSET)
    for node in model.graph.node:
        if node.op_type == "Sum" and len(node.input) == 2:
            node.op_type = "Add"
    return model


def quantise(source: Path, target: Path, operators: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # Folds batch normalisation; the shapes of ONNX alone are enough here.
        upgraded = Path(folder) / "upgraded.onnx"
        onnx.save(modern(source), upgraded)
        quant_pre_process(upgraded, prepared, skip_symbolic_shape=True)
        partial = target.with_suffix(".partial")
        quantize_static(
            prepared,
            partial,
            Seeded(prepared),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=operators,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Products of two activations (attention) lose more than they gain.
            extra_options={"MatMulConstBOnly": True},
        )
        partial.rename(target)


if __name__ == "__main__":
    quantise(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
