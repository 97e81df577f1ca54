"""What reads what in a model, changed by Input.replace_source_output and Output.replace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import helper

import coinfer
from tests.python.models import F32, build

X = np.array([[-1.0, 2.0]], np.float32)
F32_HINT = {"INFERENCE_PRECISION_HINT": "f32"}


def steps() -> Any:
    """y = relu(x) + 1, and z = sigmoid(relu(x)), x of (1, 2)."""
    return build(
        "steps",
        [
            helper.make_node("Relu", ["x"], ["h"], name="relu"),
            helper.make_node("Add", ["h", "w"], ["y"], name="add"),
            helper.make_node("Sigmoid", ["h"], ["z"], name="sigmoid"),
        ],
        [("x", F32, (1, 2))],
        [("y", F32, (1, 2)), ("z", F32, (1, 2))],
        {"w": np.ones((1, 2), np.float32)},
    )


@pytest.fixture
def model() -> coinfer.Model:
    return coinfer.Core().read_model(steps())


def node(model: coinfer.Model, kind: str) -> coinfer.Node:
    """The one of that type."""
    (found,) = (one for one in model.get_ops() if one.get_type_name() == kind)
    return found


def run(model: coinfer.Model) -> tuple[Any, ...]:
    return coinfer.Core().compile_model(model, "CPU", F32_HINT)(X).to_tuple()


def test_one_reader_is_moved(model: coinfer.Model) -> None:
    node(model, "Add").input(0).replace_source_output(model.input().node.output(0))
    y, z = run(model)
    np.testing.assert_array_equal(y, X + 1)
    np.testing.assert_allclose(z, 1 / (1 + np.exp(-np.maximum(X, 0))), rtol=1e-5)


def test_a_later_tensor_can_be_read(model: coinfer.Model) -> None:
    node(model, "Add").input(0).replace_source_output(node(model, "Sigmoid").output(0))
    y, z = run(model)
    np.testing.assert_allclose(y, z + 1, rtol=1e-6)


def test_all_readers_are_moved_and_the_names_with_them(model: coinfer.Model) -> None:
    node(model, "Relu").output(0).replace(model.input().node.output(0))
    assert model.input().names == {"x", "h"}
    assert "Relu" not in [one.get_type_name() for one in model.get_ops()]
    y, z = run(model)
    np.testing.assert_array_equal(y, X + 1)
    np.testing.assert_allclose(z, 1 / (1 + np.exp(-X)), rtol=1e-5)


def test_a_constant_can_be_replaced(model: coinfer.Model) -> None:
    add = node(model, "Add")
    add.input_value(1).replace(add.input_value(0))
    np.testing.assert_array_equal(run(model)[0], 2 * np.maximum(X, 0))


@pytest.mark.parametrize("what", ["cycle", "other"])
def test_what_fails_leaves_the_model_as_it_was(model: coinfer.Model, what: str) -> None:
    before = run(model)
    relu = node(model, "Relu")
    if what == "cycle":
        source = node(model, "Add").output(0)
    else:
        source = coinfer.Core().read_model(steps()).input().node.output(0)
    with pytest.raises(coinfer.Error):
        relu.input(0).replace_source_output(source)
    after = run(model)
    for one, other in zip(before, after, strict=False):
        np.testing.assert_array_equal(one, other)


def test_shapes_are_inferred_anew() -> None:
    model = coinfer.Core().read_model(
        build(
            "two",
            [
                helper.make_node("Concat", ["a", "a"], ["c"], name="concat", axis=1),
                helper.make_node("Relu", ["a"], ["y"], name="relu"),
            ],
            [("a", F32, (1, 2))],
            [("y", F32, (1, 2)), ("c", F32, (1, 4))],
        )
    )
    node(model, "Relu").input(0).replace_source_output(node(model, "Concat").output(0))
    assert list(model.output(0).shape) == [1, 4]
    np.testing.assert_array_equal(run(model)[0], np.maximum(np.hstack([X, X]), 0))


def test_an_input_always_reads_something(model: coinfer.Model) -> None:
    output = model.input().node.output(0)
    with pytest.raises(coinfer.Unsupported, match="replace_source_output"):
        output.remove_target_input(node(model, "Relu").input(0))
    assert len(output.get_target_inputs()) == 1


def test_a_variable_that_is_used_stays(model: coinfer.Model) -> None:
    with pytest.raises(TypeError, match="a Variable was expected, not str"):
        model.remove_variable("total")  # type: ignore[arg-type]


def test_type_infos_are_ordered_and_compared(model: coinfer.Model) -> None:
    relu, add = node(model, "Relu").type_info, node(model, "Add").get_type_info()
    assert repr(relu) == "<DiscreteTypeInfo: Relu opset1>"
    assert add < relu
    assert relu == coinfer.DiscreteTypeInfo("Relu", "opset1")
    assert relu.hash() != add.hash()
    assert relu.parent is None
