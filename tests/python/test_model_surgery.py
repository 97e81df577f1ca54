"""Models: their nodes, new shapes, names and outputs."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from onnx import helper

import coinfer
from coinfer import PartialShape
from tests.python.models import F32, build, non_zero


def two_steps() -> Any:
    """y = sigmoid(h), h = relu(x), x of (1, 3, 8, 8)."""
    return build(
        "steps",
        [
            helper.make_node("Relu", ["x"], ["h"], name="relu"),
            helper.make_node("Conv", ["h", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
            helper.make_node("Sigmoid", ["c"], ["y"], name="sigmoid"),
        ],
        [("x", F32, (1, 3, 8, 8))],
        [("y", F32, (1, 4, 8, 8))],
        {"w": np.ones((4, 3, 3, 3), np.float32)},
    )


@pytest.fixture
def model() -> coinfer.Model:
    return coinfer.Core().read_model(two_steps())


def shape_of(port: coinfer.ConstOutput) -> str:
    return port.partial_shape.to_string()


@pytest.mark.parametrize(
    ("given", "became"),
    [
        ([2, 3, 8, 8], "[2,3,8,8]"),
        ((2, 3, 9, 9), "[2,3,9,9]"),
        ("[1,3,8..16,?]", "[1,3,8..16,?]"),
        ("1,3,-1,8", "[1,3,?,8]"),
        (PartialShape([1, 3, 4, 4]), "[1,3,4,4]"),
        (coinfer.Shape([1, 3, 5, 5]), "[1,3,5,5]"),
        ({"x": [1, 3, 9, 9]}, "[1,3,9,9]"),
        ({0: "1,3,10,10"}, "[1,3,10,10]"),
        ({"x": [1, 3, (2, 5), coinfer.Dimension(8)]}, "[1,3,2..5,8]"),
        ([1, 3, "2..5", -1], "[1,3,2..5,?]"),
    ],
)
def test_reshape_takes_all_forms_of_a_shape(model: coinfer.Model, given: Any, became: str) -> None:
    port = model.input()
    model.reshape(given)
    assert shape_of(port) == shape_of(model.input()) == became
    assert shape_of(model.output()) == became.replace(",3,", ",4,", 1)
    assert model.is_dynamic() == model.dynamic == ("?" in became or ".." in became)


def test_reshape_by_port(model: coinfer.Model) -> None:
    model.reshape({model.input(): PartialShape([1, 3, 11, 11])})
    assert model.output().shape == [1, 4, 11, 11]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"nope": [1]}, RuntimeError),
        ({5: [1]}, IndexError),
        ([1, 5, 8, 8], RuntimeError),
        ("[1,3", RuntimeError),
        (3, TypeError),
        ({"x": 3}, TypeError),
        ({2.5: [1]}, TypeError),
        ([1, 2.5, 3, 3], TypeError),
    ],
)
def test_a_failed_reshape_changes_nothing(
    model: coinfer.Model, given: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        model.reshape(given)
    assert model.input().shape == [1, 3, 8, 8]
    assert model.output().shape == [1, 4, 8, 8]


def test_reshaping_does_not_touch_what_was_compiled(model: coinfer.Model) -> None:
    compiled = coinfer.Core().compile_model(model, "CPU")
    model.reshape([2, 3, 8, 8])
    assert compiled.input().shape == [1, 3, 8, 8]
    assert compiled(np.ones((1, 3, 8, 8), np.float32))[0].shape == (1, 4, 8, 8)


def test_added_outputs_are_computed(model: coinfer.Model) -> None:
    (by_name,) = model.add_outputs("h")
    (by_node,) = model.add_outputs(("conv", 0))
    assert model.add_outputs(["h", ("conv", 0)]) == [by_name, by_node]
    (node,) = (node for node in model.get_ops() if node.get_type_name() == "Sigmoid")
    assert model.add_outputs(node.output(0)) == [model.output("y")]
    assert [port.any_name for port in model.outputs] == ["y", "h", "c"]
    x = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)
    results = coinfer.Core().compile_model(model, "CPU")(x)
    assert np.array_equal(results["h"], np.maximum(x, 0))
    assert np.allclose(results["y"], 1 / (1 + np.exp(-results["c"])), atol=1e-6)
    for wrong, text in [("nope", "no tensor 'nope'"), (("conv", 5), "output 5 of Conv 'conv'")]:
        with pytest.raises(RuntimeError, match=text):
            model.add_outputs(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        model.add_outputs(3)  # type: ignore[arg-type]


def test_removed_outputs_are_not(model: coinfer.Model) -> None:
    model.add_outputs("h")
    model.remove_result(model.results[0])
    assert [port.any_name for port in model.outputs] == ["h"]
    compiled = coinfer.Core().compile_model(model, "CPU")
    assert list(compiled(np.ones((1, 3, 8, 8), np.float32)).names()) == [{"h"}]
    with pytest.raises(TypeError, match="a Result of the model was expected"):
        model.remove_result(model.parameters[0])


def test_nodes_tell_their_names_ports_and_neighbours(model: coinfer.Model) -> None:
    nodes = model.get_ordered_ops()
    kinds = [node.get_type_name() for node in nodes]
    assert kinds == ["Parameter", "Constant", "Relu", "Convolution", "Sigmoid", "Result"]
    parameter, constant, relu, conv, sigmoid, result = nodes
    assert (parameter.friendly_name, relu.get_friendly_name()) == ("x", "relu")
    assert result.friendly_name == "y/sink_port_0"
    assert (conv.get_input_size(), conv.get_output_size()) == (2, 1)
    assert conv.input_value(1).node == constant
    assert conv.input(0).get_source_output() == relu.output(0) == conv.input_values()[0]
    assert conv.output(0).names == {"c"}
    assert conv.get_attributes()["pads"] == [1, 1, 1, 1]
    assert conv.get_output_shape(0) == conv.shape == [1, 4, 8, 8]
    assert conv.get_input_shape(1) == [4, 3, 3, 3]
    assert conv.get_element_type() is conv.get_input_element_type(0) is coinfer.Type.f32
    assert np.array_equal(constant.data, np.ones((4, 3, 3, 3)))
    assert parameter.output(0) == model.inputs[0]
    assert relu.output(0).get_target_inputs() == {conv.input(0)}
    assert conv.input(0).get_node() == conv
    assert result.input_value(0).node == sigmoid
    assert model.outputs[0].node == result == model.result == model.get_output_op(0)
    assert model.get_parameter_index(parameter) == model.get_result_index(model.outputs[0]) == 0
    assert model.get_result_index(parameter) == -1
    assert model.get_output_element_type(0) is coinfer.Type.f32
    assert model.get_output_shape(0) == model.get_output_partial_shape(0).to_shape() == [1, 4, 8, 8]
    assert len({*nodes, *model.get_ops()}) == len(nodes)
    conv.friendly_name = "renamed"
    assert model.get_ops()[3].friendly_name == "renamed"
    assert repr(conv) == "<Convolution: 'renamed' ([1,4,8,8])>"
    for wrong in (
        lambda: conv.input_value(2),
        lambda: conv.output(1),
        lambda: relu.data,
        lambda: relu.layout.get_index_by_name("N"),
        lambda: constant.set_friendly_name("other"),
    ):
        with pytest.raises(RuntimeError):
            wrong()


def test_a_node_of_a_removed_output_says_so(model: coinfer.Model) -> None:
    (port,) = model.add_outputs("h")
    node = port.node
    model.remove_result(node)
    with pytest.raises(RuntimeError, match="not in its model"):
        node.get_friendly_name()


def test_parameters_and_results_can_be_renamed(model: coinfer.Model) -> None:
    assert [node.friendly_name for node in model.results] == ["y/sink_port_0"]
    model.parameters[0].set_friendly_name("image")
    model.result.friendly_name = "answer"
    compiled = coinfer.Core().compile_model(model, "CPU")
    names = [port.node.friendly_name for port in (*compiled.inputs, *compiled.outputs)]
    assert names == ["image", "answer"]
    assert model.input().names == {"x"}


def test_a_parameter_that_nothing_reads_can_be_removed() -> None:
    model = coinfer.Core().read_model(two_steps())
    with pytest.raises(coinfer.Error, match="'x' cannot be removed: Relu 'relu' reads it"):
        model.remove_parameter(model.parameters[0])
    with pytest.raises(TypeError, match="a Parameter of the model was expected, not <Result"):
        model.remove_parameter(model.result)
    with pytest.raises(coinfer.Error, match="no parameter of this model"):
        model.remove_parameter(coinfer.Core().read_model(two_steps()).parameters[0])
    unread = coinfer.Core().read_model(
        build(
            "unread",
            [helper.make_node("Relu", ["x"], ["y"])],
            [("unused", F32, (1,)), ("x", F32, (2,))],
            [("y", F32, (2,))],
            {},
        )
    )
    unread.remove_parameter(unread.parameters[0])
    assert [port.any_name for port in unread.inputs] == ["x"]
    assert np.array_equal(
        coinfer.Core().compile_model(unread, "CPU")(np.float32([-1, 1]))[0], [0, 1]
    )


def test_a_port_has_what_its_tensor_has(model: coinfer.Model) -> None:
    model.input().get_tensor().set_names({"picture"})
    assert model.input().tensor.any_name == "picture"
    assert (model.input().tensor.size, model.input().get_size()) == (192, 192)
    model.reshape([1, 3, -1, 8])
    with pytest.raises(coinfer.Error):
        _ = model.input().size


def test_nodes_of_compiled_ports_have_names(model: coinfer.Model) -> None:
    compiled = coinfer.Core().compile_model(model, "CPU")
    node = compiled.input().node
    assert (node.friendly_name, node.get_type_name()) == ("x", "Parameter")
    assert node.outputs() == [compiled.input()]
    with pytest.raises(RuntimeError, match="ask the Model"):
        node.get_attributes()


def test_tensor_names_can_be_given(model: coinfer.Model) -> None:
    port = model.input()
    port.add_names({"image"})
    assert port.names == {"x", "image"}
    assert model.input("image") == port
    port.set_names({"picture"})
    assert model.input().names == {"picture"}
    with pytest.raises(RuntimeError, match="'y'"):
        port.add_names({"y"})
    with pytest.raises(TypeError):
        port.set_names("abc")
    compiled = coinfer.Core().compile_model(model, "CPU")
    assert compiled({"picture": np.ones((1, 3, 8, 8), np.float32)})["y"].shape == (1, 4, 8, 8)


def test_copies_are_changed_on_their_own(model: coinfer.Model) -> None:
    for other in (model.clone(), copy.deepcopy(model)):
        other.reshape([2, 3, 8, 8])
        other.friendly_name = "other"
        assert other != model
    assert (model.input().shape, model.friendly_name) == ([1, 3, 8, 8], "steps")
    assert coinfer.Model(model) == model
    with pytest.raises(TypeError, match="deepcopy"):
        copy.copy(model)


def test_with_closes_a_model(model: coinfer.Model) -> None:
    with model as same:
        assert same is model
    assert "closed" in repr(model)
    for use in (
        lambda: model.inputs,
        lambda: model.get_ops(),
        lambda: model.reshape([1]),
        lambda: coinfer.Core().compile_model(model, "CPU"),
    ):
        with pytest.raises(AttributeError, match="closed"):
            use()


def test_notes(model: coinfer.Model) -> None:
    assert len(model.get_rt_info()) == len(model.rt_info) == 0
    model.set_rt_info("v", ["a", "b"])
    model.set_rt_info(3, "n")
    assert model.get_rt_info(["a", "b"]) == "v"
    assert dict(model.rt_info.items()) == {"a": {"b": "v"}, "n": 3}
    assert model.has_rt_info("a")
    assert not model.has_rt_info(["a", "c"])
    with pytest.raises(RuntimeError, match="zz"):
        model.get_rt_info("zz")


def test_evaluate(model: coinfer.Model) -> None:
    x = np.ones((1, 3, 8, 8), np.float32)
    target = coinfer.Tensor(np.zeros((1, 4, 8, 8), np.float32))
    assert model.evaluate([target], [coinfer.Tensor(x)])
    assert np.array_equal(target.data, coinfer.Core().compile_model(model, "CPU")(x)[0])
    with pytest.raises(RuntimeError, match="2 inputs were given"):
        model.evaluate([target], [target, target])


def test_query_model_names_every_node(model: coinfer.Model) -> None:
    nodes = coinfer.Core().query_model(model, "CPU")
    assert nodes == dict.fromkeys(["x", "w", "relu", "conv", "y", "y/sink_port_0"], "CPU")
    with pytest.raises(RuntimeError, match="GPU"):
        coinfer.Core().query_model(model, "GPU")


def test_a_result_of_unknown_size_makes_a_model_dynamic() -> None:
    assert coinfer.Core().read_model(non_zero()).is_dynamic()


@pytest.mark.parametrize(
    ("given", "options", "text"),
    [
        (3, {}, "input_model is a int; an ONNX model or OpenVINO IR was expected"),
        (None, {}, "input_model is a NoneType"),
        (two_steps(), {"extension": "lib.so"}, "extension"),
        (two_steps(), {"output": "h"}, r"output is \['h'\]; the model's outputs are \[\['y'\]\]"),
        (two_steps(), {"output": ["y", "h"]}, "no part of it is cut"),
        (two_steps(), {"input": {"x": None}}, "input 'x' is None; a name, a shape"),
        (two_steps(), {"input": [("x", coinfer.Type.i8)]}, "input 'x' is f32 in the file, i8 was"),
    ],
)
def test_what_is_not_converted_is_said(given: Any, options: Any, text: str) -> None:
    with pytest.raises(coinfer.Unsupported, match=text):
        coinfer.convert_model(given, **options)


def test_a_converted_model_has_the_shapes_or_there_is_none() -> None:
    model = coinfer.convert_model(two_steps(), input={"x": [1, 3, 9, 9]}, verbose=True)
    assert model.output().shape == [1, 4, 9, 9]
    with pytest.raises(RuntimeError, match="nope"):
        coinfer.convert_model(two_steps(), input={"nope": [1]})


def test_operators_have_openvinos_names() -> None:
    data = build(
        "names",
        [
            helper.make_node("Conv", ["x", "w"], ["c"], group=2),
            helper.make_node("ConvTranspose", ["c", "v"], ["t"]),
            helper.make_node("Mul", ["t", "t"], ["m"]),
            helper.make_node("Cast", ["m"], ["i"], to=6),
            helper.make_node("Cast", ["i"], ["f"], to=1),
            helper.make_node("Softsign", ["f"], ["y"]),
        ],
        [("x", F32, (1, 4, 5, 5))],
        [("y", F32, (1, 2, 5, 5))],
        {"w": np.ones((4, 2, 1, 1), np.float32), "v": np.ones((4, 2, 1, 1), np.float32)},
    )
    nodes = coinfer.Core().read_model(data).get_ordered_ops()
    kinds = [node.get_type_name() for node in nodes if node.get_type_name() != "Constant"]
    assert kinds == [
        "Parameter",
        "GroupConvolution",
        "ConvolutionBackpropData",
        "Multiply",
        "Convert",
        "Convert",
        "SoftSign",
        "Result",
    ]
    assert repr(nodes[-2]).startswith("<SoftSign: ")
