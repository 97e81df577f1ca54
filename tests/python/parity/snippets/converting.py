"""Models that are read with other shapes."""

from tests.python.parity.declare import tried, variants


def _shapes(model):
    return [port.partial_shape.to_string() for port in [*model.inputs, *model.outputs]]


def converted_path(ov, paths):
    model = ov.convert_model(paths["sub"])
    return _shapes(model), [sorted(port.names) for port in model.inputs]


@variants(given=[[3], (3,), [-1], [[3]], ("x", [3]), [("x", [3])], {"x": [3]}])
def converted_with_the_shape_of_one_input(ov, paths, given):
    return _shapes(ov.convert_model(paths["single"], input=given))


@variants(given=[[[4, 3], [4, 3]], [("y", [4, 3]), ("x", [4, 3])], {"x": [4, 3], "y": [4, 3]}])
def converted_with_shapes(ov, paths, given):
    return _shapes(ov.convert_model(paths["sub"], input=given))


def converted_with_a_partial_shape(ov, paths):
    return _shapes(ov.convert_model(paths["single"], input=ov.PartialShape([-1])))


def converted_model_computes(ov, core, np, paths):
    model = ov.convert_model(paths["single"], input=[3])
    return core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(
        np.float32([1, 2, 3])
    )[0]


def converted_from_a_stream(ov, paths):
    return _shapes(ov.convert_model(paths.stream("sub")))


def converted_with_the_names_of_outputs(ov, paths):
    return _shapes(ov.convert_model(paths["sub"], output="difference"))


@variants(
    given=[
        "x",
        ["x"],
        [],
        ("x", [4, 3]),
        ([4, 3],),
        [(4, 3)],
        ("x", (4, 3)),
    ]
)
def converted_with_a_description_of_the_input(ov, paths, given):
    return _shapes(ov.convert_model(paths["rows"], input=given))


@variants(as_dtype=[False, True])
def converted_with_types(ov, np, paths, as_dtype):
    f32 = np.float32 if as_dtype else ov.Type.f32
    given = [
        ("x", [4, 3], f32),
        ("x", f32),
        ([4, 3], f32),
        f32,
        [f32],
        [("x", [4, 3], f32)],
        {"x": ([4, 3], f32)},
        {"x": f32},
    ]
    return [_shapes(ov.convert_model(paths["rows"], input=one)) for one in given]


def converted_with_shapes_and_types(ov, paths):
    given = [("y", [2, 2]), "x"], [([2, 2], ov.Type.f32), ov.Type.f32], ["x", "y"]
    return [_shapes(ov.convert_model(paths["dynamic"], input=one)) for one in given]


def converted_with_dimensions(ov, paths):
    given = (ov.Dimension(4), 3), [ov.Dimension(1, 4), 3], (ov.Dimension(), 3)
    return [_shapes(ov.convert_model(paths["rows"], input=one)) for one in given]


@variants(
    given=[
        5,
        ("x", 5),
        ("x", "y"),
        {"x": None},
        "",
        "nowhere",
        ["nowhere"],
        ("nowhere", [4, 3]),
        {"x": [4, 3], "nowhere": [1]},
        (4, "x"),
        [[4, 3], [1]],
        (None, [4, 3]),
    ]
)
def converted_with_a_wrong_description(ov, paths, given):
    return type(tried(ov.convert_model, paths["rows"], input=given)).__name__
