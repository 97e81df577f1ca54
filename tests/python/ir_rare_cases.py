"""Models of operators that few networks have, as OpenVINO makes them and answers them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ir_cases
import numpy as np
from ir_cases import Array, Case
from ir_more_cases import node, version

rng = np.random.default_rng(31)
CASES: dict[str, Case] = {}
#: Answers to what OpenVINO's CPU plugin cannot run.
EXPECTED: dict[str, Array] = {}


def real(*shape: int, low: float = -2, high: float = 2) -> Array:
    return rng.uniform(low, high, shape).astype(np.float32)


def case(name: str, build: Callable[..., Any], *inputs: Any) -> None:
    assert name not in CASES
    CASES[name] = build, [np.asarray(value) for value in inputs]


# --- deformable convolutions: data [2, 4, 7, 6], kernels of 3 x 2
for group, offset_group, pad, masked in (
    (1, 1, False, False),
    (2, 1, True, True),
    (1, 2, False, True),
    (2, 4, True, False),
):
    case(
        f"deformable_convolution_{group}_{offset_group}_{pad}_{masked}",
        lambda o, x, at, f, *m, g=group, d=offset_group, p=pad: o.deformable_convolution(
            x,
            at,
            f,
            [1, 2],
            [1, 0],
            [0, 1],
            [1, 2],
            *m,
            group=g,
            deformable_group=d,
            bilinear_interpolation_pad=p,
        ),
        real(2, 4, 7, 6),
        real(2, offset_group * 12, 6, 3),
        real(6, 4 // group, 3, 2),
        *([real(2, offset_group * 6, 6, 3, low=0, high=1)] if masked else []),
    )
case(
    "deformable_convolution_1",
    lambda o, x, at, f: version(1).deformable_convolution(
        x, at, f, [1, 1], [0, 0], [0, 0], [1, 1], "same_upper"
    ),
    real(1, 3, 5, 5),
    real(1, 18, 5, 5),
    real(2, 3, 3, 3),
)

# --- images out of blocks, out of planes
case(
    "col2im",
    lambda o, x: version(15).col2im(x, np.int64([5, 6]), np.int64([2, 3])),
    real(2, 12, 16),
)
case(
    "col2im_wide",
    lambda o, x: version(15).col2im(
        x, np.int32([7, 8]), np.int32([3, 2]), [2, 1], [1, 2], [1, 0], [2, 1]
    ),
    real(12, 4 * 7),
)
for kind in ("nv12", "i420"):
    for order in ("rgb", "bgr"):
        for dtype in (np.float32, np.uint8):
            made = [
                rng.integers(0, 256, shape).astype(dtype)
                for shape in ((2, 9, 8, 1), (2, 6, 8, 1), (2, 3, 4, 2), (2, 3, 4, 1), (2, 3, 4, 1))
            ]
            name = f"{kind}to{order}".upper().replace("TO", "to")
            several = made[1:3] if kind == "nv12" else [made[1], *made[3:]]
            for planes in ([made[0]], several):
                case(
                    f"{kind}_{order}_{dtype.__name__}_{len(planes)}",
                    lambda o, *p, name=name: node(8, name, list(p), {}),
                    *planes,
                )

# --- sequences
tokens = rng.integers(0, 6, (5, 2, 3))
beams = rng.integers(0, 3, (5, 2, 3))
for dtype in (np.float32, np.int32):
    case(
        f"gather_tree_{dtype.__name__}",
        lambda o, t, b, n, dtype=dtype: o.gather_tree(t, b, n, o.constant(dtype(5))),
        tokens.astype(dtype),
        beams.astype(dtype),
        np.asarray([5, 3]).astype(dtype),
    )
for mode in ("ZERO", "LOWEST"):
    for count in (None, 3, 7):
        case(
            f"segment_max_{mode}_{count}",
            lambda o, x, mode=mode, count=count: version(16).segment_max(
                x,
                np.int32([0, 0, 2, 2, 4]),
                None if count is None else np.int32(count),
                mode,
            ),
            real(5, 2, 3),
        )
for collapse, merge, unique in (
    (False, True, False),
    (True, True, False),
    (False, False, False),
    (False, True, True),
    (True, False, True),
):
    case(
        f"ctc_loss_{collapse}_{merge}_{unique}",
        lambda o, x, c=collapse, m=merge, u=unique: o.ctc_loss(
            x,
            np.int32([6, 5]),
            np.int32([[1, 2, 2, 0, 0, 0], [3, 1, 3, 0, 0, 0]]),
            np.int32([3, 3]),
            np.int32(4),
            c,
            m,
            u,
        ),
        real(2, 6, 5),
    )
case(
    "ctc_loss_last_is_blank",
    lambda o, x: o.ctc_loss(
        x, np.int32([4, 4]), np.int32([[1, 2, 0, 0], [0, 0, 0, 0]]), np.int32([2, 1])
    ),
    real(2, 4, 3),
)

# --- signals
for batch in ((), (2,)):
    for centre in (False, True):
        for normalized in (False, True):
            for length in (None, 30, 64):
                case(
                    f"istft_{len(batch)}_{centre}_{normalized}_{length}",
                    lambda o, x, c=centre, n=normalized, s=length: version(16).istft(
                        x,
                        np.float32([0.5, 1, 2, 1.5, 1, 0.75, 0.5]),
                        np.int64(11),
                        np.int64(3),
                        c,
                        n,
                        None if s is None else np.int64(s),
                    ),
                    real(*batch, 6, 12, 2),
                )

# --- matrices, numbers
for adjoint in (False, True):
    case(
        f"inverse_{adjoint}",
        lambda o, x, adjoint=adjoint: o.inverse(x, adjoint),
        real(2, 3, 4, 4) + 3 * np.eye(4, dtype=np.float32),
    )
case(
    "erf_inv",
    lambda o, x: version(17).erfinv(x),
    np.float32([0, 0.1, -0.5, 0.9, 1, -1, 2]),
)
for target in ("f8e4m3", "f8e5m2"):
    for shifted in (False, True):
        case(
            f"fake_convert_{target}_{shifted}",
            lambda o, x, t=target, s=shifted: o.fake_convert(
                x, np.float32([[2], [0.5], [1]]), np.float32([[1], [-3], [0]]) if s else None, t
            ),
            np.concatenate(
                [real(3, 20), real(3, 20, low=-600, high=600), real(3, 9, low=-0.02, high=0.02)], 1
            ),
        )
for left, right in (
    ("f32", "i64"),
    ("f16", "f32"),
    ("i8", "i32"),
    ("u8", "i8"),
    ("u32", "i32"),
    ("u8", "boolean"),
    ("i64", "f16"),
    ("u64", "i8"),
    ("f32", "f32"),
):
    case(
        f"convert_promote_types_{left}_{right}",
        lambda o, x, left=left, right=right: node(
            14,
            "ConvertPromoteTypes",
            [o.convert(x, left), o.convert(x, right)],
            {
                "promote_unsafe": True,
                "pytorch_scalar_promotion": False,
                "u64_integer_promotion_target": "f32",
            },
        ),
        np.float32([0, 1, 1, 0]),
    )

rows, matrices = real(5, 4), real(3, 6, 4)
case(
    "grouped_matmul",
    lambda o, x, m: version(17).grouped_matmul(x, m, np.int32([2, 2, 5])),
    rows,
    matrices,
)
EXPECTED["grouped_matmul"] = np.concatenate([rows[:2] @ matrices[0].T, rows[2:] @ matrices[2].T])
batch = real(3, 5, 4)
case("grouped_matmul_batch", lambda o, x, m: version(17).grouped_matmul(x, m), batch, matrices)
EXPECTED["grouped_matmul_batch"] = batch @ matrices.transpose(0, 2, 1)


# --- regions: three anchors at each of 4 x 5 places
def corners(*shape: int) -> Array:
    """Boxes with their lower corner first."""
    start = rng.uniform(0, 40, (*shape, 2))
    return np.concatenate([start, start + rng.uniform(2, 30, (*shape, 2))], -1).astype(np.float32)


for normalized, image in (
    (True, [[60, 70, 1]]),
    (False, [[60, 70, 1, 1], [50, 40, 2, 1]]),
):
    case(
        f"generate_proposals_{normalized}",
        lambda o, i, a, d, s, n=normalized: version(9).generate_proposals(
            i, a, d, s, 4.0, 0.6, 40, 12, n, 1.0, "i32"
        ),
        np.float32(image),
        corners(4, 5, 3),
        0.3 * real(len(image), 12, 4, 5),
        rng.permutation(60 * len(image)).reshape(len(image), 3, 4, 5).astype(np.float32) / 100,
    )
case(
    "detectron_proposals",
    lambda o, *x: node(
        6,
        "ExperimentalDetectronGenerateProposalsSingleImage",
        list(x),
        {"min_size": 4.0, "nms_threshold": 0.6, "pre_nms_count": 40, "post_nms_count": 30},
    ),
    np.float32([60, 70, 1]),
    corners(60),
    0.3 * real(12, 4, 5),
    (rng.permutation(60).reshape(3, 4, 5) + 1).astype(np.float32) / 100,
)
for most in (8, 40):
    case(
        f"detectron_detection_{most}",
        lambda o, *x, most=most: node(
            6,
            "ExperimentalDetectronDetectionOutput",
            list(x),
            {
                "score_threshold": 0.1,
                "nms_threshold": 0.5,
                "max_delta_log_wh": 2.0,
                "num_classes": 3,
                "post_nms_count": 12,
                "max_detections_per_image": most,
                "class_agnostic_box_regression": False,
                "deltas_weights": [10.0, 10.0, 5.0, 5.0],
            },
        ),
        corners(16),
        real(16, 12),
        (rng.permutation(48).reshape(16, 3) + 1).astype(np.float32) / 50,
        np.float32([[60, 70, 1]]),
    )
for flatten, given in ((True, {}), (False, {"h": 4, "w": 5, "stride_x": 4.0, "stride_y": 6.0})):
    case(
        f"detectron_grid_{flatten}",
        lambda o, *x, flatten=flatten, given=given: node(
            6,
            "ExperimentalDetectronPriorGridGenerator",
            list(x),
            {"flatten": flatten, "h": 0, "w": 0, "stride_x": 0.0, "stride_y": 0.0} | given,
        ),
        corners(3),
        real(1, 2, 4, 5),
        real(1, 3, 60, 70),
    )
for turned in (False, True):
    for samples in (0, 2):
        case(
            f"roi_align_rotated_{turned}_{samples}",
            lambda o, x, r, t=turned, s=samples: version(15).roi_align_rotated(
                x, r, np.int32([0, 1, 1]), 3, 2, s, 0.5, t
            ),
            real(2, 3, 9, 10),
            np.float32([[8, 9, 10, 6, 0.5], [10, 4, 7, 9, -1.2], [17, 2, 9, 9, 3]]),
        )
for clockwise in (False, True):
    for descending in (False, True):
        case(
            f"nms_rotated_{clockwise}_{descending}",
            lambda o, b, s, c=clockwise, d=descending: version(13).nms_rotated(
                b,
                s,
                np.int64(6),
                np.float32(0.3),
                np.float32(0.2),
                d,
                "i32",
                c,
            ),
            np.concatenate(
                [
                    real(2, 12, 2, low=0, high=12),
                    real(2, 12, 2, low=4, high=12),
                    real(2, 12, 1, low=-3, high=3),
                ],
                -1,
            ),
            (rng.permutation(2 * 3 * 12).reshape(2, 3, 12) / 72).astype(np.float32),
        )
for framework, image, options in (
    ("", [50, 60, 1], {}),
    ("", [50, 60, 1.5, 0.5], {"clip_before_nms": False, "clip_after_nms": True, "normalize": True}),
    ("tensorflow", [50, 60, 1], {"box_size_scale": 5.0, "box_coordinate_scale": 10.0}),
):
    case(
        f"proposal_{framework}_{image[0]}_{len(image)}",
        lambda o, p, d, image=image, framework=framework, options=options: node(
            4,
            "Proposal",
            [p, d, np.float32(image)],
            {
                "base_size": 16,
                "pre_nms_topn": 50,
                "post_nms_topn": 12,
                "nms_thresh": 0.6,
                "feat_stride": 10,
                "min_size": 6,
                "ratio": [0.5, 1.3],
                "scale": [1.0, 2.0],
                "framework": framework,
                **options,
            },
        ),
        (rng.permutation(2 * 8 * 20).reshape(2, 8, 4, 5) / 320).astype(np.float32),
        0.5 * real(2, 16, 4, 5),
    )
case(
    "detectron_best",
    lambda o, *x: node(6, "ExperimentalDetectronTopKROIs", list(x), {"max_rois": 5}),
    corners(9),
    rng.permutation(9).astype(np.float32),
)

# --- sparse rows, strings
for places in ([[0, 1], [2, 0], [2, 3], [4, 1]], [[0, 0], [1, 0], [2, 1], [3, 3]]):
    case(
        f"sparse_fill_empty_rows_{places[1][0]}",
        lambda o, x, places=places: version(16).sparse_fill_empty_rows(
            x, np.int64([5, 4]), np.int64(places), o.constant(np.float32(-7))
        ),
        real(4),
    )
case(
    "string_tensor_round",
    lambda o, b, e, x: version(15).string_tensor_unpack(version(15).string_tensor_pack(b, e, x)),
    np.int32([[0, 3], [3, 10]]),
    np.int32([[3, 3], [10, 12]]),
    np.frombuffer("ab\ncdéfgijk".encode(), np.uint8)[:12],
)
for left, right in (
    ("i32", "f32"),
    ("f16", "f32"),
    ("i8", "u8"),
    ("u64", "i8"),
    ("boolean", "i32"),
):
    case(
        f"convert_promote_types_scalar_{left}_{right}",
        lambda o, x, y, left=left, right=right: node(
            14,
            "ConvertPromoteTypes",
            [o.convert(x, left), o.convert(y, right)],
            {
                "promote_unsafe": True,
                "pytorch_scalar_promotion": True,
                "u64_integer_promotion_target": "f32",
            },
        ),
        np.float32([0, 1, 1, 0]),
        np.float32(1),
    )

if __name__ == "__main__":
    ir_cases.write(Path(sys.argv[1]), CASES, EXPECTED)
