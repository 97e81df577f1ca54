"""Reading a model with other shapes at once: `coinfer.convert_model`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from coinfer._coinfer import Core, Dimension, Model, PartialShape, Shape, Unsupported
from coinfer.element_type import Type

_EXPECTED = "a name, a shape, a Type, or a tuple of them was expected"


def _is_shape(given: Any) -> bool:
    if isinstance(given, (PartialShape, Shape)):
        return True
    # bool(): an empty list of descriptions is no shape of a scalar
    return (
        isinstance(given, (list, tuple))
        and bool(given)
        and all(isinstance(one, (int, np.integer, Dimension)) for one in given)
    )


def _is_one(given: Any) -> bool:
    """Does this describe one input, and is no list of descriptions?"""
    if isinstance(given, (str, Type)) or _is_type(given) or _is_shape(given):
        return True
    # (name, shape), (name, type), (shape, type), (name, shape, type)
    return (
        isinstance(given, tuple)
        and 0 < len(given) <= 3
        and (isinstance(given[0], str) or isinstance(given[-1], Type) or _is_type(given[-1]))
        and not any(isinstance(one, str) for one in given[1:])
    )


def _is_type(given: Any) -> bool:
    return isinstance(given, np.dtype) or (
        isinstance(given, type) and issubclass(given, (np.generic, bool, int, float))
    )


@dataclass
class _Wish:
    """What an input shall be."""

    name: str | int
    shape: Any = None
    element_type: Type | None = None


def _wish(index: int, given: Any, name: str | None = None) -> _Wish:
    wish = _Wish(index if name is None else name)
    parts = given if isinstance(given, tuple) and not _is_shape(given) else (given,)
    for part in parts:
        if isinstance(part, str) and name is None:
            wish.name = part
        elif isinstance(part, Type) or _is_type(part):
            wish.element_type = part if isinstance(part, Type) else Type(part)
        elif _is_shape(part):
            wish.shape = part
        else:
            raise Unsupported(f"input {wish.name!r} is {given!r}; {_EXPECTED}")
    return wish


def _wishes(given: Any) -> list[_Wish]:
    if isinstance(given, dict):
        return [
            _wish(key, one) if isinstance(key, int) else _wish(0, one, str(key))
            for key, one in given.items()
        ]
    if _is_one(given):
        return [_wish(0, given)]
    if not isinstance(given, (list, tuple)):
        raise Unsupported(f"input is {given!r}; {_EXPECTED}")
    return [_wish(index, one) for index, one in enumerate(given)]


def _fulfil(model: Model, wishes: list[_Wish]) -> None:
    shapes: dict[str | int, Any] = {}
    for wish in wishes:
        port = model.input(wish.name)
        if wish.element_type not in (None, Type.dynamic, port.element_type):
            raise Unsupported(
                f"input {wish.name!r} is {port.element_type.to_string()} in the file, "
                f"{wish.element_type.to_string()} was asked for; "
                "preprocess.PrePostProcessor converts it"
            )
        if wish.shape is not None:
            shapes[wish.name] = wish.shape
    if shapes:
        model.reshape(shapes)


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
    `input` says it of one input, by a name, a shape, a Type, or a tuple of them in that order; of
    several in a list of those, or in a dict of shapes and Types by the names or indices of inputs.
    A Type has to be that of the file. `output` may name the model's outputs, all of them and in
    their order.

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
        _fulfil(model, _wishes(input))
    return model
