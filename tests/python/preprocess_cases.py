"""Preprocessing, as a function of the module that does it.

The tests run each case with coinfer and, in the environment of the peers, with openvino.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

Shape = tuple[int, ...]
#: name -> (model, what to do with PrePostProcessor, shapes and dtype of the inputs)
CASES: dict[str, tuple[str, Callable[[Any, Any, Any], None], list[Shape], str]] = {}


def case(model: str, shape: Shape | list[Shape], dtype: str) -> Callable[[Any], Any]:
    def add(body: Callable[[Any, Any, Any], None]) -> Any:
        shapes = shape if isinstance(shape, list) else [shape]
        CASES[body.__name__] = (model, body, shapes, dtype)
        return body

    return add


@case("image", (1, 6, 8, 3), "uint8")
def everything_of_a_photo(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    p.input().tensor().set_color_format(pre.ColorFormat.BGR).set_spatial_static_shape(6, 8)
    steps = p.input().preprocess().convert_element_type(ov.Type.f32)
    steps.convert_color(pre.ColorFormat.RGB).resize(pre.ResizeAlgorithm.RESIZE_LINEAR)
    steps.mean([123.0, 116.0, 103.0]).scale([58.0, 57.0, 56.0])
    p.input().model().set_layout(ov.Layout("NCHW"))


@case("image", (1, 3, 4, 4), "uint8")
def element_type_alone(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_element_type(ov.Type.u8)


@case("image", (1, 4, 4, 3), "float32")
def layout_alone(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_layout(ov.Layout("NHWC"))
    p.input().model().set_layout(ov.Layout("NCHW"))


@case("image", (1, 3, 4, 4), "float32")
def one_mean_and_scale(p: Any, pre: Any, ov: Any) -> None:
    p.input("x").preprocess().mean(3.5).scale(2.0)


@case("image", (1, 3, 4, 4), "float32")
def mean_and_scale_by_channel(p: Any, pre: Any, ov: Any) -> None:
    p.input(0).model().set_layout(ov.Layout("NCHW"))
    p.input(0).preprocess().scale([1.0, 2.0, 3.0]).mean([1.0, 2.0, 3.0])


@case("image", (1, 4, 4, 3), "float32")
def explicit_layout(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_layout(ov.Layout("NHWC"))
    p.input().preprocess().mean([1.0, 2.0, 3.0]).convert_layout(ov.Layout("NCHW")).scale(2.0)
    p.input().model().set_layout(ov.Layout("NCHW"))


@case("image", (4, 1, 4, 3), "float32")
def permuted_dimensions(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_shape([4, 1, 4, 3])
    p.input().preprocess().convert_layout([1, 3, 0, 2])


@case("image", (1, 4, 4, 3), "float32")
def permuted_dimensions_of_the_models_shape(p: Any, pre: Any, ov: Any) -> None:
    p.input().preprocess().convert_layout([0, 3, 1, 2])


@case("image", (4, 4, 3), "float32")
def an_image_without_a_batch(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_layout(ov.Layout("HWC"))
    p.input().model().set_layout(ov.Layout("NCHW"))


@case("image", (6, 5, 3), "uint8")
def an_image_without_a_batch_resized(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("HWC"))
    p.input().tensor().set_shape([6, 5, 3])
    steps = p.input().preprocess().convert_element_type(ov.Type.f32).mean([1.0, 2.0, 3.0])
    steps.resize(pre.ResizeAlgorithm.RESIZE_NEAREST).convert_layout(ov.Layout("NCHW")).scale(2.0)
    p.input().model().set_layout(ov.Layout("NCHW"))


@case("image", (1, 4, 4, 3), "float32")
def colours_come_last_unless_said(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_color_format(pre.ColorFormat.BGR)
    p.input().preprocess().convert_color(pre.ColorFormat.RGB)
    p.input().model().set_layout(ov.Layout("NCHW"))


@case("image", (1, 4, 4, 4), "float32")
def four_channels_come_last_unless_said(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_color_format(pre.ColorFormat.RGBX)
    p.input().preprocess().convert_color(pre.ColorFormat.BGR)
    p.input().model().set_layout(ov.Layout("NCHW"))


@case("image", (1, 3, 4, 4), "float32")
def reversed_channels(p: Any, pre: Any, ov: Any) -> None:
    p.input().model().set_layout(ov.Layout("NCHW"))
    p.input().preprocess().reverse_channels()


def resized(algorithm: str, shape: tuple[int, int]) -> None:
    def body(p: Any, pre: Any, ov: Any) -> None:
        p.input().tensor().set_spatial_static_shape(*shape)
        p.input().model().set_layout(ov.Layout("NCHW"))
        p.input().preprocess().resize(getattr(pre.ResizeAlgorithm, algorithm))

    body.__name__ = f"{algorithm.lower()}_{shape[0]}x{shape[1]}"
    case("image", (1, 3, *shape), "float32")(body)


for one in ("RESIZE_LINEAR", "RESIZE_NEAREST", "RESIZE_CUBIC"):
    for size in ((7, 9), (2, 3), (4, 8), (4, 4)):
        resized(one, size)
for one in ("RESIZE_BILINEAR_PILLOW", "RESIZE_BICUBIC_PILLOW"):
    for size in ((7, 9), (2, 3)):
        resized(one, size)


@case("image", (1, 5, 9, 3), "float32")
def resized_to_a_size_in_between(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_layout(ov.Layout("NHWC")).set_spatial_dynamic_shape()
    p.input().preprocess().resize(pre.ResizeAlgorithm.RESIZE_LINEAR, 6, 6).crop(
        [0, 1, 1, 0], [1, 5, 5, 3]
    )
    p.input().model().set_layout(ov.Layout("NCHW"))


@case("image", (1, 5, 9, 3), "uint8")
def resized_as_bytes(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_layout(ov.Layout("NHWC")).set_spatial_dynamic_shape()
    p.input().tensor().set_element_type(ov.Type.u8)
    p.input().preprocess().resize(pre.ResizeAlgorithm.RESIZE_NEAREST)
    p.input().model().set_layout(ov.Layout("NCHW"))


@case("image", (1, 3, 6, 7), "float32")
def cropped(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_shape([1, 3, 6, 7])
    p.input().preprocess().crop([0, 0, 1, 2], [1, 3, 5, 6])


@case("image", (1, 3, 6, 7), "float32")
def cropped_from_the_back(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_shape([1, 3, 6, 7])
    p.input().preprocess().crop([0, 0, -5, 2], [1, 3, -1, -1])


@case("image", (1, 3, 2, 3), "float32")
def padded(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_shape([1, 3, 2, 3])
    p.input().preprocess().pad([0, 0, 1, 0], [0, 0, 1, 1], 2.5, pre.PaddingMode.CONSTANT)


@case("image", (1, 3, 2, 3), "float32")
def padded_by_reflection(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_shape([1, 3, 2, 3])
    p.input().preprocess().pad([0, 0, 1, 0], [0, 0, 1, 1], 0, pre.PaddingMode.REFLECT)


def padded_symmetrically(name: str, begin: list[int], end: list[int], shape: Shape) -> None:
    def body(p: Any, pre: Any, ov: Any) -> None:
        p.input().tensor().set_shape(list(shape))
        p.input().preprocess().pad(begin, end, 0, pre.PaddingMode.SYMMETRIC)

    body.__name__ = f"padded_symmetrically_{name}"
    case("image", shape, "float32")(body)


padded_symmetrically("on_all_sides", [0, 0, 1, 1], [0, 0, 1, 1], (1, 3, 2, 2))
padded_symmetrically("by_all_there_is", [0, 0, 2, 0], [0, 0, 0, 2], (1, 3, 2, 2))
padded_symmetrically("by_nothing", [0, 0, 0, 0], [0, 0, 0, 0], (1, 3, 4, 4))


def in_planes(source: str, target: str, dtype: str, names: list[str]) -> None:
    def body(p: Any, pre: Any, ov: Any) -> None:
        tensor = p.input().tensor().set_color_format(getattr(pre.ColorFormat, source), names)
        if dtype == "uint8":
            tensor.set_element_type(ov.Type.u8)
        steps = p.input().preprocess().convert_element_type(ov.Type.f32)
        steps.convert_color(getattr(pre.ColorFormat, target))
        p.input().model().set_layout(ov.Layout("NCHW"))

    body.__name__ = f"{source.lower()}_to_{target.lower()}_{dtype}_{len(names)}_names"
    halves: list[Shape] = [(1, 2, 2, 2)] if source.startswith("NV12") else [(1, 2, 2, 1)] * 2
    case("image", [(1, 4, 4, 1), *halves], dtype)(body)


for kind in ("float32", "uint8"):
    in_planes("NV12_TWO_PLANES", "RGB", kind, [])
    in_planes("NV12_TWO_PLANES", "BGR", kind, ["y", "uv"])
    in_planes("I420_THREE_PLANES", "RGB", kind, ["y", "u", "v"])
    in_planes("I420_THREE_PLANES", "BGR", kind, [])


@case("image", [(1, 6, 8, 1), (1, 3, 4, 2)], "uint8")
def planes_of_another_size(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_element_type(ov.Type.u8).set_spatial_static_shape(6, 8)
    p.input().tensor().set_color_format(pre.ColorFormat.NV12_TWO_PLANES, ["a", "b"])
    steps = p.input().preprocess().convert_color(pre.ColorFormat.RGB)
    steps.convert_layout(ov.Layout("NCHW")).convert_element_type(ov.Type.f32)
    steps.resize(pre.ResizeAlgorithm.RESIZE_LINEAR)
    p.input().model().set_layout(ov.Layout("NCHW"))


def coloured(source: str, target: str, model: str, channels: int, dtype: str = "float32") -> None:
    def body(p: Any, pre: Any, ov: Any) -> None:
        tensor = p.input().tensor().set_layout(ov.Layout("NHWC"))
        tensor.set_color_format(getattr(pre.ColorFormat, source))
        if dtype == "uint8":
            tensor.set_element_type(ov.Type.u8)
        p.input().preprocess().convert_color(getattr(pre.ColorFormat, target))
        p.input().model().set_layout(ov.Layout("NCHW"))

    body.__name__ = f"{source.lower()}_to_{target.lower()}_{dtype}"
    height = 6 if source.startswith(("NV12", "I420")) else 4
    case(model, (1, height, 4, channels), dtype)(body)


for kind in ("float32", "uint8"):
    coloured("RGB", "BGR", "image", 3, kind)
    coloured("BGR", "RGB", "image", 3, kind)
    coloured("RGBX", "RGB", "image", 4, kind)
    coloured("RGBX", "BGR", "image", 4, kind)
    coloured("BGRX", "RGB", "image", 4, kind)
    coloured("BGRX", "BGR", "image", 4, kind)
    coloured("RGB", "GRAY", "grey", 3, kind)
    coloured("BGR", "GRAY", "grey", 3, kind)
    coloured("NV12_SINGLE_PLANE", "RGB", "image", 1, kind)
    coloured("NV12_SINGLE_PLANE", "BGR", "image", 1, kind)
    coloured("I420_SINGLE_PLANE", "RGB", "image", 1, kind)
    coloured("I420_SINGLE_PLANE", "BGR", "image", 1, kind)


@case("image", (1, 3, 4, 4), "float32")
def output_of_another_type_and_layout(p: Any, pre: Any, ov: Any) -> None:
    p.output().model().set_layout(ov.Layout("NCHW"))
    p.output().tensor().set_layout(ov.Layout("NHWC")).set_element_type(ov.Type.i32)


@case("image", (1, 3, 4, 4), "float32")
def postprocessing_steps(p: Any, pre: Any, ov: Any) -> None:
    p.output("y").model().set_layout(ov.Layout("NCHW"))
    p.output(0).postprocess().convert_element_type(ov.Type.f16).convert_layout(ov.Layout("NHWC"))


@case("image", (1, 3, 4, 4), "float32")
def permuted_output(p: Any, pre: Any, ov: Any) -> None:
    p.output().postprocess().convert_layout([0, 3, 1, 2])


@case("image", (1, 3, 4, 4), "float64")
def taken_from_an_array(p: Any, pre: Any, ov: Any) -> None:
    p.input().tensor().set_from(np.zeros((1, 3, 4, 4), np.float64))


#: name -> what is refused
WRONG: dict[str, Callable[[Any, Any, Any], Any]] = {
    "unknown input": lambda p, pre, ov: p.input("nope"),
    "input out of range": lambda p, pre, ov: p.input(3),
    "unknown output": lambda p, pre, ov: p.output("nope"),
    "mean of bytes": lambda p, pre, ov: (
        p.input().tensor().set_element_type(ov.Type.u8),
        p.input().preprocess().mean(1.0),
        p.build(),
    ),
    "mean without channels": lambda p, pre, ov: (
        p.input().preprocess().mean([1.0, 2.0, 3.0]),
        p.build(),
    ),
    "mean of too many": lambda p, pre, ov: (
        p.input().model().set_layout(ov.Layout("NCHW")),
        p.input().preprocess().mean([1.0, 2.0, 3.0, 4.0]),
        p.build(),
    ),
    "resize without layout": lambda p, pre, ov: (
        p.input().preprocess().resize(pre.ResizeAlgorithm.RESIZE_LINEAR),
        p.build(),
    ),
    "spatial shape without layout": lambda p, pre, ov: (
        p.input().tensor().set_spatial_static_shape(3, 3),
        p.build(),
    ),
    "colour of unknown": lambda p, pre, ov: (
        p.input().preprocess().convert_color(pre.ColorFormat.RGB),
        p.build(),
    ),
    "shape that does not fit": lambda p, pre, ov: (
        p.input().tensor().set_shape([1, 3, 9, 9]),
        p.build(),
    ),
    "layout of another rank": lambda p, pre, ov: (
        p.input().tensor().set_layout(ov.Layout("NC")),
        p.build(),
    ),
    "reverse without channels": lambda p, pre, ov: (
        p.input().preprocess().reverse_channels(),
        p.build(),
    ),
    "crop of another rank": lambda p, pre, ov: (
        p.input().preprocess().crop([0, 0], [1, 1]),
        p.build(),
    ),
    "planes never joined": lambda p, pre, ov: (
        p.input().tensor().set_color_format(pre.ColorFormat.NV12_TWO_PLANES),
        p.input().model().set_layout(ov.Layout("NCHW")),
        p.build(),
    ),
    "planes resized": lambda p, pre, ov: (
        p.input().tensor().set_color_format(pre.ColorFormat.NV12_TWO_PLANES),
        p.input().preprocess().resize(pre.ResizeAlgorithm.RESIZE_LINEAR),
        p.input().model().set_layout(ov.Layout("NCHW")),
        p.build(),
    ),
    "names of too few planes": lambda p, pre, ov: (
        p.input().tensor().set_color_format(pre.ColorFormat.I420_THREE_PLANES, ["y", "u"])
    ),
    "names of no planes": lambda p, pre, ov: (
        p.input().tensor().set_color_format(pre.ColorFormat.RGB, ["r"])
    ),
    "symmetric pads of more than there is": lambda p, pre, ov: (
        p.input().tensor().set_shape([1, 3, 1, 4]),
        p.input().preprocess().pad([0, 0, 2, 0], [0, 0, 1, 0], 0, pre.PaddingMode.SYMMETRIC),
        p.build(),
    ),
    "crop with unequal lists": lambda p, pre, ov: (
        p.input().preprocess().crop([0, 0, 0, 0], [1, 1]),
        p.build(),
    ),
}


def data_of(name: str) -> list[Any]:
    _, _, shapes, dtype = CASES[name]
    rng = np.random.default_rng(sum(name.encode()))
    return [rng.uniform(0, 255, shape).astype(dtype) for shape in shapes]


def run(module: str, models: dict[str, bytes]) -> dict[str, Any]:
    """{name: [shape, dtype, values] or the kind of error} of every case."""
    ov = importlib.import_module(module)
    pre = importlib.import_module(f"{module}.preprocess")
    core = ov.Core()
    answers: dict[str, Any] = {}
    for name, (model, body, _, _) in CASES.items():
        try:
            p = pre.PrePostProcessor(core.read_model(models[model]))
            body(p, pre, ov)
            told = str(p)
            built = p.build()
            compiled = core.compile_model(built, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
            result = compiled(data_of(name))[0]
            answers[name] = [
                list(result.shape),
                str(result.dtype),
                result.astype(float).ravel().tolist(),
                [port.partial_shape.to_string() for port in built.inputs],
                [sorted(port.names) for port in built.inputs],
                sorted(built.output(0).names),
                told,
            ]
        except Exception as error:
            answers[name] = f"{type(error).__name__}: {error}"
    for name, wrong in WRONG.items():
        p = pre.PrePostProcessor(core.read_model(models["image"]))
        try:
            wrong(p, pre, ov)
            answers[name] = "accepted"
        except Exception as error:
            answers[name] = f"{type(error).__name__}: {error}"
    return answers
