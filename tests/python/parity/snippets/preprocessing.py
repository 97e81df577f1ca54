"""Preprocessing put into a model, with numbers that every order of computing gives exactly."""

from tests.python.parity.declare import tried, variants


def _image(np, *shape, dtype="float32"):
    return (np.arange(np.prod(shape)) % 200).reshape(shape).astype(dtype)


def _processor(ov, core, paths, name="image"):
    return ov.preprocess.PrePostProcessor(core.read_model(paths.read(name)))


def _run(core, built, data):
    compiled = core.compile_model(built, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return built.inputs, built.outputs, compiled(data)[0]


def element_type(ov, core, paths, np):
    p = _processor(ov, core, paths)
    p.input().tensor().set_element_type(ov.Type.u8)
    return _run(core, p.build(), _image(np, 1, 3, 4, 4, dtype="uint8"))


@variants(name=["x", 0])
def input_by(ov, core, paths, np, name):
    p = _processor(ov, core, paths)
    p.input(name).tensor().set_element_type(ov.Type.i32)
    return _run(core, p.build(), _image(np, 1, 3, 4, 4, dtype="int32"))


@variants(name=["nope", 3, -1])
def input_wrong(ov, core, paths, name):
    return tried(_processor(ov, core, paths).input, name)


def layouts(ov, core, paths, np):
    p = _processor(ov, core, paths)
    p.input().tensor().set_layout(ov.Layout("NHWC"))
    p.input().model().set_layout(ov.Layout("NCHW"))
    return _run(core, p.build(), _image(np, 1, 4, 4, 3))


def layouts_that_do_not_agree(ov, core, paths):
    p = _processor(ov, core, paths)
    p.input().tensor().set_layout(ov.Layout("NHWC"))
    p.input().model().set_layout(ov.Layout("NCDHW"))
    return tried(p.build)


def convert_layout_by_order(ov, core, paths, np):
    p = _processor(ov, core, paths)
    p.input().preprocess().convert_layout([0, 3, 1, 2])
    return _run(core, p.build(), _image(np, 1, 4, 4, 3))


@variants(value=[8.0, [8.0, 16.0, 24.0]])
def mean(ov, core, paths, np, value):
    p = _processor(ov, core, paths)
    p.input().model().set_layout(ov.Layout("NCHW"))
    p.input().preprocess().mean(value)
    return _run(core, p.build(), _image(np, 1, 3, 4, 4))


@variants(value=[2.0, [2.0, 4.0, 0.5]])
def scale(ov, core, paths, np, value):
    p = _processor(ov, core, paths)
    p.input().model().set_layout(ov.Layout("NCHW"))
    p.input().preprocess().scale(value)
    return _run(core, p.build(), _image(np, 1, 3, 4, 4))


@variants(value=[[1.0, 2.0], [1.0, 2.0, 3.0, 4.0]])
def mean_of_other_channels(ov, core, paths, value):
    p = _processor(ov, core, paths)
    p.input().model().set_layout(ov.Layout("NCHW"))
    p.input().preprocess().mean(value)
    return tried(p.build)


def mean_of_integers(ov, core, paths):
    p = _processor(ov, core, paths)
    p.input().tensor().set_element_type(ov.Type.u8)
    p.input().preprocess().mean(1.0)
    return tried(p.build)


def resize_nearest(ov, core, paths, np):
    p = _processor(ov, core, paths)
    p.input().tensor().set_layout(ov.Layout("NHWC")).set_spatial_static_shape(8, 8)
    p.input().preprocess().resize(ov.preprocess.ResizeAlgorithm.RESIZE_NEAREST)
    p.input().model().set_layout(ov.Layout("NCHW"))
    return _run(core, p.build(), _image(np, 1, 8, 8, 3))


def resize_linear_to_half(ov, core, paths, np):
    p = _processor(ov, core, paths)
    p.input().tensor().set_layout(ov.Layout("NHWC")).set_spatial_dynamic_shape()
    p.input().preprocess().resize(ov.preprocess.ResizeAlgorithm.RESIZE_LINEAR)
    p.input().model().set_layout(ov.Layout("NCHW"))
    return _run(core, p.build(), _image(np, 1, 8, 8, 3))


def resize_without_a_layout(ov, core, paths):
    p = _processor(ov, core, paths)
    p.input().preprocess().resize(ov.preprocess.ResizeAlgorithm.RESIZE_LINEAR)
    return tried(p.build)


@variants(pair=["RGB BGR", "BGR RGB", "RGBX BGR", "BGRX RGB"])
def colours(ov, core, paths, np, pair):
    source, target = (getattr(ov.preprocess.ColorFormat, name) for name in pair.split())
    p = _processor(ov, core, paths)
    p.input().tensor().set_color_format(source)
    p.input().preprocess().convert_color(target)
    p.input().model().set_layout(ov.Layout("NCHW"))
    return _run(core, p.build(), _image(np, 1, 4, 4, 4 if "X" in pair else 3))


@variants(kind=["NV12_TWO_PLANES", "I420_THREE_PLANES"])
def planes_are_inputs(ov, core, paths, kind):
    p = _processor(ov, core, paths)
    p.input().tensor().set_element_type(ov.Type.u8)
    p.input().tensor().set_color_format(getattr(ov.preprocess.ColorFormat, kind))
    p.input().preprocess().convert_color(ov.preprocess.ColorFormat.RGB)
    p.input().preprocess().convert_element_type(ov.Type.f32)
    p.input().model().set_layout(ov.Layout("NCHW"))
    built = p.build()
    return [(port.partial_shape, port.element_type) for port in built.inputs]


def colours_of_an_unknown_format(ov, core, paths):
    p = _processor(ov, core, paths)
    p.input().preprocess().convert_color(ov.preprocess.ColorFormat.RGB)
    return tried(p.build)


def reverse_channels(ov, core, paths, np):
    p = _processor(ov, core, paths)
    p.input().model().set_layout(ov.Layout("NCHW"))
    p.input().preprocess().reverse_channels()
    return _run(core, p.build(), _image(np, 1, 3, 4, 4))


@variants(end=[[1, 3, 5, 6], [1, 3, -1, -1]])
def crop(ov, core, paths, np, end):
    p = _processor(ov, core, paths)
    p.input().tensor().set_shape([1, 3, 6, 7])
    p.input().preprocess().crop([0, 0, 1, 2], end)
    return tried(lambda: _run(core, p.build(), _image(np, 1, 3, 6, 7)))


@variants(mode=["CONSTANT", "EDGE", "REFLECT", "SYMMETRIC"])
def pad(ov, core, paths, np, mode):
    p = _processor(ov, core, paths)
    p.input().tensor().set_shape([1, 3, 3, 3])
    mode = getattr(ov.preprocess.PaddingMode, mode)
    p.input().preprocess().pad([0, 0, 1, 0], [0, 0, 0, 1], 7, mode)
    return _run(core, p.build(), _image(np, 1, 3, 3, 3))


def set_from_an_array(ov, core, paths, np):
    p = _processor(ov, core, paths)
    p.input().tensor().set_from(np.zeros((1, 3, 4, 4), np.int64))
    return _run(core, p.build(), _image(np, 1, 3, 4, 4, dtype="int64"))


def steps_in_their_order(ov, core, paths, np):
    p = _processor(ov, core, paths)
    steps = p.input().preprocess().mean(4.0).scale(2.0).mean(1.0)
    return type(steps).__name__, _run(core, p.build(), _image(np, 1, 3, 4, 4))


def several_steps_of_a_photo(ov, core, paths, np):
    p = _processor(ov, core, paths)
    p.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    p.input().tensor().set_color_format(ov.preprocess.ColorFormat.BGR)
    steps = p.input().preprocess().convert_element_type(ov.Type.f32)
    steps.convert_color(ov.preprocess.ColorFormat.RGB).mean([1.0, 2.0, 3.0]).scale(4.0)
    p.input().model().set_layout(ov.Layout("NCHW"))
    return _run(core, p.build(), _image(np, 1, 4, 4, 3, dtype="uint8"))


def output_type_and_layout(ov, core, paths, np):
    p = _processor(ov, core, paths)
    p.output().model().set_layout(ov.Layout("NCHW"))
    p.output().tensor().set_layout(ov.Layout("NHWC")).set_element_type(ov.Type.i32)
    return _run(core, p.build(), _image(np, 1, 3, 4, 4))


def postprocessing_steps(ov, core, paths, np):
    p = _processor(ov, core, paths)
    p.output().model().set_layout(ov.Layout("NCHW"))
    p.output().postprocess().convert_element_type(ov.Type.f16).convert_layout(ov.Layout("NHWC"))
    return _run(core, p.build(), _image(np, 1, 3, 4, 4))


def the_model_itself_is_changed(ov, core, paths):
    model = core.read_model(paths.read("image"))
    p = ov.preprocess.PrePostProcessor(model)
    p.input().tensor().set_element_type(ov.Type.u8)
    built = p.build()
    return model.inputs, built.inputs


def two_inputs_need_a_name(ov, core, paths):
    return tried(_processor(ov, core, paths, "sub").input)


_WRONG = {
    "mean": lambda p, _: p.input().preprocess().mean("abc"),
    "resize": lambda p, _: p.input().preprocess().resize(3),
    "type": lambda p, _: p.input().tensor().set_element_type("no type"),
    "layout": lambda p, _: p.input().tensor().set_layout(3),
    "colour": lambda p, _: p.input().preprocess().convert_color("RGB"),
}


@variants(step=list(_WRONG))
def wrong_kinds(ov, core, paths, step):
    return tried(_WRONG[step], _processor(ov, core, paths), ov)


@variants(kind=["RESIZE_LINEAR", "RESIZE_NEAREST", "RESIZE_CUBIC"])
def resize_by(ov, core, paths, np, kind):
    p = _processor(ov, core, paths)
    p.input().tensor().set_layout(ov.Layout("NCHW")).set_spatial_static_shape(7, 5)
    p.input().preprocess().resize(getattr(ov.preprocess.ResizeAlgorithm, kind))
    p.input().model().set_layout(ov.Layout("NCHW"))
    return _run(core, p.build(), _image(np, 1, 3, 7, 5)).round(2)


@variants(kind=["GRAY", "NV12_SINGLE_PLANE", "I420_SINGLE_PLANE", "RGBX", "BGRX", "BGR"])
def one_plane_to_rgb(ov, core, paths, kind):
    p = _processor(ov, core, paths)
    formats = ov.preprocess.ColorFormat
    tensor = p.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    tensor.set_color_format(getattr(formats, kind))
    p.input().preprocess().convert_color(formats.RGB).convert_element_type(ov.Type.f32)
    p.input().model().set_layout(ov.Layout("NCHW"))
    return tried(lambda: p.build().inputs)


@variants(kind=["RGB", "BGR"])
def to_grey(ov, core, paths, np, kind):
    p = _processor(ov, core, paths, "sub")
    formats = ov.preprocess.ColorFormat
    p.input("x").tensor().set_layout(ov.Layout("HW")).set_color_format(getattr(formats, kind))
    return tried(lambda: p.input("x").preprocess().convert_color(formats.GRAY) and p.build().inputs)


@variants(layout=["NHWC", "NCHW", "N...", "...C"])
def layout_of_the_tensor(ov, core, paths, layout):
    p = _processor(ov, core, paths)
    p.input().tensor().set_layout(ov.Layout(layout))
    p.input().model().set_layout(ov.Layout("NCHW"))
    return tried(lambda: p.build().inputs)


@variants(layout=["NHWC", "NWHC", "NC"])
def output_layout(ov, core, paths, np, layout):
    p = _processor(ov, core, paths)
    p.output().model().set_layout(ov.Layout("NCHW"))
    p.output().tensor().set_layout(ov.Layout(layout))
    return tried(lambda: _run(core, p.build(), _image(np, 1, 3, 4, 4)))


def model_layout_is_a_layout_of_the_built(ov, core, paths):
    p = _processor(ov, core, paths)
    p.input().tensor().set_layout(ov.Layout("NHWC"))
    p.input().model().set_layout(ov.Layout("NCHW"))
    return p.build().input().node.layout


def output_step_by_step(ov, core, paths, np):
    p = _processor(ov, core, paths)
    p.output().model().set_layout(ov.Layout("NCHW"))
    p.output().postprocess().convert_layout(ov.Layout("NHWC")).convert_element_type(ov.Type.i32)
    p.output().tensor().set_element_type(ov.Type.i32)
    return _run(core, p.build(), _image(np, 1, 3, 4, 4))
