"""Notes: what files say of layers and tensors is kept, and can be added to."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from onnx import helper

import coinfer
from tests.python import ir_texts, models
from tests.python.ir_texts import layer_with_notes


@pytest.fixture
def noted() -> coinfer.Model:
    return coinfer.Core().read_model(layer_with_notes().encode(), b"")


def texts(info: coinfer.RTMap) -> dict[str, str]:
    return {name: value.astype(str) for name, value in info.items()}


def node(model: coinfer.Model, name: str) -> coinfer.Node:
    return next(one for one in model.get_ops() if one.friendly_name == name)


def test_notes_of_a_file_are_kept_on_their_layers_and_ports(noted: coinfer.Model) -> None:
    # As in OpenVINO those of unknown names are not, and the layout is on what the result reads.
    assert texts(node(noted, "relu").rt_info) == {"fused_names_0": "relu,scale"}
    assert texts(node(noted, "x").rt_info) == {"old_api_map_order_0": ""}
    assert texts(noted.input().rt_info) == {"layout_0": "[N,C,W]"}
    assert texts(node(noted, "relu").output(0).rt_info) == {"decompression_0": ""}
    assert texts(noted.output().rt_info) == {"decompression_0": ""}
    result = noted.get_results()[0]
    assert result.rt_info == {}
    assert texts(result.input(0).rt_info) == {"layout_0": "[N,C,...]", "precise_0": ""}


def test_a_clone_keeps_notes_of_its_own(noted: coinfer.Model) -> None:
    other = noted.clone()
    node(other, "relu").rt_info["mine"] = "yes"
    assert "mine" not in node(noted, "relu").rt_info
    assert texts(node(other, "relu").rt_info)["fused_names_0"] == "relu,scale"


def test_ports_of_a_compiled_model_have_notes_of_their_own(noted: coinfer.Model) -> None:
    compiled = coinfer.Core().compile_model(noted, "CPU")
    assert texts(compiled.input().rt_info) == {"layout_0": "[N,C,W]"}
    compiled.input().rt_info["a"] = 1
    assert texts(compiled.inputs[0].rt_info) == {"layout_0": "[N,C,W]", "a": "1"}
    assert "a" not in noted.input().rt_info
    x = np.float32([[[-1, 2]]])
    np.testing.assert_array_equal(compiled(x)[0], np.maximum(x, 0))


def test_notes_do_not_change_what_a_model_computes_or_exports(noted: coinfer.Model) -> None:
    node(noted, "relu").rt_info["text"] = "x"
    compiled = coinfer.Core().compile_model(noted, "CPU")
    back = coinfer.Core().import_model(io.BytesIO(compiled.export_model().getvalue()), "CPU")
    x = np.float32([[[-1, 2]]])
    np.testing.assert_array_equal(back(x)[0], compiled(x)[0])


def test_a_runtime_model_tells_order_and_kind_of_its_nodes() -> None:
    compiled = coinfer.Core().compile_model(models.one_add([2]).SerializeToString(), "CPU")
    nodes = compiled.get_runtime_model().get_ordered_ops()
    orders = [int(one.rt_info["execOrder"].astype(int)) for one in nodes]
    assert orders == list(range(len(nodes)))
    add = next(one for one in nodes if one.get_type_name() == "Add")
    assert add.rt_info["layerType"].value == "Add"
    assert add.rt_info["outputPrecisions"].value == "f32"
    assert add.rt_info["originalLayersNames"].value == add.friendly_name
    assert add.rt_info["outputLayouts"].value == "a"
    assert add.rt_info["runtimePrecision"].value == "f32"


def test_what_a_note_cannot_be() -> None:
    model = coinfer.Core().read_model(models.one_add([2]).SerializeToString())
    with pytest.raises(TypeError, match="float"):
        model.rt_info["a"] = 1.5  # type: ignore[assignment]
    with pytest.raises(TypeError, match="name of a note is a str, not int"):
        model.rt_info[3]  # type: ignore[index]
    with pytest.raises(TypeError):
        model.set_rt_info({"good": 1, "bad": object()}, "a")  # type: ignore[dict-item]
    assert not model.has_rt_info("a")
    assert len(model.rt_info) == 0


def test_notes_of_a_node_that_was_removed() -> None:
    model = coinfer.Core().read_model(models.multi_output().SerializeToString())
    notes = model.get_results()[-1].rt_info
    model.remove_result(model.get_results()[-1])
    with pytest.raises(RuntimeError, match="not in its model any more"):
        notes["a"] = 1


def test_repr_shows_what_is_held() -> None:
    assert repr(coinfer.OVAny("x")) == "OVAny('x')"
    model = coinfer.Core().read_model(models.one_add([2]).SerializeToString())
    model.set_rt_info({"b": 1}, "a")
    assert repr(model.rt_info) == "RTMap({'a': {'b': 1}})"


Attributes = list[tuple[str, dict[str, str]]]


def attributes(given: Attributes) -> str:
    texts = (
        f'<attribute name="{name}" version="0" '
        + "".join(f'{key}="{text}" ' for key, text in values.items())
        + "/>"
        for name, values in given
    )
    return f"<rt_info>{''.join(texts)}</rt_info>"


def relu_with(layer: Attributes, port: Attributes = []) -> bytes:  # noqa: B006
    """``y = relu(x)``, f32 [2], with attributes of the relu and of x's port."""
    net = ir_texts.network(
        [
            ir_texts.parameter("x", [2]),
            ir_texts.Layer("relu", "ReLU", [(0, 0)], [2], bodies=attributes(layer)),
            ir_texts.result("y", (1, 0), [2]),
        ]
    )
    at = net.index('names="x">') + len('names="x">')
    return (net[:at] + attributes(port) + net[at:]).encode()


