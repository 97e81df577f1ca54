"""OpenVINO IR: what the oracle saved runs here with the oracle's results."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import ir_cases
import numpy as np
import pytest

import coinfer


@pytest.fixture(scope="module")
def saved(saved_by_openvino: Callable[[ModuleType], Path]) -> Path:
    return saved_by_openvino(ir_cases)


@pytest.mark.parametrize("name", ir_cases.CASES)
def test_an_operator_computes_what_openvino_does(name: str, saved: Path) -> None:
    compiled = coinfer.compile_model(saved / f"{name}.xml", "CPU")
    results = compiled(ir_cases.CASES[name][1])
    with np.load(saved / f"{name}.npz") as expected:
        assert len(results) == len(expected.files)
        for index, key in enumerate(expected.files):
            assert results[index].dtype == expected[key].dtype
            assert results[index].shape == expected[key].shape
            np.testing.assert_allclose(results[index], expected[key], rtol=2e-5, atol=2e-5)


XML = """<?xml version="1.0"?>
<net name="sum" version="11"><layers>
<layer id="0" name="x" type="Parameter" version="opset1">
 <data shape="1..8,3" element_type="f32"/>
 <output><port id="0" precision="FP32" names="x,an\\,x"><dim>-1</dim><dim>3</dim></port></output>
</layer>
<layer id="1" name="c" type="Const" version="opset1">
 <data element_type="f32" shape="3" offset="4" size="12"/>
 <output><port id="0" precision="FP32"><dim>3</dim></port></output>
</layer>
<layer id="2" name="sum" type="Add" version="opset1">
 <input><port id="0"><dim>-1</dim><dim>3</dim></port><port id="1"><dim>3</dim></port></input>
 <output><port id="2" precision="FP32" names="y,z"><dim>-1</dim><dim>3</dim></port></output>
</layer>
<layer id="3" name="res" type="Result" version="opset1">
 <input><port id="0"><dim>-1</dim><dim>3</dim></port></input>
</layer></layers><edges>
<edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/>
</edges></net>
"""
WEIGHTS = np.array([9, 1, 2, 3], np.float32).tobytes()


def check(model: coinfer.Model) -> None:
    result = coinfer.compile_model(model, "CPU")(np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(result["y"], np.array([[2, 3, 4]] * 2, np.float32))


def test_a_model_is_read_from_files_bytes_and_text(tmp_path: Path) -> None:
    core = coinfer.Core()
    (tmp_path / "m.xml").write_text(XML)
    (tmp_path / "m.bin").write_bytes(WEIGHTS)
    (tmp_path / "other").write_bytes(WEIGHTS)
    check(core.read_model(tmp_path / "m.xml"))
    check(core.read_model(tmp_path / "m.xml", tmp_path / "other"))
    check(core.read_model(XML.encode(), WEIGHTS))
    check(core.read_model(io.BytesIO(XML.encode()), io.BytesIO(WEIGHTS)))
    check(core.read_model(XML, coinfer.Tensor(np.frombuffer(WEIGHTS, np.uint8).copy())))


@pytest.mark.parametrize(
    "before",
    [
        "",
        "\ufeff",
        "\n\t <!-- made by <net> -->\n",
        '<?xml version="1.0"?>\r\n<!-- one --><!-- two -->',
        '<?xml version="1.0"?><!-- ' + "long " * 2000 + "-->",
    ],
)
def test_a_declaration_and_comments_may_come_first(before: str, tmp_path: Path) -> None:
    core = coinfer.Core()
    text = before + XML[XML.index("<net") :]
    check(core.read_model(text.encode(), WEIGHTS))
    if not text.startswith("\ufeff"):
        check(core.read_model(text, WEIGHTS))
    (tmp_path / "m.xml").write_bytes(text.encode())
    (tmp_path / "m.bin").write_bytes(WEIGHTS)
    check(core.read_model(tmp_path / "m.xml"))


def test_ports_show_all_names_and_bounds() -> None:
    model = coinfer.Core().read_model(XML.encode(), WEIGHTS)
    assert model.input(0).names == {"x", "an,x"}
    assert model.output("z").names == {"y", "z"}
    assert model.input(0).partial_shape == coinfer.PartialShape([coinfer.Dimension(1, 8), 3])
    assert model.get_friendly_name() == "sum"


def test_names_of_ports_can_be_changed_and_outputs_taken_away_and_added() -> None:
    chain = """<net name="chain" version="11"><layers>
