"""Reading a model with other shapes at once: `coinfer.convert_model`."""

from __future__ import annotations

from typing import Any

from coinfer._coinfer import Core, Model, PartialShape, Shape, Unsupported


def _is_shape(given: Any) -> bool:
    if isinstance(given, (PartialShape, Shape)):
        return True
    return isinstance(given, (list, tuple)) and not any(hasattr(one, "__len__") for one in given)


def _add(shapes: dict[str | int, Any], index: int, given: Any) -> None:
    """Take one element of a list of inputs: a shape, or a name with one."""
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str):
        shapes[given[0]] = given[1]
    elif _is_shape(given):
        shapes[index] = given
    else:
        raise Unsupported(
            f"input {index} is {given!r}; a shape, or a tuple of a name and a shape was expected"
        )


def _shapes(given: Any) -> dict[str | int, Any]:
    if isinstance(given, dict):
        return dict(given)
    shapes: dict[str | int, Any] = {}
    named = isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str)
    if _is_shape(given) and not named:
        shapes[0] = given
    elif isinstance(given, (list, tuple)) and not named:
        for index, one in enumerate(given):
            _add(shapes, index, one)
    else:
        _add(shapes, 0, given)
    return shapes


def convert_model(
    input_model: Any,
    *,
    input: Any = None,  # noqa: A002
    output: Any = None,
    example_input: Any = None,
    extension: Any = None,
    verbose: bool = False,
    share_weights: bool = True,
) -> Model:
    """Read a model, as `Core.read_model` does, and give its inputs the shapes `input`.

    `input_model` is an ONNX model or OpenVINO IR: a path, bytes, a BytesIO or an onnx.ModelProto.
    `input` is the shape of the only input, a list of shapes or of tuples (name, shape), one an
    input, or a dict of shapes by the names or indices of inputs. `output` may name the model's
    outputs, all of them and in their order.

    `verbose`, `share_weights` and `example_input` are there for scripts that give them, and change
    nothing. Raises coinfer.Unsupported for what is not converted here: models of other frameworks,
    any `extension`, parts of a model; and what `Core.read_model` and `Model.reshape` raise.
    """
    if extension is not None:
        raise Unsupported("extension: operators from elsewhere are not taken")
    known = (str, bytes, bytearray, memoryview)
    if not (
        isinstance(input_model, known)
        or any(hasattr(input_model, name) for name in ("__fspath__", "read", "SerializeToString"))
    ):
        raise Unsupported(
            f"input_model is a {type(input_model).__name__}; an ONNX model or OpenVINO IR was "
            "expected: a path, bytes, a BytesIO or an onnx.ModelProto"
        )
    model = Core().read_model(input_model)
    if output is not None:
        wanted = [output] if isinstance(output, str) else list(output)
        if len(wanted) != len(model.outputs) or any(
            name not in port.names for name, port in zip(wanted, model.outputs, strict=True)
        ):
            names = [sorted(port.names) for port in model.outputs]
            raise Unsupported(
                f"output is {wanted}; the model's outputs are {names}, and no part of it is cut"
            )
    if input is not None:
        model.reshape(_shapes(input))
    return model
