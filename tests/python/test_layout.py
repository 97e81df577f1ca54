"""Layouts: texts, names, indices; the answers are OpenVINO's."""

from __future__ import annotations

import copy

import pytest

import coinfer
from coinfer import Layout, layout_helpers
from tests.python.models import one_add


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("NCHW", "[N,C,H,W]"),
        ("nchw", "[N,C,H,W]"),
        ("N...C", "[N,...,C]"),
        ("[N,C,H,W]", "[N,C,H,W]"),
        ("[batch, ?, width]", "[N,?,W]"),
        ("?", "[?]"),
        ("...", "[...]"),
        ("", "[...]"),
        ("**SCALAR**", "**SCALAR**"),
        ("NC1", "[N,C,1]"),
        ("[batch,?,time]", "[N,?,TIME]"),
    ],
)
def test_texts(text: str, shown: str) -> None:
    layout = Layout(text)
    assert (str(layout), layout.to_string(), repr(layout)) == (shown, shown, f"<Layout: {shown}>")
    assert layout == text
    assert layout == copy.deepcopy(layout)


@pytest.mark.parametrize(
    "text", ["NN", "N C", "[]", "N...C...", "[N,C", "[N,,C]", "[a b]", "[N,C,n]"]
)
def test_what_is_no_layout_is_said(text: str) -> None:
    with pytest.raises(RuntimeError, match="is no layout"):
        Layout(text)


def test_names_and_indices() -> None:
    assert Layout("NCHW").get_index_by_name("c") == 1
    assert Layout("N...CH").get_index_by_name("C") == -2
    assert Layout("[batch,time]").get_index_by_name("BATCH") == 0
    assert Layout("NCHW").has_name("height")
    assert not Layout("NCHW").has_name("?")
    with pytest.raises(RuntimeError, match="no dimension 'Z'"):
        Layout("NCHW").get_index_by_name("Z")
    with pytest.raises(TypeError):
        Layout(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        hash(Layout("N"))
    assert Layout().empty
    assert not Layout("N").empty
    assert not Layout.scalar().empty
    assert Layout("NC") != "CN"
    assert layout_helpers.has_depth(Layout("NCDHW"))
    assert layout_helpers.width_idx(Layout("...HW")) == -1


def test_layouts_of_a_models_ports() -> None:
    model = coinfer.Core().read_model(one_add())
    port = model.inputs[0]
    assert layout_helpers.get_layout(port) == Layout()
    layout_helpers.set_layout(port, Layout("NC"))
    assert model.parameters[0].layout == "NC"
    with pytest.raises(RuntimeError, match="does not suit"):
        layout_helpers.set_layout(port, Layout("NCHW"))


def test_batch_of_a_model() -> None:
    model = coinfer.Core().read_model(one_add())
    with pytest.raises(RuntimeError, match="where N is"):
        coinfer.get_batch(model)
    model.parameters[0].layout = Layout("N...")
    assert coinfer.get_batch(model) == 1
    coinfer.set_batch(model, 5)
    assert model.input(0).shape == [5, 16]
    coinfer.set_batch(model)
    assert model.input(0).partial_shape.to_string() == "[?,16]"
    assert coinfer.get_version() == coinfer.__version__
