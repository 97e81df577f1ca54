"""Tensor: every way to make one, and what it shares."""

from __future__ import annotations

import copy
import gc
import weakref

import ml_dtypes
import numpy as np
import pytest

import coinfer
from coinfer import Shape, Tensor, Type


@pytest.fixture
def array() -> np.ndarray:
    return np.arange(6, dtype=np.float32).reshape(2, 3)


def test_array_is_copied_by_default(array: np.ndarray) -> None:
    tensor = Tensor(array)
    tensor.data[0, 0] = 9
    assert array[0, 0] == 0
    assert repr(tensor) == "<Tensor: shape[2,3] type: f32>"


def test_shared_array_is_the_tensors_memory(array: np.ndarray) -> None:
    for tensor in (Tensor(array, shared_memory=True), Tensor(array, True)):
        assert np.shares_memory(tensor.data, array)
    tensor.data[0, 0] = 9
    assert array[0, 0] == 9


def test_view_keeps_the_memory_alive_without_the_tensor() -> None:
    class Array(np.ndarray):
        pass

    owner = np.ones(4, np.float32).view(Array)
    gone = weakref.ref(owner)
    view = Tensor(owner, shared_memory=True).data
    del owner
    gc.collect()
    assert gone() is not None
    np.testing.assert_array_equal(view, np.ones(4))
    del view
    gc.collect()
    # Dropped objects are released at the next occasion of a holder of the GIL.
    for _ in range(100):
        if gone() is None:
            break
    assert gone() is None


def test_tensor_over_read_only_array_is_read_only(array: np.ndarray) -> None:
    array.flags.writeable = False
    data = Tensor(array, shared_memory=True).data
    assert not data.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        data[:] = 1
    with pytest.raises(RuntimeError, match="read-only"):
        Tensor(array, shared_memory=True).copy_from(array)


@pytest.mark.parametrize("change", ["transposed", "strided", "swapped"])
def test_what_cannot_be_shared_is_refused_and_copied_right(array: np.ndarray, change: str) -> None:
    odd = {"transposed": array.T, "strided": array[:, ::2], "swapped": array.astype(">f4")}[change]
    with pytest.raises(coinfer.Error, match="C-contiguous"):
        Tensor(odd, shared_memory=True)
    np.testing.assert_array_equal(Tensor(odd).data, odd)


@pytest.mark.parametrize("type_", [Type.f32, np.float32, np.dtype("f4"), "float32"])
def test_tensor_of_type_and_shape(type_: object) -> None:
    for shape in ([2, 3], (2, 3), Shape([2, 3])):
        tensor = Tensor(type_, shape)
        assert tensor.element_type is tensor.get_element_type() is Type.f32
        assert tensor.shape == tensor.get_shape() == [2, 3]
    assert Tensor(type=Type.f32, shape=[2, 3]).byte_size == 24


@pytest.mark.parametrize(
    ("values", "type_", "shape"),
    [
        ([1, 2, 3], Type.i64, [3]),
        ([1.0, 2], Type.f64, [2]),
        ([[1, 2], [3, 4]], Type.i64, [2, 2]),
        ([True], Type.boolean, [1]),
        (["a", "bc"], Type.string, [2]),
        ([b"a"], Type.string, [1]),
        ([], Type.f64, [0]),
    ],
)
def test_tensor_of_list(values: list[object], type_: Type, shape: list[int]) -> None:
    tensor = Tensor(values)
    assert tensor.element_type is type_
    assert tensor.shape == shape


def test_region_shares_memory(array: np.ndarray) -> None:
    whole = Tensor(array)
    part = Tensor(whole, [0, 1], [2, 3])
    np.testing.assert_array_equal(part.data, array[:, 1:])
    assert not part.is_continuous()
    assert tuple(part.strides) == (12, 4)
    part.copy_from(np.ones((2, 2), np.float32))
    np.testing.assert_array_equal(whole.data, [[0, 1, 1], [3, 1, 1]])
    with pytest.raises(RuntimeError, match=r"\[2,4\]"):
        Tensor(whole, [0, 1], [2, 4])


