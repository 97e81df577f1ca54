"""More models of single operators for test_ir_more_operators.py, by theme: see ir_cases."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import ir_cases
import numpy as np
from ir_cases import Array, Build, Case, real

CASES: dict[str, Case] = {}


def case(name: str, build: Build, *inputs: Any) -> None:
    assert name not in CASES
    CASES[name] = build, [np.asarray(value) for value in inputs]


def version(number: int) -> Any:
    """The builders of another opset than the one that cases are given."""
    return importlib.import_module(f"openvino.opset{number}")


def node(number: int, kind: str, inputs: list[Any], attributes: dict[str, Any]) -> Any:
    """A node of an opset for which there is no builder."""
    factory = importlib.import_module("openvino.utils.node_factory")._get_node_factory
    constant = version(number).constant
    made = [constant(value) if isinstance(value, np.ndarray) else value for value in inputs]
    return factory(f"opset{number}").create(kind, made, attributes)


image = real(2, 4, 9, 10)
data = real(2, 3, 4)

# --- types and values as they are
for like in (np.int32, np.float16, np.uint8):
    case(
        f"convert_like_{like.__name__}",
        lambda o, x, y: o.convert(o.convert_like(x, y), "f32"),
        np.float32([[0, 1.5, 2.75], [100, 7, 250]]),
        np.zeros((1, 2), like),
    )
case("convert_like_constant", lambda o, x: o.convert_like(x, np.int64([1])), np.float32([1.5, 7]))
case("identity", lambda o, x: version(16).identity(x), data)
case("identity_between", lambda o, x: o.exp(version(16).identity(o.relu(x))), data)

# --- integers of 8 bits end at their bounds, of 16 bits they do not
for kind in ("add", "subtract", "multiply"):
    for of, left, right in (
        ("u1", [200, 5, 10, 255], [200, 10, 3, 1]),
        ("i1", [100, -100, 10, -128], [100, 100, 3, -1]),
        ("i2", [30000, -30000, 10, 7], [30000, 30000, 3, 2]),
    ):
        case(
            f"{kind}_of_{of}",
            lambda o, a, b, kind=kind: getattr(o, kind)(a, b),
            np.array(left, of),
            np.array(right, of),
        )

# --- blocks, patches, turns
case("shuffle_channels", lambda o, x: o.shuffle_channels(x, 1, 2), image)
case("shuffle_channels_last", lambda o, x: o.shuffle_channels(x, -1, 5), image)
case("roll", lambda o, x: o.roll(x, np.int64([2, -5]), np.int64([1, -1])), data)
case("roll_i32", lambda o, x: o.roll(x, np.int32([7, -1]), np.int32([0, 2])), data)
case(
    "space_to_batch",
    lambda o, x: o.space_to_batch(
        x, np.int64([1, 1, 2, 3]), np.int64([0, 0, 1, 2]), np.int64([0, 0, 0, 0])
    ),
    image,
)
case(
    "batch_to_space",
    lambda o, x: o.batch_to_space(
        x, np.int64([1, 1, 2, 3]), np.int64([0, 0, 1, 2]), np.int64([0, 0, 0, 1])
    ),
    real(12, 2, 3, 4),
)
for rule in ("valid", "same_upper", "same_lower"):
    case(
        f"extract_image_patches_{rule}",
        lambda o, x, rule=rule: o.extract_image_patches(x, [3, 2], [2, 3], [1, 2], rule),
        image,
    )
case("reorg_yolo", lambda o, x: o.reorg_yolo(x, [2]), real(1, 8, 4, 6))
case(
    "slice_scatter",
    lambda o, x, u: version(15).slice_scatter(
        x, u, np.int64([3, 0]), np.int64([0, 2]), np.int64([-2, 1]), np.int64([2, 1])
    ),
    data,
    real(2, 2, 2),
)
for shift in (-1, 0, 2):
    case(
        f"eye_{shift}",
        lambda o, x, shift=shift: o.add(o.eye(np.int64(3), np.int64(4), np.int64(shift), "f32"), x),
        np.float32(2),
    )
case(
    "eye_batch",
    lambda o, x: o.add(o.eye(np.int64(3), np.int64(4), np.int64(1), "i32", np.int64([2, 1])), x),
    np.int32(2),
)
for axis in (None, 0):
    case(
        f"unique_{axis}",
        lambda o, x, axis=axis: o.unique(x, None if axis is None else np.int64(axis), True, "i32"),
        np.float32([[2, 1], [3, 1], [2, 1]]),
    )
for mode in ("symmetric", "reflect"):
    case(
        f"pad_wide_{mode}",
        lambda o, x, mode=mode: o.pad(x, np.int64([1, 2, 3]), np.int64([0, 2, 3]), mode),
        data,
    )
case(
    "gather_batch_inner",
    lambda o, x: o.gather(x, np.int64([[1, 0, 3], [2, 2, 1]]), np.int64(2), 1),
    real(2, 3, 4, 2),
)
case(
    "gather_nd_5",
    lambda o, x: version(5).gather_nd(x, np.int64([[[1], [0], [1]], [[0], [1], [1]]]), 2),
    real(2, 3, 2, 2),
)

for how in ("none", "sum", "prod", "min", "max", "mean"):
    for start in (True, False):
        for kind in (np.float32, np.int32):
            case(
                f"scatter_elements_update_{how}_{start}_{kind.__name__}",
                lambda o, x, u, how=how, start=start: o.scatter_elements_update(
                    x, np.int64([[0, 2], [1, 1], [1, 1]]), u, np.int64(1), how, start
                ),
                (8 * real(3, 3)).astype(kind),
                (8 * real(3, 2)).astype(kind),
            )
for how in ("none", "sum", "sub", "prod", "min", "max"):
    case(
        f"scatter_nd_update_{how}",
        lambda o, x, u, how=how: version(15).scatter_nd_update(
            x, np.int64([[1], [0], [1]]), u, how
        ),
        data,
        real(3, 3, 4),
    )

# --- bits
numbers = np.int32([5, -7, 1 << 20, 0])
for name in ("and", "or", "xor"):
    case(
        f"bitwise_{name}",
        lambda o, a, b, name=name: getattr(o, f"bitwise_{name}")(a, b),
        numbers,
        np.int32([3, 12, -1, 9]),
    )
    case(
        f"bitwise_{name}_bool",
        lambda o, a, b, name=name: getattr(o, f"bitwise_{name}")(a, b),
        np.array([True, True, False]),
        np.array([[True], [False]]),
    )
case("bitwise_not", lambda o, a: o.bitwise_not(a), numbers)
case("bitwise_not_bool", lambda o, a: o.bitwise_not(a), np.array([True, False]))
for name in ("left", "right"):
    case(
        f"bitwise_{name}_shift",
        lambda o, a, b, name=name: getattr(version(15), f"bitwise_{name}_shift")(a, b),
        np.uint8([1, 7, 130, 255]),
        np.uint8([3, 1, 2, 7]),
    )

# --- resizing
small = real(1, 2, 5, 6)
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple")
COORDINATES = (
    "half_pixel",
    "pytorch_half_pixel",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "align_corners",
)
for size in ((8, 4), (10, 12), (1, 9)):
    for where in COORDINATES:
        for nearest in NEAREST if size[0] == 8 else NEAREST[:1]:
            case(
                f"interpolate_nearest_{size[0]}_{where}_{nearest}",
                lambda o, x, size=size, where=where, nearest=nearest: node(
                    4,
                    "Interpolate",
                    [x, np.int64(size), np.float32([1, 1]), np.int64([2, 3])],
                    {
                        "mode": "nearest",
                        "shape_calculation_mode": "sizes",
                        "coordinate_transformation_mode": where,
                        "nearest_mode": nearest,
                    },
                ),
                small,
            )
        for mode in ("linear", "linear_onnx", "cubic"):
            case(
                f"interpolate_{mode}_{size[0]}_{where}",
                lambda o, x, size=size, where=where, mode=mode: version(11).interpolate(
                    x,
                    np.int64(size),
                    mode,
                    "sizes",
                    coordinate_transformation_mode=where,
                    cube_coeff=-0.5,
                    axes=np.int64([2, 3]),
                ),
                small,
            )
for mode in ("nearest", "linear", "linear_onnx", "cubic"):
    case(
        f"interpolate_scales_{mode}",
        lambda o, x, mode=mode: version(11).interpolate(
            x, np.float32([1.7, 0.6]), mode, "scales", axes=np.int64([2, 3])
        ),
        small,
    )
    case(
        f"interpolate_pads_{mode}",
        lambda o, x, mode=mode: version(11).interpolate(
            x,
            np.int64([8, 4]),
            mode,
            "sizes",
            pads_begin=[0, 0, 1, 2],
            pads_end=[0, 0, 1],
            axes=np.int64([2, 3]),
        ),
        small,
    )
for mode in ("linear", "bilinear_pillow", "bicubic_pillow"):
    for size in ((3, 4), (7, 9)):
        case(
            f"interpolate_antialias_{mode}_{size[0]}",
            lambda o, x, mode=mode, size=size: version(11).interpolate(
                x,
                np.int64(size),
                mode,
                "sizes",
                antialias=True,
                cube_coeff=-0.5,
                axes=np.int64([2, 3]),
            ),
            small,
        )
for mode in ("nearest", "linear", "cubic"):
    for align in (True, False):
        case(
            f"interpolate_1_{mode}_{align}",
            lambda o, x, mode=mode, align=align: version(1).interpolate(
                x,
                np.int64([8, 4]),
                {"axes": np.int64([2, 3]), "mode": mode, "align_corners": align},
            ),
            small,
        )
case(
    "interpolate_all_axes",
    lambda o, x: node(
        4,
        "Interpolate",
        [x, np.int64([1, 2, 8, 4]), np.float32([1, 1, 1, 1])],
        {"mode": "linear_onnx", "shape_calculation_mode": "sizes"},
    ),
    small,
)
case(
    "interpolate_volume",
    lambda o, x: version(11).interpolate(
        x, np.int64([4, 3, 7]), "linear_onnx", "sizes", axes=np.int64([2, 3, 4])
    ),
    real(1, 2, 2, 4, 5),
)
for mode in ("bilinear", "bicubic", "nearest"):
    for padding in ("zeros", "border", "reflection"):
        for align in (True, False):
            case(
                f"grid_sample_{mode}_{padding}_{align}",
                lambda o, x, g, mode=mode, padding=padding, align=align: o.grid_sample(
                    x,
                    g,
                    {"mode": mode, "padding_mode": padding, "align_corners": align},
                ),
                small,
                real(1, 3, 4, 2, low=-1.6, high=1.6),
            )
for size in ((3, 4), (9, 10), (12, 1)):
    case(
        f"adaptive_avg_pool_{size[0]}",
        lambda o, x, size=size: o.adaptive_avg_pool(x, np.int64(size)),
        image,
    )
    case(
        f"adaptive_max_pool_{size[0]}",
        lambda o, x, size=size: o.adaptive_max_pool(x, np.int64(size), "i32"),
        image,
    )
for axis in (0, 1, 2, -2):
    case(
        f"max_pool_8_{axis}",
        lambda o, x, axis=axis: o.max_pool(
            x, [2, 2], [1, 1], [0, 1], [1, 0], [3, 2], "floor", "explicit", "i32", axis
        ),
        image,
    )
for rounding in ("floor", "ceil", "ceil_torch"):
    case(
        f"max_pool_14_{rounding}",
        lambda o, x, rounding=rounding: o.max_pool(
            x, [2, 3], [1, 1], [0, 1], [1, 1], [3, 2], rounding
        ),
        image,
    )
    for exclude in (True, False):
        case(
            f"avg_pool_14_{rounding}_{exclude}",
            lambda o, x, rounding=rounding, exclude=exclude: o.avg_pool(
                x, [2, 3], [0, 1], [1, 1], [3, 2], exclude, rounding
            ),
            image,
        )

# --- normalisation, attention
for bias in (1.0, 2.0):
    for axes in ([1], [2, 3]):
        case(
            f"lrn_{bias}_{axes[0]}",
            lambda o, x, bias=bias, axes=axes: o.lrn(x, np.int64(axes), 2e-2, 0.7, bias, 3),
            image,
        )
case("grn", lambda o, x: version(1).grn(x, 0.3), image)
for name in ("causal", "mask", "truths", "scale"):
    case(
        f"attention_{name}",
        lambda o, q, k, v, m, b, name=name: o.scaled_dot_product_attention(
            q,
            k,
            v,
            *{"causal": [], "mask": [m], "truths": [b], "scale": [m, np.float32(0.3)]}[name],
            causal=name == "causal",
        ),
        real(2, 2, 5, 4),
        real(2, 2, 6, 4),
        real(2, 2, 6, 3),
        real(5, 6),
        np.tri(5, 6) > 0,
    )

# --- tables and sorted lists
for right in (True, False):
    case(
        f"bucketize_{right}",
        lambda o, x, right=right: o.bucketize(x, np.float32([-1, 0, 0.5, 1]), "i32", right),
        np.float32([[-2, -1, 0.2], [0.5, 1, 7]]),
    )
    case(
        f"search_sorted_{right}",
        lambda o, s, x, right=right: version(15).search_sorted(s, x, right),
        np.sort(real(2, 3, 5)),
        real(2, 3, 4),
    )
case(
    "search_sorted_row",
    lambda o, s, x: version(15).search_sorted(s, x, False),
    np.int64([1, 3, 3, 8]),
    np.int64([[0, 3], [9, 4]]),
)
table = real(5, 3)
case(
    "embedding_bag_packed_sum",
    lambda o, x, w: version(3).embedding_bag_packed_sum(x, np.int64([[0, 2], [1, 2], [3, 4]]), w),
    table,
    real(3, 2),
)
case(
    "embedding_bag_offsets_sum",
    lambda o, x: version(3).embedding_bag_offsets_sum(
        x, np.int32([0, 2, 3, 4]), np.int32([0, 2, 2]), o.constant(np.int32(1))
    ),
    table,
)
case(
    "embedding_bag_offsets_sum_weights",
    lambda o, x, w: version(3).embedding_bag_offsets_sum(
        x, np.int64([0, 2, 3, 4]), np.int64([0, 2, 2]), o.constant(np.int64(0)), w
    ),
    table,
    real(4),
)
case(
    "embedding_segments_sum",
    lambda o, x, w: version(3).embedding_segments_sum(
        x, np.int64([0, 2, 3, 4]), np.int64([0, 0, 2, 2]), np.int64(4), np.int64(1), w
    ),
    table,
    real(4),
)
for how in ("sum", "mean"):
    case(
        f"embedding_bag_packed_15_{how}",
        lambda o, x, how=how: version(15).embedding_bag_packed(
            x, np.int64([[0, 2], [1, 2], [3, 4]]), None, how
        ),
        table,
    )
    case(
        f"embedding_bag_offsets_15_{how}",
        lambda o, x, how=how: version(15).embedding_bag_offsets(
            x, np.int64([0, 2, 3, 4]), np.int64([0, 2, 2]), np.int64(-1), None, how
        ),
        table,
    )
for merge in (True, False):
    case(
        f"ctc_greedy_decoder_{merge}",
        lambda o, x, m, merge=merge: o.ctc_greedy_decoder(x, m, merge),
        real(9, 2, 4),
        np.float32([[1, 1]] * 6 + [[1, 0]] * 3),
    )
    case(
        f"ctc_greedy_decoder_seq_len_{merge}",
        lambda o, x, merge=merge: version(6).ctc_greedy_decoder_seq_len(
            x, np.int32([7, 9]), np.int32(1), merge
        ),
        real(2, 9, 4),
    )


# --- finding objects
corners = real(2, 7, 4, low=0, high=1)
corners[..., 2:] += corners[..., :2]
scores = real(2, 3, 7, low=0, high=1)
for number in (1, 3, 4, 5, 9):
    for encoding in ("corner", "center"):
        case(
            f"non_max_suppression_{number}_{encoding}",
            lambda o, b, s, number=number, encoding=encoding: version(number).non_max_suppression(
                b,
                s,
                np.int64(3),
                np.float32(0.3),
                np.float32(0.4),
                box_encoding=encoding,
                sort_result_descending=encoding == "corner",
            ),
            corners,
            scores,
        )
for sigma in (0.5, 0.1):
    case(
        f"non_max_suppression_soft_{sigma}",
        lambda o, b, s, sigma=sigma: version(9).non_max_suppression(
            b,
            s,
            np.int64(3),
            np.float32(0.3),
            np.float32(0.1),
            np.float32(sigma),
            output_type="i32",
        ),
        corners,
        scores,
    )
for overlap in (0.0, 0.5, 1.0):
    case(
        f"non_max_suppression_equal_{overlap}",
        lambda o, b, s, overlap=overlap: version(9).non_max_suppression(
            b, s, np.int64(9), np.float32(overlap), np.float32(0.1)
        ),
        np.float32([[[0, 0, 1, 1], [0, 0, 1, 0.5], [2, 2, 3, 3], [0, 0, 1, 1]]]),
        np.float32([[[0.9, 0.8, 0.7, 0.7]]]),
    )
PRIORS: dict[str, dict[str, Any]] = {
    "plain": {"min_size": [30.0], "step": 16.0, "offset": 0.5},
    "ratios": {
        "min_size": [30.0, 50.0],
        "max_size": [60.0, 90.0],
        "aspect_ratio": [2.0, 3.0],
        "flip": True,
        "clip": True,
        "step": 0.0,
        "offset": 0.5,
        "variance": [0.1, 0.1, 0.2, 0.2],
    },
    "parts": {
        "min_size": [0.2, 0.4],
        "aspect_ratio": [2.0],
        "scale_all_sizes": False,
        "step": -1.0,
        "offset": 0.5,
    },
    "dense": {
        "fixed_size": [32.0, 64.0],
        "density": [2.0, 1.0],
        "aspect_ratio": [2.0],
        "step": 8.0,
        "offset": 0.5,
    },
    "dense_ratios": {
        "fixed_size": [32.0],
        "fixed_ratio": [0.5],
        "density": [2.0],
        "step": 8.0,
        "offset": 0.5,
    },
    "order": {
        "min_size": [30.0],
        "max_size": [60.0],
        "aspect_ratio": [2.0],
        "min_max_aspect_ratios_order": False,
        "step": 4.0,
        "offset": 0.5,
    },
}
for name, attributes in PRIORS.items():
    case(
        f"prior_box_{name}",
        lambda o, x, attributes=attributes: o.multiply(
            node(8, "PriorBox", [np.int64([3, 4]), np.int64([50, 80])], dict(attributes)), x
        ),
        np.float32(1),
    )
case(
    "prior_box_1",
    lambda o, x: o.multiply(
        node(1, "PriorBox", [np.int64([3, 4]), np.int64([50, 80])], dict(PRIORS["ratios"])), x
    ),
    np.float32(1),
)
for step in (0.0, 16.0):
    case(
        f"prior_box_clustered_{step}",
        lambda o, x, step=step: o.multiply(
            node(
                1,
                "PriorBoxClustered",
                [np.int64([3, 4]), np.int64([50, 80])],
                {
                    "width": [10.0, 20.0],
                    "height": [12.0, 30.0],
                    "step": step,
                    "offset": 0.5,
                    "clip": False,
                    "variance": [0.1, 0.1, 0.2, 0.2],
                },
            ),
            x,
        ),
        np.float32(1),
    )
regions = np.float32([[0, 0, 5, 5], [2, 1, 9, 8], [1.5, 3.2, 4.1, 3.9], [-3, -2, 12, 14]])
for mode in ("avg", "max"):
    for ratio in (0, 2):
        case(
            f"roi_align_3_{mode}_{ratio}",
            lambda o, x, r, mode=mode, ratio=ratio: version(3).roi_align(
                x, r, np.int64([0, 1, 1, 0]), 3, 2, ratio, 0.7, mode
            ),
            image,
            regions,
        )
    for where in ("asymmetric", "half_pixel_for_nn", "half_pixel"):
        case(
            f"roi_align_9_{mode}_{where}",
            lambda o, x, r, mode=mode, where=where: version(9).roi_align(
                x, r, np.int32([0, 1, 1, 0]), 3, 2, 2, 0.7, mode, where
            ),
            image,
            regions,
        )
for softmax in (True, False):
    case(
        f"region_yolo_{softmax}",
        lambda o, x, softmax=softmax: o.region_yolo(
            x, 4, 3, 2, softmax, [0, 1], 1, 3, [1.0, 2.0, 3.0, 4.0]
        ),
        real(2, 16, 3, 4),
    )

for by in ("none", "score", "classid"):
    for across in (False, True):
        options = {
            "sort_result_type": by,
            "sort_result_across_batch": across,
            "score_threshold": 0.3,
            "nms_top_k": 5,
            "keep_top_k": 6,
            "background_class": 1,
            "normalized": across,
        }
        case(
            f"multiclass_nms_{by}_{across}",
            lambda o, b, s, options=options: version(9).multiclass_nms(
                b, s, None, iou_threshold=0.6, nms_eta=0.9, **options
            ),
            corners,
            scores,
        )
        case(
            f"matrix_nms_{by}_{across}",
            lambda o, b, s, options=options: version(8).matrix_nms(
                b,
                s,
                decay_function="gaussian" if options["normalized"] else "linear",
                post_threshold=0.1,
                output_type="i32",
                **options,
            ),
            corners,
            scores,
        )

boxes = np.float32([[0, 0, 0, 5, 5], [1, 2, 1, 9, 8], [1, 1.5, 3.2, 4.1, 3.9], [0, -3, -2, 12, 14]])
parts = np.float32([[0, 0, 0, 0.5, 0.5], [1, 0.2, 0.1, 0.9, 0.8], [1, 0.5, 0.3, 0.6, 1.2]])
for size in ([3, 2], [1, 1], [6, 7]):
    case(
        f"roi_pooling_max_{size[0]}",
        lambda o, x, r, size=size: o.roi_pooling(x, r, size, 0.7, "max"),
        image,
        boxes,
    )
    case(
        f"roi_pooling_bilinear_{size[0]}",
        lambda o, x, r, size=size: o.roi_pooling(x, r, size, 1.0, "bilinear"),
        image,
        parts,
    )
case(
    "psroi_pooling_average",
    lambda o, x, r: o.psroi_pooling(x, r, 3, 2, 0.5, 1, 1, "average"),
    real(2, 12, 9, 10),
    np.abs(boxes) * np.float32([1, 2, 2, 2, 2]),
)
case(
    "psroi_pooling_bilinear",
    lambda o, x, r: o.psroi_pooling(x, r, 3, 2, 1.0, 2, 3, "bilinear"),
    real(2, 18, 9, 10),
    parts,
)

# Six priors, three classes, two images.
PRIORS_OF_TWO = np.concatenate(
    [
        np.sort(real(1, 1, 6, 2, 2, low=0, high=1), -2).reshape(1, 1, 24),
        np.tile(np.float32([0.1, 0.1, 0.2, 0.2]), (1, 1, 6)),
    ],
    1,
)
DETECTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "corner": {"code_type": "caffe.PriorBoxParameter.CORNER"},
    "top": {"top_k": 3, "keep_top_k": [4]},
    "clipped": {"clip_after_nms": True, "clip_before_nms": True},
    "by_prior": {"decrease_label_id": True},
    "background": {"background_label_id": 2},
}
for name, attributes in DETECTIONS.items():
    case(
        f"detection_output_{name}",
        lambda o, offsets, s, p, attributes=attributes: version(8).detection_output(
            offsets,
            s,
            p,
            {
                "background_label_id": 0,
                "top_k": 10,
                "keep_top_k": [8],
                "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
                "share_location": True,
                "normalized": True,
                "nms_threshold": 0.4,
                "confidence_threshold": 0.3,
                **attributes,
            },
        ),
        real(2, 24, low=-1, high=1),
        real(2, 18, low=0, high=1),
        PRIORS_OF_TWO,
    )
case(
    "detection_output_own_places",
    lambda o, offsets, s, p: version(8).detection_output(
        offsets,
        s,
        p,
        {
            "background_label_id": 0,
            "top_k": 10,
            "keep_top_k": [8],
            "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
            "share_location": False,
            "normalized": True,
            "nms_threshold": 0.4,
            "confidence_threshold": 0.3,
        },
    ),
    real(2, 72, low=-1, high=1),
    real(2, 18, low=0, high=1),
    PRIORS_OF_TWO,
)
case(
    "detection_output_two_stages",
    lambda o, offsets, s, p, s2, o2: version(8).detection_output(
        offsets,
        s,
        p,
        {
            "background_label_id": 0,
            "top_k": 10,
            "keep_top_k": [8],
            "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
            "share_location": True,
            "normalized": True,
            "nms_threshold": 0.4,
            "confidence_threshold": 0.3,
            "objectness_score": 0.4,
        },
        s2,
        o2,
    ),
    real(2, 24, low=-1, high=1),
    real(2, 18, low=0, high=1),
    PRIORS_OF_TWO,
    real(2, 12, low=0, high=1),
    real(2, 24, low=-1, high=1),
)

# --- Fourier transforms
signal = real(2, 12, 7, 2)
for axes in ([1], [-1], [1, 2], [0, 1, 2]):
    for name in ("dft", "idft"):
        case(
            f"{name}_{len(axes)}_{axes[0]}",
            lambda o, x, name=name, axes=axes: getattr(version(7), name)(x, np.int64(axes)),
            signal,
        )
case(
    "dft_sizes",
    lambda o, x: version(7).dft(x, np.int64([1, 2]), np.int64([8, 11])),
    signal,
)
for axes in ([1], [2], [1, 2]):
    for name, lengths in (("whole", {}), ("cut", {1: 8, 2: 5}), ("widened", {1: 21, 2: 9})):
        given = [np.int64([lengths[axis] for axis in axes])] if lengths else []
        if name != "widened":  # which the oracle refuses
            case(
                f"rdft_{name}_{axes}",
                lambda o, x, axes=axes, given=given: version(9).rdft(x, np.int64(axes), *given),
                real(2, 12, 7),
            )
        if name != "widened" or len(axes) == 1:  # where the oracle reads what was never written
            case(
                f"irdft_{name}_{axes}",
                lambda o, x, axes=axes, given=given: version(9).irdft(x, np.int64(axes), *given),
                signal,
            )
for transposed in (True, False):
    for rank in (1, 2):
        case(
            f"stft_{transposed}_{rank}",
            lambda o, x, w, transposed=transposed: version(15).stft(
                x, w, np.int64(8), np.int64(3), transposed
            ),
            real(*((2, 20)[-rank:])),
            real(6),
        )


# --- element types
def typed(o: Any, values: Array, kind: str) -> Any:
    """A constant of any element type, as f32."""
    types = importlib.import_module("openvino").Type
    constant = o.constant(values, getattr(types, kind))
    return o.convert(constant, "f32")


KINDS = ["f64", "f16", "bf16", "i64", "i32", "i16", "i8", "i4", "u64", "u32", "u16", "u8", "u4"]
for kind in [*KINDS, "u1", "boolean"]:
    least, most = (0, 1) if kind in ("u1", "boolean") else (0, 8) if kind[0] == "u" else (-8, 7)
    count = 3 * 5 if kind != "u1" else 3 * 7
    values = np.linspace(least, most, count).round().reshape(3, -1).astype(np.float32)
    case(
        f"constant_{kind}",
        lambda o, x, values=values, kind=kind: o.multiply(typed(o, values, kind), x),
        np.float32(0.5),
    )
for kind_of in (np.float64, np.float16, np.int16, np.int8, np.uint64, np.uint32, np.uint16):
    case(
        f"parameter_{kind_of.__name__}",
        lambda o, x: o.convert(x, "f32"),
        np.arange(6).reshape(2, 3).astype(kind_of),
    )
    case(
        f"add_{kind_of.__name__}",
        lambda o, x, y: o.add(x, y),
        np.arange(6).reshape(2, 3).astype(kind_of),
        np.arange(3).astype(kind_of),
    )


def compressed(o: Any, kind: str, grouped: bool, between: str) -> Any:
    """Weights [6, 16] of few bits: (values - zero point) * scale, by row or by group of eight."""
    types = importlib.import_module("openvino").Type
    shape = (6, 2, 8) if grouped else (6, 16)
    low, high = (-8, 8) if kind[0] == "i" else (0, 16)
    made = np.random.default_rng(5)
    weights = made.integers(low, high, shape).astype(np.int8)
    zero = made.integers(low, high, (*shape[:-1], 1)).astype(np.int8)
    scale = made.uniform(0.1, 1, (*shape[:-1], 1)).astype(between.replace("f", "float"))
    result = o.convert(o.constant(weights, getattr(types, kind)), between)
    if kind[0] == "u":
        result = o.subtract(result, o.convert(o.constant(zero, getattr(types, kind)), between))
    result = o.multiply(result, o.constant(scale))
    if grouped:
        result = o.reshape(result, np.int64([6, 16]), False)
    return result if between == "f32" else o.convert(result, "f32")


for kind in ("i8", "u8", "i4", "u4"):
    for grouped in (True, False):
        for between in ("f16", "f32"):
            case(
                f"compressed_{kind}_{grouped}_{between}",
                lambda o, x, kind=kind, grouped=grouped, between=between: o.matmul(
                    x, compressed(o, kind, grouped, between), False, True
                ),
                real(3, 16),
            )

case(
    "half_weights",
    lambda o, x: o.matmul(x, compressed(o, "i8", False, "f16").input_value(0), False, True),
    real(3, 16).astype(np.float16),
)
case(
    "half_result",
    lambda o, x: o.add(x, o.multiply(o.constant(np.float16([0.1, 3])), np.float16([7, 0.3]))),
    np.float16([1, 2]),
)


if __name__ == "__main__":
    ir_cases.write(Path(sys.argv[1]), CASES)