def read(layer: Attributes, port: Attributes = []) -> coinfer.Model:  # noqa: B006
    return coinfer.Core().read_model(relu_with(layer, port), b"")


def relu_of(model: coinfer.Model) -> coinfer.Node:
    return node(model, "relu")


def plain(info: coinfer.RTMap) -> dict[str, Any]:
    return {name: value.value for name, value in info.items()}


def test_attributes_of_layers_are_kept_by_openvinos_names() -> None:
    model = read([("fused_names", {"value": "conv,relu"}), ("decompression", {}), ("mine", {})])
    info = relu_of(model).rt_info
    assert texts(info) == {"fused_names_0": "conv,relu", "decompression_0": ""}
    assert "fused_names_0" in info
    assert list(info) == ["decompression_0", "fused_names_0"]
    assert len(info) == 2
    assert texts(relu_of(model.clone()).rt_info) == texts(info)


def test_attributes_of_ports_are_kept() -> None:
    model = read([], [("layout", {"layout": "[N]"}), ("old_api_map_order", {"value": "0"})])
    port = model.input(0)
    assert texts(port.rt_info) == {"layout_0": "[N]", "old_api_map_order_0": ""}
    assert port.node.layout == coinfer.Layout("N")
    assert len(port.node.rt_info) == 0
    assert len(relu_of(model).input(0).rt_info) == 0


def test_a_layout_is_a_note_on_its_port() -> None:
    model = read([])
    assert "layout_0" not in model.input(0).rt_info
    model.input(0).node.layout = coinfer.Layout("C")
    assert model.input(0).rt_info["layout_0"].astype(str) == "[C]"
    del model.input(0).rt_info["layout_0"]
    assert model.input(0).node.layout.empty


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<attribute name="fused_names" value="a"/>', "no version"),
        ('<attribute version="0" value="a"/>', "no name"),
        ('<attribute name="layout" version="0" layout="[N,"/>', "layout"),
        ('<attribute name="fused_names" version="0"/>' * 2, "two attributes 'fused_names'"),
    ],
)
def test_damaged_attributes_are_errors(text: str, says: str) -> None:
    damaged = relu_with([("mine", {})]).replace(
        b'<attribute name="mine" version="0" />', text.encode()
    )
    with pytest.raises(coinfer.ModelFileError, match=f"'relu' .*{says}"):
        coinfer.Core().read_model(damaged, b"")


def test_notes_can_be_set_and_taken_away() -> None:
    model = read([])
    info = relu_of(model).rt_info
    info["text"] = "value"
    info["number"] = 3
    relu_of(model).set_rt_info([1.5, 2.0], "list")
    assert plain(relu_of(model).get_rt_info()) == {"list": [1.5, 2.0], "number": 3, "text": "value"}
    copy = model.clone()
    del info["text"]
    assert "text" not in info
    assert "text" in relu_of(copy).rt_info
    with pytest.raises(KeyError, match="text"):
        del info["text"]
    for wrong in (1.5, [1], None):
        with pytest.raises(TypeError, match="str or int"):
            info["text"] = wrong  # type: ignore[assignment]
    with pytest.raises(TypeError, match="object"):
        relu_of(model).set_rt_info(object(), "x")  # type: ignore[arg-type]


def test_each_port_of_a_node_has_its_own_notes() -> None:
    model = read([])
    relu = relu_of(model)
    relu.input(0).rt_info["at"] = "input"
    relu.output(0).rt_info["at"] = "output"
    relu.rt_info["at"] = "node"
    model.get_results()[0].rt_info["at"] = "result"
    model.get_parameters()[0].rt_info["at"] = "parameter"
    found = [relu.input(0), relu.output(0), relu, model.get_results()[0], model.get_parameters()[0]]
    assert [one.get_rt_info()["at"].value for one in found] == [
        "input",
        "output",
        "node",
        "result",
        "parameter",
    ]
    assert len(model.input(0).rt_info) == 0