def test_array_seen_with_another_shape_and_type(array: np.ndarray) -> None:
    np.testing.assert_array_equal(Tensor(array, [3, 2]).data, array.reshape(3, 2))
    assert Tensor(array, [24], Type.u8).data.nbytes == 24
    assert np.shares_memory(Tensor(array, Shape([6])).data, array)
    with pytest.raises(RuntimeError, match="400 bytes"):
        Tensor(array, [100])


def test_anything_like_an_array_is_taken() -> None:
    class Like:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return np.array([1, 2], np.int32)

    class Packed:
        def __init__(self, array: np.ndarray) -> None:
            self.array = array

        def __dlpack__(self, **keywords: object) -> object:
            return self.array.__dlpack__(**keywords)

        def __dlpack_device__(self) -> tuple[int, int]:
            return self.array.__dlpack_device__()

    assert Tensor(Like()).element_type is Type.i32
    assert Tensor(memoryview(b"abc")).shape == [3]
    np.testing.assert_array_equal(Tensor(Packed(np.float64([1, 2]))).data, [1, 2])
    assert Tensor(np.float32(3)).shape == []


@pytest.mark.parametrize("value", [None, object(), {}])
def test_what_is_no_array_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError):
        Tensor(value)


@pytest.mark.parametrize("dtype", [np.complex64, object, "M8[s]"])
def test_array_of_a_type_that_tensors_lack(dtype: object) -> None:
    with pytest.raises(RuntimeError):
        Tensor(np.zeros(2, dtype))


def test_setting_the_shape_in_place(array: np.ndarray) -> None:
    tensor = Tensor(array)
    tensor.shape = [3, 2]
    np.testing.assert_array_equal(tensor.data, array.reshape(3, 2))
    tensor.shape = Shape([100])
    assert tensor.size == 100
    shared = Tensor(array, shared_memory=True)
    shared.shape = (2,)
    np.testing.assert_array_equal(shared.data, [0, 1])
    with pytest.raises(RuntimeError, match="cannot grow"):
        shared.shape = [100]


def test_old_view_survives_growth(array: np.ndarray) -> None:
    tensor = Tensor(array)
    old = tensor.data
    tensor.set_shape([10000])
    gc.collect()
    np.testing.assert_array_equal(old, array)


def test_copy_to_and_from(array: np.ndarray) -> None:
    source, target = Tensor(array), Tensor(Type.f32, [1])
    source.copy_to(target)
    np.testing.assert_array_equal(target.data, array)
    target.copy_from(array * 2)
    np.testing.assert_array_equal(target.data, array * 2)
    with pytest.raises(RuntimeError, match="f64"):
        source.copy_to(Tensor(Type.f64, [1]))
    with pytest.raises(RuntimeError, match="int64"):
        target.copy_from([1, 2])


def test_strings() -> None:
    tensor = Tensor(np.array(["ab", "grün"]))
    np.testing.assert_array_equal(tensor.str_data, ["ab", "grün"])
    np.testing.assert_array_equal(tensor.bytes_data, [b"ab", "grün".encode()])
    tensor.bytes_data = [b"x", "y"]
    np.testing.assert_array_equal(tensor.str_data, ["x", "y"])
    with pytest.warns(RuntimeWarning, match="copy"):
        np.testing.assert_array_equal(tensor.data, [b"x", b"y"])
    with pytest.raises(RuntimeError, match="3 strings"):
        tensor.str_data = ["a", "b", "c"]
    with pytest.raises(RuntimeError, match="f32"):
        _ = Tensor(Type.f32, [1]).str_data
    assert Tensor(Type.string, [2]).str_data.tolist() == ["", ""]


