"""What a user may give as inputs, and what is shared, copied, cast or refused."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import coinfer
from tests.python.models import build, dynamic_mlp, one_add, string_identity, two_inputs

CONFIG = {"INFERENCE_PRECISION_HINT": "f32"}


def compile_proto(proto: Any) -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(proto, "CPU", CONFIG)


@pytest.fixture
def two() -> coinfer.CompiledModel:
    return compile_proto(two_inputs((2, 3)))


@pytest.fixture
def one() -> coinfer.CompiledModel:
    return compile_proto(one_add((3,)))


A = np.arange(6, dtype=np.float32).reshape(2, 3)
B = np.full((2, 3), 0.5, np.float32)


def ways(two: coinfer.CompiledModel) -> list[Any]:
    ports = two.inputs
    return [
        {"input_0": A, "input_1": B},
        {0: A, 1: B},
        {ports[0]: A, ports[1]: B},
        {"input_1": B, 0: A},
        [A, B],
        (A, B),
        OrderedDict(input_0=A, input_1=B),
        {"input_0": coinfer.Tensor(A), "input_1": B.tolist()},
        [A.astype(np.float64), B.astype(np.float16)],
        [A.astype(">f4"), np.asfortranarray(B)],
        [memoryview(A), B],
    ]


@pytest.mark.parametrize("way", range(11))
@pytest.mark.parametrize("share", [False, True])
def test_every_way_to_give_two_inputs(two: coinfer.CompiledModel, way: int, share: bool) -> None:
    results = two(ways(two)[way], share_inputs=share)
    np.testing.assert_array_equal(results["difference"], A - B)


@pytest.mark.parametrize(
    "value",
    [
        np.float32([1, 2, 3]),
        np.array([1, 2, 3]),
        np.array([1, 2, 3], np.uint8),
        [1, 2, 3],
        [1.0, 2.0, 3.0],
        [np.float32([1, 2, 3])],
        (np.float32([1, 2, 3]),),
        np.array([1, 2, 3], ml_dtypes.bfloat16),
        coinfer.Tensor(np.float32([1, 2, 3])),
        {"x": [1, 2, 3]},
        memoryview(np.float32([1, 2, 3])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_way_to_give_one_input(one: coinfer.CompiledModel, value: Any) -> None:
    np.testing.assert_array_equal(one(value)[0], [2, 3, 4])


def test_array_interfaces_and_dlpack(one: coinfer.CompiledModel) -> None:
    class Like:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return np.float32([1, 2, 3])

    class Packed:
        def __dlpack__(self, **keywords: Any) -> Any:
            return np.float32([1, 2, 3]).__dlpack__(**keywords)

        def __dlpack_device__(self) -> Any:
            return np.float32([1, 2, 3]).__dlpack_device__()

    for value in (Like(), Packed()):
        np.testing.assert_array_equal(one(value)[0], [2, 3, 4])


def test_scalar_fills_an_input_of_one_element() -> None:
    model = compile_proto(one_add((1, 1)))
    for value in (3, 3.0, np.float32(3), np.array(3.0), True):
        result = model(value)[0]
        assert result.shape == (1, 1)
        assert result[0, 0] == float(value) + 1


def test_none_and_missing_inputs_leave_what_is_set(two: coinfer.CompiledModel) -> None:
    request = two.create_infer_request()
    request.infer({"input_0": A, "input_1": B})
    np.testing.assert_array_equal(request.infer({"input_1": A})[0], A - A)
    np.testing.assert_array_equal(request.infer()[0], A - A)
    np.testing.assert_array_equal(request.infer([B])[0], B - A)
    np.testing.assert_array_equal(request.infer({})[0], B - A)


def test_results_of_one_model_are_inputs_of_the_next(one: coinfer.CompiledModel) -> None:
    np.testing.assert_array_equal(one(one([1, 2, 3]))[0], [3, 4, 5])


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"nope": A}, RuntimeError, r"no input 'nope'; it has 'input_0', 'input_1'"),
        ({7: A}, RuntimeError, "no input 7"),
        ({1.5: A}, TypeError, "float"),
        ([A, B, B], RuntimeError, "2 inputs, 3 were given"),
        (A, RuntimeError, "2 inputs"),
        ({"input_1": A.T}, RuntimeError, r"'input_1' \(f32 \[2,3\]\) was given the shape \[3,2\]"),
        ({"input_0": 3}, RuntimeError, "'input_0'.*a scalar"),
        ({"input_0": object()}, TypeError, "'input_0'.*object"),
        ({"input_0": None}, TypeError, "NoneType"),
        ({"input_0": "text"}, TypeError, "numbers"),
        ({"input_0": np.array([["a"] * 3] * 2)}, TypeError, "numbers"),
        ({"input_0": np.array([[object()] * 3] * 2)}, TypeError, "numbers"),
        ({"input_0": np.zeros((2, 3), "M8[s]")}, TypeError, "numbers"),
        ({"input_0": coinfer.Tensor(A.astype(np.float64))}, RuntimeError, "f64"),
        ({"input_0": coinfer.Tensor(A.T)}, RuntimeError, r"\[3,2\]"),
        ({"input_0": A, 0: A}, RuntimeError, "twice"),
    ],
)
@pytest.mark.parametrize("share", [False, True])
def test_bad_inputs_are_named(
    two: coinfer.CompiledModel, given: Any, error: type[Exception], text: str, share: bool
) -> None:
    request = two.create_infer_request()
    request.infer([A, B])
    with pytest.raises(error, match=text):
        request.infer(given, share_inputs=share)
    np.testing.assert_array_equal(request.infer()[0], A - B)


def test_a_bad_value_changes_nothing(two: coinfer.CompiledModel) -> None:
    request = two.create_infer_request()
    request.infer([A, B])
    with pytest.raises(RuntimeError):
        request.infer({"input_0": B, "input_1": A.T})
    np.testing.assert_array_equal(request.infer()[0], A - B)


def numbers_that_overflow() -> Any:
    """Which numpy casts to f32 with a warning, or an error where a program wants it."""
    return np.full((2, 3), 1e300)


@pytest.mark.parametrize("start", ["infer", "start_async", "set nothing before"])
def test_a_value_that_cannot_be_cast_changes_no_input(
    two: coinfer.CompiledModel, start: str
) -> None:
    request = two.create_infer_request()
    if start != "set nothing before":
        request.infer([A, B])
    run = request.start_async if start == "start_async" else request.infer
    before = [request.get_input_tensor(i).data.copy() for i in range(2)]
    views = [request.get_input_tensor(i).data for i in range(2)]
    for given in ([B + 7, numbers_that_overflow()], [numbers_that_overflow(), B + 7]):
        for share in (False, True):
            with np.errstate(over="raise"), pytest.raises(FloatingPointError):
                run(given, share_inputs=share)
            for i in range(2):
                np.testing.assert_array_equal(request.get_input_tensor(i).data, before[i])
                assert np.shares_memory(request.get_input_tensor(i).data, views[i])
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(
            request.infer([numbers_that_overflow(), A])[0], np.full((2, 3), np.inf)
        )


def test_a_string_that_is_none_changes_no_input() -> None:
    request = compile_proto(string_identity()).create_infer_request()
    request.infer(["ab", "cd"])
    with pytest.raises(UnicodeEncodeError):
        request.infer([np.array(["xy", "\ud800"])])
    assert request.infer()[0].tolist() == ["ab", "cd"]


def test_shared_arrays_are_read_where_they_are(two: coinfer.CompiledModel) -> None:
    request = two.create_infer_request()
    a = A.copy()
    request.infer([a, B], share_inputs=True)
    a[:] = 7
    np.testing.assert_array_equal(request.infer()[0], 7 - B)
    assert np.shares_memory(request.get_input_tensor(0).data, a)


def test_unshared_arrays_are_copied(two: coinfer.CompiledModel) -> None:
    request = two.create_infer_request()
    a = A.copy()
    request.infer([a, B], share_inputs=False)
    a[:] = 7
    np.testing.assert_array_equal(request.infer()[0], A - B)


def test_read_only_arrays_are_shared(two: coinfer.CompiledModel) -> None:
    a = A.copy()
    a.flags.writeable = False
    request = two.create_infer_request()
    request.infer([a, B], share_inputs=True)
    assert np.shares_memory(request.get_input_tensor(0).data, a)


def test_unshared_input_never_writes_to_memory_shared_before(two: coinfer.CompiledModel) -> None:
    request = two.create_infer_request()
    shared = A.copy()
    request.infer([shared, B], share_inputs=True)
    request.infer([B, B], share_inputs=False)
    np.testing.assert_array_equal(shared, A)


def test_report_of_what_was_copied_and_why(two: coinfer.CompiledModel) -> None:
    request = two.create_infer_request()

    def report(*inputs: Any, share: bool = True) -> list[str]:
        request.infer(list(inputs), share_inputs=share)
        return list(coinfer.zero_copy_report(request).values())

    assert [text.split(":")[0] for text in report(A, coinfer.Tensor(B))] == ["zero-copy"] * 2
    assert "share_inputs is False" in report(A, B, share=False)[0]
    assert "cast" in report(A.astype(np.float64), B)[0]
    assert "C-contiguous" in report(np.asfortranarray(A), B)[0]
    assert "byte order" not in report(A, B)[0]
    assert "list" in report(A.tolist(), B)[0]


def test_strings_in_and_out() -> None:
    model = compile_proto(string_identity())
    for value in (["ab", "grün"], np.array(["ab", "grün"]), [np.array([b"ab", "grün".encode()])]):
        np.testing.assert_array_equal(model(value)[0], ["ab", "grün"])
    raw = model(["ab"], decode_strings=False)[0]
    assert raw.dtype.kind == "S"
    with pytest.raises(coinfer.Error, match="strings"):
        model(np.float32([1]))


def test_dynamic_shapes_take_what_they_are_given() -> None:
    model = compile_proto(one_add((None, "width")))
    for shape in ((1, 2), (5, 7), (1, 2), (0, 3)):
        x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        np.testing.assert_array_equal(model(x)[0], x + 1)
    with pytest.raises(RuntimeError, match=r"\[\?,\?\]"):
        model(np.float32([1]))


def test_dynamic_model_without_input_says_so() -> None:
    with pytest.raises(RuntimeError, match="expected"):
        compile_proto(dynamic_mlp()).create_infer_request().infer()


def test_bf16_inputs_are_rounded_or_taken_raw() -> None:
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Cast", ["x"], ["y"], "cast", to=TensorProto.FLOAT)]
    model = compile_proto(
        build(
            "widen",
            nodes,
            [("x", TensorProto.BFLOAT16, (3,))],
            [("y", TensorProto.FLOAT, (3,))],
        )
    )
    values = np.float32([1.0039, -3.14159, np.inf])
    rounded = values.astype(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(model(values)[0], rounded.astype(np.float32))
    np.testing.assert_array_equal(model(rounded)[0], rounded.astype(np.float32))
    np.testing.assert_array_equal(model(rounded.view(np.float16))[0], rounded.astype(np.float32))


def test_large_inputs_are_cast_right(two: coinfer.CompiledModel) -> None:
    model = compile_proto(two_inputs((400, 300)))
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 400, 300))
    expected = a.astype(np.float32) - b.astype(np.float32)
    for share in (False, True):
        np.testing.assert_array_equal(model([a, b], share_inputs=share)[0], expected)
        np.testing.assert_array_equal(
            model([a.astype(np.float32), b.astype(np.float32).T.copy().T], share_inputs=share)[0],
            expected,
        )