def test_notes_of_a_result_go_with_it() -> None:
    shape = (2,)
    nodes = [helper.make_node("Relu", ["x"], ["p"]), helper.make_node("Neg", ["x"], ["q"])]
    outputs = [("p", models.F32, shape), ("q", models.F32, shape)]
    made = models.build("two", nodes, [("x", models.F32, shape)], outputs)
    model = coinfer.Core().read_model(made.SerializeToString())
    for name, result in zip("pq", model.get_results(), strict=True):
        result.rt_info["name"] = name
    model.remove_result(model.get_results()[0])
    assert [one.rt_info["name"].value for one in model.get_results()] == ["q"]


def test_a_compiled_models_ports_keep_their_notes() -> None:
    model = read([], [("layout", {"layout": "[N]"})])
    model.input(0).rt_info["mine"] = "note"
    compiled = coinfer.Core().compile_model(model, "CPU")
    assert texts(compiled.input(0).rt_info) == {"layout_0": "[N]", "mine": "note"}
    assert len(compiled.input(0).node.rt_info) == 0
    assert len(compiled.output(0).rt_info) == 0
    stream = io.BytesIO()
    compiled.export_model(stream)
    imported = coinfer.Core().import_model(stream.getvalue(), "CPU")
    assert texts(imported.input(0).rt_info) == {"layout_0": "[N]"}
    assert np.array_equal(imported(np.float32([-1, 2]))[0], [0, 2])


def test_preprocessing_keeps_the_notes() -> None:
    model = read([("fused_names", {"value": "r"})], [("old_api_map_order", {"value": "0"})])
    steps = coinfer.preprocess.PrePostProcessor(model)
    steps.input(0).preprocess().mean(1.0)
    made = steps.build()
    assert texts(relu_of(made).rt_info) == {"fused_names_0": "r"}
    assert "old_api_map_order_0" in made.input(0).rt_info


def test_metadata_of_an_onnx_model() -> None:
    made = models.one_add([2])
    assert len(coinfer.Core().read_model(made.SerializeToString()).rt_info) == 0
    made.metadata_props.add(key="author", value="me")
    model = coinfer.Core().read_model(made.SerializeToString())
    assert model.rt_info["framework"] == {"author": "me"}
    assert model.get_rt_info(["framework", "author"]) == "me"


def test_a_value_has_no_entries_below_it() -> None:
    model = read([])
    model.set_rt_info("text", ["a", "b"])
    with pytest.raises(RuntimeError, match=r"'a\.b' of the model is a value"):
        model.set_rt_info("text", ["a", "b", "c"])
    model.set_rt_info({"c": {"d": 1}}, "a")
    assert model.get_rt_info("a").value == {"c": {"d": 1}}
    assert model.rt_info["a"]["c"]["d"].value == 1


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ("1.5", float, 1.5),
        ("1.5", int, 1),
        ("", int, 0),
        ("yes", bool, True),
        ("FALSE", bool, False),
        (3, float, 3.0),
        (True, str, "YES"),
        (2.5, str, "2.5"),
    ],
)
def test_values_are_converted(value: Any, dtype: type, expected: Any) -> None:
    found = coinfer.OVAny(value).astype(dtype)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "dtype"), [("1.5", bool), (1, bool), ("x", int), (1, list), ("x", dict), (1, "x")]
)
def test_values_that_cannot_be_converted_are_errors(value: Any, dtype: type) -> None:
    with pytest.raises(coinfer.Error, match="read"):
        coinfer.OVAny(value).astype(dtype)


def test_values_as_lists() -> None:
    assert coinfer.OVAny("1 2").aslist(float) == [1.0, 2.0]
    assert coinfer.OVAny([1, 2]).aslist(int) == [1, 2]
    assert coinfer.OVAny("1 2").aslist() == []
    with pytest.raises(coinfer.Error, match="a list was expected"):
        coinfer.OVAny(3).aslist(int)
    with pytest.raises(coinfer.Error, match="of one type, not of int, str"):
        coinfer.OVAny([1, "a"])


def test_values_are_equal_to_values_of_their_type() -> None:
    one = coinfer.OVAny(1)
    assert one == 1
    assert one == coinfer.OVAny(1)
    assert one != 1.0
    assert one != "1"
    assert hash(one) == hash(1)
    one.set("text")
    assert one.get() == "text"
    assert len(one) == 4


def test_an_attribute_has_a_text_and_no_value() -> None:
    attribute = relu_of(read([("fused_names", {"value": "a,b"})])).rt_info["fused_names_0"]
    assert attribute.astype(str) == "a,b"
    assert attribute != "a,b"
    with pytest.raises(TypeError, match="astype"):
        _ = attribute.value
