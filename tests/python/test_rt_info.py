"""Notes: what files say of layers and tensors is kept, and can be added to."""

from __future__ import annotations

import io

import numpy as np
import pytest

import coinfer
from tests.python import models
from tests.python.ir_texts import layer_with_notes


@pytest.fixture
def noted() -> coinfer.Model:
    return coinfer.Core().read_model(layer_with_notes().encode(), b"")


def node(model: coinfer.Model, name: str) -> coinfer.Node:
    return next(one for one in model.get_ops() if one.friendly_name == name)


def test_notes_of_a_file_are_kept_on_their_layers_and_ports(noted: coinfer.Model) -> None:
    assert node(noted, "relu").rt_info == {"fused_names_0": "relu,scale", "mark_2": ""}
    assert node(noted, "x").rt_info == {"old_api_map_order_0": "0,2,1"}
    assert noted.input().rt_info == {"layout_0": "[N,C,W]", "port_note_0": "of x"}
    assert noted.output().rt_info == {"layout_0": "[N,C,...]", "made_0": "by relu"}
    result = noted.get_results()[0]
    assert result.rt_info == {}
    assert result.input(0).rt_info == {"seen_0": "by result"}


def test_a_clone_keeps_notes_of_its_own(noted: coinfer.Model) -> None:
    other = noted.clone()
    node(other, "relu").rt_info["mine"] = "yes"
    assert "mine" not in node(noted, "relu").rt_info
    assert node(other, "relu").rt_info["fused_names_0"] == "relu,scale"


def test_ports_of_a_compiled_model_show_the_notes_of_its_tensors(noted: coinfer.Model) -> None:
    compiled = coinfer.Core().compile_model(noted, "CPU")
    assert compiled.input().rt_info == {"layout_0": "[N,C,W]", "port_note_0": "of x"}
    with pytest.raises(TypeError, match="compiled model cannot be changed"):
        compiled.input().rt_info["a"] = 1
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


def test_what_a_note_cannot_be() -> None:
    model = coinfer.Core().read_model(models.one_add([2]).SerializeToString())
    with pytest.raises(TypeError, match="float"):
        model.rt_info["a"] = 1.5  # type: ignore[assignment]
    with pytest.raises(TypeError, match="name of a note is a str, not int"):
        model.rt_info[3]  # type: ignore[index]
    with pytest.raises(KeyError, match="nothing"):
        model.rt_info["nothing"]
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
