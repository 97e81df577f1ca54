"""Which operator a node is, and of which of OpenVINO's opsets."""

from __future__ import annotations

import functools
from dataclasses import dataclass


@functools.total_ordering
@dataclass(frozen=True)
class DiscreteTypeInfo:
    """An operator's name, and the opset of OpenVINO that its newest version is of: "opset8".

    It is "" for an operator that OpenVINO does not have.

    Thread safety: immutable.
    """

    name: str
    version_id: str

    __hash__ = None  # type: ignore[assignment]

    @property
    def parent(self) -> None:
        """None: operators have no classes here that they are derived from."""
        return

    def hash(self) -> int:
        """A number that is equal for equal ones, in this process."""
        return hash((self.name, self.version_id))

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, DiscreteTypeInfo):
            return NotImplemented
        return (self.version_id, self.name) < (other.version_id, other.name)

    def __repr__(self) -> str:
        return f"<DiscreteTypeInfo: {self.name} {self.version_id}>"


#: By opset, the operators whose newest version is of it.
_NEWEST = {
    1: (
        "Abs Acos Add Asin Atan BinaryConvolution CTCGreedyDecoder Ceiling Clamp Concat "
        "Constant Convert ConvertLike Convolution ConvolutionBackpropData Cos Cosh "
        "DeformablePSROIPooling DepthToSpace Divide Elu Equal Erf Exp FakeQuantize Floor "
        "FloorMod GRN GatherTree Greater GreaterEqual GroupConvolution "
        "GroupConvolutionBackpropData HardSigmoid LRN Less LessEqual Log LogicalAnd "
        "LogicalNot LogicalOr MatMul Maximum Minimum Mod Multiply Negative NormalizeL2 "
        "NotEqual PRelu PSROIPooling Parameter Power PriorBoxClustered RNNCell "
        "ReduceLogicalAnd ReduceLogicalOr ReduceMax ReduceMean ReduceMin ReduceProd "
        "ReduceSum RegionYolo Relu Reshape Result ReverseSequence Select Selu "
        "ShuffleChannels Sigmoid Sign Sin Sinh SpaceToDepth Split Sqrt SquaredDifference "
        "StridedSlice Subtract Tan Tanh TensorIterator Tile Transpose Unsqueeze "
        "VariadicSplit"
    ),
    2: "BatchToSpace LogicalXor ROIPooling ReorgYolo SpaceToBatch",
    3: (
        "Broadcast Bucketize CumSum EmbeddingBagOffsetsSum EmbeddingBagPackedSum "
        "EmbeddingSegmentsSum ExtractImagePatches GRUCell NonZero ScatterUpdate ShapeOf"
    ),
    4: (
        "Acosh Asinh Atanh CTCLoss HSwish LSTMCell Mish Proposal Range ReduceL1 ReduceL2 "
        "SoftPlus Swish"
    ),
    5: ("BatchNormInference GRUSequence HSigmoid LSTMSequence LogSoftmax Loop RNNSequence Round"),
    6: (
        "Assign CTCGreedyDecoderSeqLen ExperimentalDetectronDetectionOutput "
        "ExperimentalDetectronGenerateProposalsSingleImage "
        "ExperimentalDetectronPriorGridGenerator ExperimentalDetectronROIFeatureExtractor "
        "ExperimentalDetectronTopKROIs GatherElements MVN ReadValue"
    ),
    7: "DFT Einsum Gelu IDFT Roll",
    8: (
        "AdaptiveAvgPool AdaptiveMaxPool DeformableConvolution DetectionOutput Gather "
        "GatherND I420toBGR I420toRGB If MatrixNms NV12toBGR NV12toRGB PriorBox "
        "RandomUniform Slice Softmax"
    ),
    9: (
        "Eye GenerateProposals GridSample IRDFT MulticlassNms NonMaxSuppression RDFT "
        "ROIAlign SoftSign"
    ),
    10: "IsFinite IsInf IsNaN Unique",
    11: "Interpolate TopK",
    12: "GroupNormalization Pad ScatterElementsUpdate",
    13: (
        "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor FakeConvert Multinomial NMSRotated "
        "ScaledDotProductAttention"
    ),
    14: "ConvertPromoteTypes Inverse MaxPool",
    15: (
        "BitwiseLeftShift BitwiseRightShift Col2Im EmbeddingBagOffsets EmbeddingBagPacked "
        "ROIAlignRotated STFT ScatterNDUpdate SearchSorted SliceScatter Squeeze "
        "StringTensorPack StringTensorUnpack"
    ),
    16: "AvgPool ISTFT Identity OneHot SegmentMax SparseFillEmptyRows",
    17: "ErfInv GroupedMatMul",
}
_OPSETS = {name: f"opset{opset}" for opset, names in _NEWEST.items() for name in names.split()}


def type_info(name: str) -> DiscreteTypeInfo:
    """Of an operator by OpenVINO's name."""
    return DiscreteTypeInfo(name, _OPSETS.get(name, ""))