def test_bf16_is_seen_as_raw_float16() -> None:
    values = np.array([1.5, -2], ml_dtypes.bfloat16)
    tensor = Tensor(values)
    assert tensor.element_type is Type.bf16
    assert tensor.data.dtype == np.float16
    np.testing.assert_array_equal(tensor.data.view(ml_dtypes.bfloat16), values)


def test_empty_and_scalar_tensors() -> None:
    assert Tensor(np.zeros((0, 3), np.float32)).data.shape == (0, 3)
    assert Tensor(np.array(3.0)).data == 3
    assert Tensor(Type.f32, []).size == 1


def test_tensors_are_equal_to_themselves(array: np.ndarray) -> None:
    tensor = Tensor(array)
    assert tensor == Tensor(tensor)
    assert tensor != Tensor(array)
    assert hash(tensor) == hash(Tensor(tensor))
    twin = copy.deepcopy(tensor)
    twin.data[:] = 0
    np.testing.assert_array_equal(tensor.data, array)


def test_large_copies_are_right() -> None:
    rng = np.random.default_rng(0)
    large = rng.normal(size=(300, 400)).astype(np.float32)
    np.testing.assert_array_equal(Tensor(large).data, large)
    np.testing.assert_array_equal(Tensor(large.T).data, large.T)


def test_bad_constructors_say_why() -> None:
    with pytest.raises(TypeError, match=r"size=int\) was given"):
        Tensor(Type.f32, size=3)
    with pytest.raises(TypeError, match=r"\(\) was given"):
        Tensor()
    with pytest.raises(TypeError, match="-1"):
        Tensor(Type.f32, [-1])
    with pytest.raises(RuntimeError, match="dynamic"):
        Tensor(Type.dynamic, [1])


def test_dlpack_shares_the_tensors_memory(array: np.ndarray) -> None:
    tensor = Tensor(array)
    assert tensor.__dlpack_device__() == (1, 0)
    view = np.from_dlpack(tensor)
    assert np.shares_memory(view, tensor.data)
    assert (view.dtype, view.shape) == (np.float32, (2, 3))
    del tensor
    gc.collect()
    np.testing.assert_array_equal(view, array)


@pytest.mark.parametrize("dtype", "?bBhHiIqQefd")
def test_dlpack_keeps_types(dtype: str) -> None:
    array = np.ones((2, 2), dtype)
    np.testing.assert_array_equal(np.from_dlpack(Tensor(array)), array, strict=True)


def test_dlpack_of_a_region_has_strides(array: np.ndarray) -> None:
    region = Tensor(Tensor(array), [0, 1], [2, 3])
    np.testing.assert_array_equal(np.from_dlpack(region), array[:, 1:])


def test_dlpack_of_read_only_memory(array: np.ndarray) -> None:
    array.flags.writeable = False
    tensor = Tensor(array, shared_memory=True)
    with pytest.raises(BufferError, match="read-only"):
        tensor.__dlpack__()
    assert "dltensor_versioned" in repr(tensor.__dlpack__(max_version=(1, 0)))
    assert '"dltensor"' in repr(tensor.__dlpack__(copy=True))


def test_dlpack_refuses_what_it_has_not(array: np.ndarray) -> None:
    with pytest.raises(BufferError, match="string"):
        Tensor(["a"]).__dlpack__()
    with pytest.raises(BufferError, match="CPU"):
        Tensor(array).__dlpack__(dl_device=(2, 0))
    gone = weakref.ref(array)
    capsule = Tensor(array, shared_memory=True).__dlpack__()
    del capsule
    assert gone() is array


def test_a_tensor_goes_into_an_inference_by_dlpack_of_others(array: np.ndarray) -> None:
    class Foreign:
        def __dlpack__(self, **keywords: object) -> object:
            return Tensor(array).__dlpack__(**keywords)  # type: ignore[arg-type]

        def __dlpack_device__(self) -> tuple[int, int]:
            return (1, 0)

    np.testing.assert_array_equal(Tensor(Foreign()).data, array)  # type: ignore[call-overload]
