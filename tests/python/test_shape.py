"""Shape, PartialShape, Dimension and Type."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import coinfer
from coinfer import Dimension, PartialShape, Shape, Type


def test_shape_is_made_of_lists_tuples_arrays_text_and_shapes() -> None:
    for given in ([1, 2], (1, 2), np.array([1, 2]), "[1,2]", "1,2", Shape([1, 2])):
        assert Shape(given) == [1, 2]
    assert len(Shape()) == 0


def test_shape_compares_with_sequences_and_partial_shapes() -> None:
    shape = Shape([1, 2])
    assert shape == (1, 2)
    assert shape == PartialShape([1, 2])
    assert shape != [1, 3]
    assert shape != "no shape"
    with pytest.raises(TypeError):
        hash(shape)


def test_shape_is_a_sequence() -> None:
    shape = Shape([1, 2, 3])
    assert shape[-1] == 3
    assert shape[0:2] == [1, 2]
    assert list(shape) == [1, 2, 3]
    shape[0] = Dimension(7)
    assert shape == [7, 2, 3]
    with pytest.raises(IndexError, match="index 5"):
        shape[5]


@pytest.mark.parametrize("given", [[-1], [1.5], ["1"], 5])
def test_shape_of_no_lengths_is_a_type_error(given: object) -> None:
    with pytest.raises(TypeError):
        Shape(given)


def test_partial_shape_takes_every_kind_of_dimension() -> None:
    shape = PartialShape([1, -1, (1, 4), [2, 5], "3..", "?", Dimension(2)])
    assert str(shape) == "[1,?,1..4,2..5,3..,?,2]"
    assert PartialShape(str(shape)) == shape
    assert repr(shape) == "<PartialShape: [1,?,1..4,2..5,3..,?,2]>"


def test_partial_shape_of_unknown_rank() -> None:
    shape = PartialShape.dynamic()
    assert shape.is_dynamic
    assert shape.rank.is_dynamic
    with pytest.raises(RuntimeError):
        len(shape)
    assert PartialShape.dynamic(2) == PartialShape([-1, -1])


def test_partial_shape_relations() -> None:
    fixed, open_ = PartialShape([1]), PartialShape([-1])
    assert fixed.compatible(open_)
    assert fixed.refines(open_)
    assert not fixed.relaxes(open_)
    assert fixed.same_scheme(PartialShape([1]))
    assert not fixed.same_scheme(PartialShape([2]))


def test_partial_shape_bounds() -> None:
    shape = PartialShape([1, (2, 4), -1])
    assert shape.get_min_shape() == [1, 2, 0]
    assert shape.get_max_shape() == [1, 4, 2**63 - 1]
    with pytest.raises(coinfer.Error, match=r"\[1,2\.\.4,\?\]"):
        shape.to_shape()
    with pytest.raises(TypeError):
        assert shape == [1, 2, 3]


@pytest.mark.parametrize(
    ("given", "error"), [([1, (1, 2, 3)], TypeError), ([1, "x"], RuntimeError), ([1.5], TypeError)]
)
def test_partial_shape_of_bad_dimensions(given: list[object], error: type[Exception]) -> None:
    with pytest.raises(error):
        PartialShape(given)


def test_dimension() -> None:
    assert Dimension() == Dimension.dynamic() == Dimension(-1)
    assert Dimension(3) == 3
    assert (Dimension(1, 4).min_length, Dimension(1, 4).max_length) == (1, 4)
    assert Dimension(1, -1).max_length == -1
    assert str(Dimension("1..4")) == "1..4"
    assert Dimension(3).get_length() == 3
    with pytest.raises(RuntimeError):
        Dimension(1, 4).get_length()


@pytest.mark.parametrize("one", [Shape([1, 2]), PartialShape([1, -1]), Dimension(1, 4)])
def test_shapes_are_copied_and_pickled(one: object) -> None:
    assert copy.deepcopy(one) == one
    assert pickle.loads(pickle.dumps(one)) == one


def test_types_are_single_objects() -> None:
    assert Type(np.float32) is Type(np.dtype("f4")) is Type.f32
    assert Type(str) is Type(np.dtype("U3")) is Type(bytes) is Type.string
    assert pickle.loads(pickle.dumps(Type.bf16)) is Type.bf16
    assert copy.deepcopy(Type.i8) is Type.i8
    assert {Type.f32: 1}[Type("float32")] == 1
    assert Type.f32 != "f32"


@pytest.mark.parametrize(
    ("type_", "name", "dtype", "size"),
    [
        (Type.boolean, "boolean", "bool", 1),
        (Type.bf16, "bf16", "float16", 2),
        (Type.f64, "f64", "float64", 8),
        (Type.u16, "u16", "uint16", 2),
    ],
)
def test_type_tells_name_dtype_and_size(type_: Type, name: str, dtype: str, size: int) -> None:
    assert type_.get_type_name() == type_.to_string() == type_.type_name == name
    assert type_.to_dtype() == np.dtype(dtype)
    assert type_.size == size
    assert type_.bitwidth == size * 8


@pytest.mark.parametrize(
    ("dtype", "error"),
    [
        ("f32", TypeError),
        ("nonsense", TypeError),
        (np.complex64, RuntimeError),
        (object, RuntimeError),
    ],
)
def test_what_is_no_element_type(dtype: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        Type(dtype)