<layer id="0" name="p" type="Parameter" version="opset1"><data shape="2" element_type="f32"/>
<output><port id="0" names="x"><dim>2</dim></port></output></layer>
<layer id="1" name="relu" type="ReLU" version="opset1"><input><port id="0"/></input>
<output><port id="1" names="positive"><dim>2</dim></port></output></layer>
<layer id="2" name="exp" type="Exp" version="opset1"><input><port id="0"/></input>
<output><port id="1"><dim>2</dim></port></output></layer>
<layer id="3" name="first" type="Result" version="opset1"><input><port id="0"/></input></layer>
<layer id="4" name="second" type="Result" version="opset1"><input><port id="0"/></input></layer>
</layers><edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>
<edge from-layer="1" from-port="1" to-layer="2" to-port="0"/>
<edge from-layer="1" from-port="1" to-layer="3" to-port="0"/>
<edge from-layer="2" from-port="1" to-layer="4" to-port="0"/></edges></net>"""
    model = coinfer.Core().read_model(chain.encode(), b"")
    assert [node.friendly_name for node in (*model.parameters, *model.results)] == [
        "p",
        "first",
        "second",
    ]
    assert [port.names for port in model.outputs] == [{"positive"}, set()]
    model.input(0).set_names({"image"})
    model.remove_result(model.results[0])
    assert [(port.names, port.node.friendly_name) for port in model.outputs] == [(set(), "second")]
    model.add_outputs("positive")
    compiled = coinfer.Core().compile_model(model, "CPU")
    result = compiled({"image": np.array([-1, 2], np.float32)})
    np.testing.assert_array_equal(result["positive"], [0, 2])
    np.testing.assert_allclose(result[0], np.exp([0, 2]), rtol=1e-6)
    names = [port.node.friendly_name for port in compiled.outputs]
    assert names[0] == "second"
    again = coinfer.Core().import_model(compiled.export_model(), "CPU")
    assert [port.names for port in again.outputs] == [set(), {"positive"}]


@pytest.mark.parametrize(
    ("what", "by", "text"),
    [
        ('version="11"', 'version="7"', "IR version 7"),
        ('id="1" name="c"', 'id="0" name="c"', "'c' (Const, opset1) has the id 0"),
        ('from-layer="1"', 'from-layer="17"', "the layer 17, which does not exist"),
        ('from-layer="1" from-port="0"', 'from-layer="1" from-port="5"', "output port 5"),
        ('from-layer="1" from-port="0"', 'from-layer="2" from-port="2"', "has a cycle"),
        ('to-layer="2" to-port="1"', 'to-layer="2" to-port="0"', "two edges lead to its port 0"),
        ('offset="4"', 'offset="8"', "'c' (Const, opset1) lies at byte 8"),
        ('offset="4"', 'offset="18446744073709551615"', "'c' (Const, opset1) lies at byte"),
        ('offset="4"', 'offset="-4"', "is no size"),
        ('shape="3" offset', 'shape="4" offset', "needs 16 bytes; it has 12"),
        ('shape="3" offset', 'shape="4611686018427387904,8" offset', "'c' (Const, opset1)"),
        ('element_type="f32" shape="3"', 'element_type="q7" shape="3"', "element type 'q7'"),
        ('type="Add"', 'type="Addition"', "'sum' (Addition, opset1): the operator is not"),
        ('type="Add" version="opset1"', 'type="Add" version="my_ops"', "operators 'my_ops'"),
        ('type="Add" version="opset1"', 'type="Add" version="opset99"', "operators 'opset99'"),
        ('type="Add" version="opset1"', 'type="Add"', "operators ''"),
        ("</net>", "", "its xml is damaged"),
        ("<layers>", "<layers>" + "<a>" * 300 + "</a>" * 300, "nested deeper"),
        ('type="Result"', 'type="Sin"', "it has no Result"),
    ],
)
def test_a_damaged_model_is_refused_with_the_layer_named(what: str, by: str, text: str) -> None:
    assert what in XML
    with pytest.raises(coinfer.Error) as caught:
        coinfer.Core().read_model(XML.replace(what, by, 1).encode(), WEIGHTS)
    assert text in str(caught.value)


def test_weights_are_refused_where_none_belong() -> None:
    with pytest.raises(coinfer.Error, match="none were given"):
        coinfer.Core().read_model(XML.encode())
