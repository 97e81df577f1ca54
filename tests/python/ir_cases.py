"""Models of single operators, as OpenVINO makes them and answers them.

The table is read by test_ir.py; run as a program in the peers' environment this file writes each
model as ``<folder>/<name>.xml`` and ``.bin`` with its inputs and results as ``<name>.npz``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# (the opset builders, one parameter for each input) -> the node whose outputs are the results
Build = Callable[..., Any]
Case = tuple[Build, list[Array]]

rng = np.random.default_rng(7)
CASES: dict[str, Case] = {}


def real(*shape: int, low: float = -2, high: float = 2) -> Array:
    return rng.uniform(low, high, shape).astype(np.float32)


def case(name: str, build: Build, *inputs: Any) -> None:
    assert name not in CASES
    CASES[name] = build, [np.asarray(value) for value in inputs]


def attribute(name: str) -> Build:
    return lambda o, *values: getattr(o, name)(*values)


for unary in [
    "absolute",
    "atan",
    "asin",
    "acos",
    "asinh",
    "ceiling",
    "cos",
    "cosh",
    "erf",
    "exp",
    "floor",
    "hsigmoid",
    "hswish",
    "mish",
    "negative",
    "relu",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softplus",
    "softsign",
    "tan",
    "tanh",
]:
    case(unary, attribute(unary), real(2, 5, low=-0.9, high=0.9))
for unary in ["log", "sqrt", "acosh"]:
    case(unary, attribute(unary), real(2, 5, low=1.1, high=3))
case("atanh", attribute("atanh"), real(2, 5, low=-0.9, high=0.9))
for binary in [
    "add",
    "subtract",
    "multiply",
    "divide",
    "maximum",
    "minimum",
    "mod",
    "floor_mod",
    "squared_difference",
    "equal",
    "not_equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
]:
    case(binary, attribute(binary), real(2, 3, 4), real(3, 1, low=0.5))
whole = np.arange(-6, 6, dtype=np.int32)
for binary in [
    "add",
    "subtract",
    "multiply",
    "divide",
    "floor_mod",
    "mod",
    "maximum",
    "equal",
    "less",
]:
    case(f"{binary}_i32", attribute(binary), whole, np.int32([4, -4] * 6))
case("power", attribute("power"), real(2, 3, low=0.5), real(3))
truths = np.array([[True, False, True], [False, False, True]])
for binary in ["logical_and", "logical_or", "logical_xor"]:
    case(binary, attribute(binary), truths, ~truths[:1])
case("logical_not", attribute("logical_not"), truths)
case("add_pdpd", lambda o, a, b: o.add(a, b, auto_broadcast="PDPD"), real(2, 3, 4), real(2, 3, 4))
case("clamp", lambda o, x: o.clamp(x, -0.5, 1.5), real(3, 4))
case("elu", lambda o, x: o.elu(x, 0.7), real(3, 4))
case("selu", lambda o, x: o.selu(x, np.float32(1.6), np.float32(1.1)), real(3, 4))
case("prelu", lambda o, x: o.prelu(x, np.float32([0.1, 0.2, 0.3])), real(2, 3, 4, 4))
for mode in ("erf", "tanh"):
    case(f"gelu_{mode}", lambda o, x, mode=mode: o.gelu(x, mode), real(3, 4))
case("swish", lambda o, x: o.swish(x, np.float32(1.3)), real(3, 4))
case("swish_plain", lambda o, x: o.swish(x), real(3, 4))
case(
    "hard_sigmoid",
    lambda o, x: o.hard_sigmoid(x, np.float32(0.3), np.float32(0.4)),
    real(3, 4),
)
for mode in ("half_to_even", "half_away_from_zero"):
    halves = np.float32([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.3, 3.2])
    case(f"round_{mode}", lambda o, x, mode=mode: o.round(x, mode), halves)
case("is_nan", attribute("is_nan"), np.float32([1, np.nan, np.inf]))
case("is_inf", attribute("is_inf"), np.float32([1, np.nan, np.inf, -np.inf]))
case("is_finite", attribute("is_finite"), np.float32([1, np.nan, np.inf, -np.inf]))
case("select", attribute("select"), truths, real(2, 3), real(3))
for to in ("f32", "i32", "i64", "u8", "boolean"):
    case(f"convert_{to}", lambda o, x, to=to: o.convert(x, to), np.float32([0, 1.7, 3, 100.2]))
for limits in ((-1.0, 1.0, -1.0, 1.0), (-0.7, 1.2, 0.0, 5.0)):
    case(
        f"fake_quantize_{limits[0]}",
        lambda o, x, limits=limits: o.fake_quantize(x, *(np.float32(v) for v in limits), 256),
        real(2, 3, 4),
    )
case(
    "fake_quantize_channels",
    lambda o, x: o.fake_quantize(
        x,
        np.float32([-1, -2, -0.5]).reshape(1, 3, 1),
        np.float32([1, 1.5, 0.5]).reshape(1, 3, 1),
        np.float32(-1),
        np.float32(1),
        16,
    ),
    real(2, 3, 4),
)

data = real(2, 3, 4)
case("reshape", lambda o, x: o.reshape(x, np.int64([0, -1]), True), data)
case("squeeze", lambda o, x: o.squeeze(x, np.int64([0, 2])), real(1, 3, 1))
case("unsqueeze", lambda o, x: o.unsqueeze(x, np.int64([0, -1])), data)
case("transpose", lambda o, x: o.transpose(x, np.int64([2, 0, 1])), data)
case("transpose_reversed", lambda o, x: o.transpose(x, np.int64([])), data)
for to in ("i32", "i64"):
    case(f"shape_of_{to}", lambda o, x, to=to: o.shape_of(x, to), data)
case("concat", lambda o, a, b: o.concat([a, b], 1), data, real(2, 2, 4))
case("split", lambda o, x: o.split(x, np.int64(2), 2), data)
case("variadic_split", lambda o, x: o.variadic_split(x, np.int64(2), np.int64([1, -1])), data)
for axis in (0, 1, -1):
    case(
        f"gather_{axis}",
        lambda o, x, axis=axis: o.gather(x, np.int64([[1, 0]]), np.int64(axis)),
        data,
    )
    case(
        f"scatter_update_{axis}",
        lambda o, x, u, axis=axis: o.scatter_update(x, np.int64([1, 0]), u, np.int64(axis)),
        data,
        real(*(2 if i == axis % 3 else n for i, n in enumerate(data.shape))),
    )
case(
    "gather_batch",
    lambda o, x: o.gather(x, np.int64([[1, 0], [2, 2]]), np.int64(1), 1),
    data,
)
case(
    "gather_elements",
    lambda o, x: o.gather_elements(x, np.int64([[0, 2], [1, 1]]), 1),
    real(2, 3),
)
case("gather_nd", lambda o, x: o.gather_nd(x, np.int64([[0, 1], [1, 2]])), data)
case(
    "scatter_nd_update",
    lambda o, x, u: o.scatter_nd_update(x, np.int64([[1], [0]]), u),
    data,
    real(2, 3, 4),
)
case(
    "scatter_elements_update",
    lambda o, x, u: o.scatter_elements_update(x, np.int64([[0, 2], [1, 0]]), u, np.int64(1), "sum"),
    real(2, 3),
    real(2, 2),
)
MASKS = ("begin_mask", "end_mask", "new_axis_mask", "shrink_axis_mask", "ellipsis_mask")
SLICES: dict[str, tuple[list[int], list[int], list[int], list[list[int]]]] = {
    "plain": ([0, 1, 0], [2, 3, 4], [1, 1, 2], [[], [], [], [], []]),
    "open": ([1, 1, 1], [1, 2, 2], [1, 1, 1], [[1, 0, 0], [1, 1, 0], [], [], []]),
    "reversed": ([0, 0, 0], [0, 0, 0], [1, -1, -1], [[1, 1, 1], [1, 1, 1], [], [], []]),
    "shrunk": ([0, -1, 0], [1, 0, 4], [1, 1, 1], [[], [], [], [0, 1, 0], []]),
    "widened": ([0, 0, 1], [2, 1, 3], [1, 1, 1], [[], [], [0, 1, 0], [], []]),
    "rest": ([0, 1], [0, 3], [1, 1], [[], [], [], [], [1, 0]]),
    "rest_shrunk": ([0, 1, 2], [1, 0, 3], [1, 1, 1], [[], [], [], [1, 0, 1], [0, 1, 0]]),
}
for name, (begin, end, step, masks) in SLICES.items():
    case(
        f"strided_slice_{name}",
        lambda o, x, b=begin, e=end, s=step, m=masks: o.strided_slice(
            x,
            np.int64(b),
            np.int64(e),
            np.int64(s),
            **{key: v or [0] * len(b) for key, v in zip(MASKS, m, strict=True)},
        ),
        data,
    )
case(
    "slice",
    lambda o, x: o.slice(
        x, np.int64([3, 0]), np.int64([0, 2]), np.int64([-2, 1]), np.int64([2, 1])
    ),
    data,
)
for mode in ("constant", "edge", "reflect"):
    case(
        f"pad_{mode}",
        lambda o, x, mode=mode: o.pad(
            x, np.int64([0, 1, 2]), np.int64([1, 2, 0]), mode, np.float32(3)
        ),
        data,
    )
case("tile", lambda o, x: o.tile(x, np.int64([2, 1, 3])), data)
case("broadcast", lambda o, x: o.broadcast(x, np.int64([2, 3, 4])), real(3, 1))
case(
    "broadcast_explicit",
    lambda o, x: o.broadcast(x, np.int64([2, 3, 4]), np.int64([1]), "EXPLICIT"),
    real(3),
)
case(
    "broadcast_bidirectional",
    lambda o, x: o.broadcast(x, np.int64([3, 1]), None, "BIDIRECTIONAL"),
    real(2, 1, 4),
)
case("range", lambda o, x: o.range(x, np.int32(9), np.int32(2), "f32"), np.int32(1))
case(
    "one_hot",
    lambda o, x: o.one_hot(x, np.int64(4), np.float32(5), np.float32(-1), -1),
    np.int64([[0, 3], [2, 1]]),
)
for mode in ("max", "min"):
    for sort in ("value", "index"):
        case(
            f"topk_{mode}_{sort}",
            lambda o, x, mode=mode, sort=sort: o.topk(x, np.int64(3), -1, mode, sort),
            real(3, 6),
        )
case("non_zero", lambda o, x: o.non_zero(x, "i32"), np.float32([[0, 1], [2, 0]]))
for flags in ((False, False), (True, True)):
    case(
        f"cum_sum_{flags[0]}",
        lambda o, x, flags=flags: o.cum_sum(x, np.int64(1), *flags),
        data,
    )
for mode in ("blocks_first", "depth_first"):
    case(
        f"depth_to_space_{mode}",
        lambda o, x, mode=mode: o.depth_to_space(x, mode, 2),
        real(1, 8, 2, 3),
    )
case("space_to_depth", lambda o, x: o.space_to_depth(x, "blocks_first", 2), real(1, 2, 4, 6))
case(
    "reverse_sequence",
    lambda o, x: o.reverse_sequence(x, np.int64([2, 3]), 0, 1),
    data,
)

for turns in ((False, False), (True, False), (False, True), (True, True)):
    left = real(2, 4, 3) if turns[0] else real(2, 3, 4)
    right = real(5, 4) if turns[1] else real(4, 5)
    case(f"matmul_{turns[0]}_{turns[1]}", lambda o, a, b, t=turns: o.matmul(a, b, *t), left, right)
case("matmul_vectors", lambda o, a, b: o.matmul(a, b, True, True), real(4), real(4))
image = real(2, 4, 9, 10)
filters = real(6, 4, 3, 3)
for rule in ("explicit", "same_upper", "same_lower", "valid"):
    case(
        f"convolution_{rule}",
        lambda o, x, rule=rule: o.convolution(x, filters, [2, 1], [1, 0], [0, 2], [1, 2], rule),
        image,
    )
group_filters = real(2, 3, 2, 3, 3)
case(
    "group_convolution",
    lambda o, x: o.group_convolution(x, group_filters, [1, 1], [1, 1], [1, 1], [1, 1]),
    image,
)
back_filters = real(4, 3, 3, 3)
case(
    "convolution_backprop_data",
    lambda o, x: o.convolution_backprop_data(
        x, back_filters, [2, 2], pads_begin=[1, 1], pads_end=[0, 1], output_padding=[1, 0]
    ),
    image,
)
BACKPROP: dict[str, tuple[list[int] | None, list[int], str]] = {
    "same": (None, [1, 1], "same_upper"),
    "valid": (None, [0, 0], "valid"),
    "upper": ([18, 20], [0, 0], "same_upper"),
    "upper_odd": ([18, 18], [0, 0], "same_upper"),
    "upper_padded": ([17, 20], [1, 1], "same_upper"),
    "lower_odd": ([18, 18], [0, 0], "same_lower"),
    "shorter": ([17, 18], [0, 0], "explicit"),
    "longer": ([20, 23], [0, 0], "explicit"),
    "valid_shorter": ([17, 19], [0, 0], "valid"),
}
for name, (extents, more, rule) in BACKPROP.items():
    case(
        f"convolution_backprop_data_{name}",
        lambda o, x, extents=extents, more=more, rule=rule: o.convolution_backprop_data(
            x,
            back_filters,
            [2, 2],
            None if extents is None else o.constant(np.int64(extents)),
            [1, 0] if rule == "explicit" else [0, 0],
            [0, 1] if rule == "explicit" else [0, 0],
            auto_pad=rule,
            output_padding=more,
        ),
        image,
    )
group_back_filters = real(2, 2, 3, 3, 3)
for name, (extents, more, rule) in BACKPROP.items():
    case(
        f"group_convolution_backprop_data_{name}",
        lambda o, x, extents=extents, more=more, rule=rule: o.group_convolution_backprop_data(
            x,
            group_back_filters,
            [2, 2],
            None if extents is None else o.constant(np.int64(extents)),
            [1, 0] if rule == "explicit" else [0, 0],
            [0, 1] if rule == "explicit" else [0, 0],
            auto_pad=rule,
            output_padding=more,
        ),
        image,
    )
case(
    "group_convolution_backprop_data",
    lambda o, x: o.group_convolution_backprop_data(
        x, group_back_filters, [1, 2], pads_begin=[1, 1], pads_end=[1, 1]
    ),
    image,
)
case(
    "max_pool",
    lambda o, x: o.max_pool(x, [2, 1], [1, 1], [1, 0], [0, 1], [3, 2]).output(0),
    image,
)
case(
    "max_pool_indices",
    lambda o, x: o.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]),
    image,
)
for exclude in (True, False):
    case(
        f"avg_pool_{exclude}",
        lambda o, x, exclude=exclude: o.avg_pool(x, [2, 2], [1, 1], [1, 1], [3, 3], exclude),
        image,
    )
case(
    "batch_norm_inference",
    lambda o, x: o.batch_norm_inference(
        x,
        np.float32([1, 2, 3, 4]),
        np.float32([0, 1, 0, -1]),
        np.float32([0.1, 0.2, 0.3, 0.4]),
        np.float32([1, 2, 1, 0.5]),
        1e-3,
    ),
    image,
)
for kind in ["mean", "sum", "max", "min", "prod", "l1", "l2"]:
    for keep in (False, True):
        case(
            f"reduce_{kind}_{keep}",
            lambda o, x, kind=kind, keep=keep: getattr(o, f"reduce_{kind}")(
                x, np.int64([0, -1]), keep
            ),
            data,
        )
for kind in ("and", "or"):
    case(
        f"reduce_logical_{kind}",
        lambda o, x, kind=kind: getattr(o, f"reduce_logical_{kind}")(x, np.int64([1]), True),
        truths,
    )
for axis in (1, -1):
    case(f"softmax_{axis}", lambda o, x, axis=axis: o.softmax(x, axis), data)
    case(f"log_softmax_{axis}", lambda o, x, axis=axis: o.log_softmax(x, axis), data)
for where in ("inside_sqrt", "outside_sqrt"):
    case(
        f"mvn_{where}",
        lambda o, x, where=where: o.mvn(x, np.int64([1, 2]), True, 1e-2, where),
        data,
    )
case("mvn_mean", lambda o, x: o.mvn(x, np.int64([2]), False, 1e-2, "inside_sqrt"), data)
for where in ("add", "max"):
    case(
        f"normalize_l2_{where}",
        lambda o, x, where=where: o.normalize_l2(x, np.int64([1]), 1e-2, where),
        data,
    )
case("lrn", lambda o, x: o.lrn(x, np.int64([1]), 2e-2, 0.7, 1.0, 3), image)
case(
    "group_normalization",
    lambda o, x: o.group_normalization(
        x, np.float32([1, 2, 3, 4]), np.float32([0, 1, 2, 3]), 2, 1e-3
    ),
    image,
)
case("einsum", lambda o, a, b: o.einsum([a, b], "bij,bjk->bik"), real(2, 3, 4), real(2, 4, 5))
case(
    "attention",
    lambda o, q, k, v, m: o.scaled_dot_product_attention(q, k, v, m),
    real(2, 3, 4),
    real(2, 5, 4),
    real(2, 5, 6),
    real(3, 5),
)


def write(
    folder: Path, cases: dict[str, Case], expected: Mapping[str, Array] | None = None
) -> None:
    """Makes and saves each model with OpenVINO, and runs those of which no result is given."""
    import openvino
    from openvino import opset14 as builders

    core = openvino.Core()
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    for name, (build, inputs) in cases.items():
        parameters = [
            builders.parameter(value.shape, value.dtype, name=f"in{i}")
            for i, value in enumerate(inputs)
        ]
        made = build(builders, *parameters)
        outputs = made.outputs() if hasattr(made, "outputs") else [made]
        model = openvino.Model([builders.result(o) for o in outputs], parameters, name)
        openvino.save_model(model, str(folder / f"{name}.xml"), compress_to_fp16=False)
        if expected and name in expected:
            np.savez(folder / f"{name}.npz", expected[name])
            continue
        results = core.compile_model(model, "CPU", exact)(inputs)
        np.savez(folder / f"{name}.npz", *(results[i] for i in range(len(results))))


if __name__ == "__main__":
    write(Path(sys.argv[1]), CASES)
