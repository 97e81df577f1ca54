"""Models that are read with other shapes."""

from tests.python.parity.declare import variants


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
