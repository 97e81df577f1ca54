"""Control flow of OpenVINO IR that is damaged or written to do harm: an error names the layer."""

from __future__ import annotations

import numpy as np
import pytest
from ir_texts import Layer, network, parameter, result

import coinfer


def iterator() -> str:
    """``total = h + rows of x``, the last one and all of them; f32 [4,3] and [1,3]."""
    body = network(
        [
            parameter("row", [1, 3]),
            parameter("sum", [1, 3]),
            Layer("add", "Add", [(0, 0), (1, 0)], [1, 3]),
            result("total", (2, 0), [1, 3]),
        ],
        "body",
    )
    walk = 'axis="0" start="0" end="-1" stride="1" part_size="1"'
    port_map = (
        f'<port_map><input external_port_id="0" internal_layer_id="0" {walk}/>'
        '<input external_port_id="1" internal_layer_id="1"/>'
        '<output external_port_id="2" internal_layer_id="3"/>'
        f'<output external_port_id="3" internal_layer_id="3" {walk}/></port_map>'
        '<back_edges><edge from-layer="3" to-layer="1"/></back_edges>'
    )
    layers = [
        parameter("x", [4, 3]),
        parameter("h", [1, 3]),
        Layer(
            "loop", "TensorIterator", [(0, 0), (1, 0)], [-1, 3], outputs=2, bodies=port_map + body
        ),
        result("last", (2, 0), [1, 3]),
        result("all", (2, 1), [4, 3]),
    ]
    return network(layers)


def test_the_undamaged_iterator_runs() -> None:
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    last, every = coinfer.compile_model(iterator().encode())(
        [x, np.zeros((1, 3), np.float32)]
    ).to_tuple()
    np.testing.assert_array_equal(every, np.cumsum(x, 0))
    np.testing.assert_array_equal(last, every[-1:])


DAMAGES = [
    (
        'external_port_id="0" internal_layer_id="0"',
        'external_port_id="7" internal_layer_id="0"',
        "names the input port 7, which it does not have",
    ),
    (
        'external_port_id="0" internal_layer_id="0"',
        'external_port_id="-1" internal_layer_id="0"',
        "names the input port -1",
    ),
    (
        'external_port_id="0" internal_layer_id="0"',
        'external_port_id="0" internal_layer_id="9"',
        "names the layer 9 of its body, which is no Parameter there",
    ),
    (
        'external_port_id="0" internal_layer_id="0"',
        'external_port_id="0" internal_layer_id="1"',
        "gives two values to the Parameter 'sum'",
    ),
    (
        '<input external_port_id="1" internal_layer_id="1"/>',
        "",
        "gives no value to the Parameter 'sum'",
    ),
    (
        '<output external_port_id="2" internal_layer_id="3"/>',
        "",
        "gives 0 values to its output port 2",
    ),
    (
        'external_port_id="2" internal_layer_id="3"',
        'external_port_id="2" internal_layer_id="2"',
        "names the layer 2 of its body, which is no Result there",
    ),
    (
        'external_port_id="2" internal_layer_id="3"',
        'external_port_id="2" internal_layer_id="a"',
        "internal_layer_id='a' where an integer was expected",
    ),
    ('from-layer="3" to-layer="1"/></back', 'from-layer="4" to-layer="1"/></back', "the layer 4"),
    ('from-layer="3" to-layer="1"/></back', 'from-layer="3" to-layer="3"/></back', "the layer 3"),
    (
        '<edge from-layer="3" to-layer="1"/></back',
        '<edge from-layer="3" to-layer="1"/><edge from-layer="3" to-layer="1"/></back',
        "two back edges lead to the Parameter 'sum'",
    ),
    (
        'from-layer="3" to-layer="1"/></back',
        'from-layer="3" to-layer="0"/></back',
        "gets slices and has a back edge",
    ),
    ('stride="1"', 'stride="0"', "parts of 1 with a stride of 0"),
    ('stride="1"', 'stride="-9223372036854775808"', "stride of -9223372036854775808"),
    ('part_size="1"', 'part_size="0"', "parts of 0"),
    ('part_size="1"', 'part_size="-9223372036854775808"', "parts of -9223372036854775808"),
    (
        'stride="1" part_size="1"',
        'stride="4611686018427387904" part_size="4611686018427387904"',
        "more elements than can be counted",
    ),
    ('stride="1" part_size="1"', 'stride="3" part_size="3"', "an axis of 4 elements"),
    ('start="0"', 'start="1"', "only walks part by part from one end"),
    ('start="0"', 'start="9223372036854775807"', "only walks part by part from one end"),
    ('end="-1"', 'end="-9"', "an axis of 4 elements cannot be walked from 0 to -9"),
    ('end="-1"', 'end="9223372036854775807"', "to the element 9223372036854775807"),
    ('axis="0"', 'axis="2"', "the axis 2 does not lie in a tensor of rank 2"),
    ('axis="0"', 'axis="-9223372036854775808"', "does not lie in a tensor of rank 2"),
    (
        'external_port_id="1" internal_layer_id="1"',
        'external_port_id="1" internal_layer_id="1" purpose="guess"',
        "has the purpose 'guess', which is not known",
    ),
    (
        'external_port_id="1" internal_layer_id="1"',
        'external_port_id="-1" internal_layer_id="1" purpose="current_iteration"',
        "gets the iteration; it is of type f32",
    ),
    ("<body>", "<other>", "xml is damaged"),
    (
        '<edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>',
        '<edge from-layer="2" from-port="2" to-layer="2" to-port="0"/>',
        "waits for its own result: the network has a cycle",
    ),
    (
        'name="add" type="Add"',
        'name="add" type="Assign"',
        "'add' (Assign, opset1): it has no variable_id",
    ),
    ('name="add" type="Add"', 'name="add" type="Nothing"', "'add' (Nothing, opset1): the operator"),
    (
        'element_type="f32"/><input></input><output><port id="0" precision="FP32" names="sum"',
        'element_type="i32"/><input></input><output><port id="0" precision="FP32" names="sum"',
        "'add' (Add, opset1)",
    ),
]


@pytest.mark.parametrize(("what", "by", "text"), DAMAGES)
def test_a_damaged_iterator_is_refused_with_the_layer_named(what: str, by: str, text: str) -> None:
    xml = iterator()
    assert what in xml
    with pytest.raises(coinfer.Error) as caught:
        coinfer.Core().read_model(xml.replace(what, by, 1).encode())
    assert text in str(caught.value)
    assert "'loop' (TensorIterator, opset1)" in str(caught.value) or "damaged" in text


def nested(depth: int) -> bytes:
    """Bodies of TensorIterators that each hold the next one."""
    opening = (
        '<layers><layer id="0" name="p" type="Parameter" version="opset1">'
        '<data shape="2" element_type="f32"/><output><port id="0"><dim>2</dim></port></output>'
        '</layer><layer id="1" name="loop" type="TensorIterator" version="opset1"><port_map>'
        '<input external_port_id="0" internal_layer_id="0"/>'
        '<output external_port_id="1" internal_layer_id="2"/></port_map>'
        '<input><port id="0"><dim>2</dim></port></input>'
        '<output><port id="1"><dim>2</dim></port></output><body>'
    )
    closing = (
        '</body></layer><layer id="2" name="r" type="Result" version="opset1">'
        '<input><port id="0"><dim>2</dim></port></input></layer></layers><edges>'
        '<edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>'
        '<edge from-layer="1" from-port="1" to-layer="2" to-port="0"/></edges>'
    )
    innermost = network(
        [
            parameter("p", [2]),
            Layer("n", "Negative", [(0, 0)], [2]),
            result("r", (1, 0), [2]),
        ],
        "body",
    )
    inside = innermost.removeprefix("<body>").removesuffix("</body>")
    return (
        '<net name="deep" version="11">' + opening * depth + inside + closing * depth + "</net>"
    ).encode()


def test_bodies_nested_thirty_deep_run() -> None:
    result_of = coinfer.compile_model(nested(30))(np.array([1, 2], np.float32))[0]
    np.testing.assert_array_equal(result_of, [-1, -2])


def test_bodies_nested_too_deep_are_refused() -> None:
    with pytest.raises(
        coinfer.ModelFileError, match="nested deeper than 200 elements, in the layer 'p'"
    ):
        coinfer.Core().read_model(nested(10_000))


def counted(trips: int) -> tuple[bytes, bytes]:
    """A Loop whose body makes one row of three in each iteration."""
    body = network(
        [
            parameter("same", [1, 3]),
            Layer("twice", "Add", [(0, 0), (0, 0)], [1, 3]),
            result("row", (1, 0), [1, 3]),
            Layer(
                "go",
                "Const",
                data={"element_type": "boolean", "shape": "", "offset": 8, "size": 1},
                kind="BOOL",
            ),
            result("goes_on", (3, 0), []),
        ],
        "body",
    )
    port_map = (
        '<port_map><input external_port_id="2" internal_layer_id="0"/>'
        '<output external_port_id="-1" internal_layer_id="4" purpose="execution_condition"/>'
        '<output external_port_id="3" internal_layer_id="2" axis="0"/></port_map>'
    )
    xml = network(
        [
            parameter("x", [1, 3]),
            Layer(
                "trips",
                "Const",
                data={"element_type": "i64", "shape": "", "offset": 0, "size": 8},
                kind="I64",
            ),
            Layer(
                "start",
                "Const",
                data={"element_type": "boolean", "shape": "", "offset": 8, "size": 1},
                kind="BOOL",
            ),
            Layer(
                "loop",
                "Loop",
                [(1, 0), (2, 0), (0, 0)],
                [-1, 3],
                opset="opset5",
                bodies=port_map + body,
            ),
            result("rows", (3, 0), [-1, 3]),
        ]
    )
    return xml.encode(), np.int64(trips).tobytes() + b"\1"


def test_a_counted_loop_runs() -> None:
    model = coinfer.Core().read_model(*counted(4))
    rows = coinfer.compile_model(model)(np.array([[1, 2, 3]], np.float32))[0]
    np.testing.assert_array_equal(rows, [[2, 4, 6]] * 4)


@pytest.mark.parametrize("trips", [2**62, 2**63 - 1])
def test_a_loop_with_more_results_than_there_is_memory_is_refused(trips: int) -> None:
    with pytest.raises(coinfer.Error, match="'loop'"):
        coinfer.compile_model(coinfer.Core().read_model(*counted(trips)))(
            np.ones((1, 3), np.float32)
        )


def test_a_loop_without_a_condition_is_refused() -> None:
    xml, weights = counted(4)
    start = xml.index(b'<output external_port_id="-1"')
    end = xml.index(b"/>", start) + 2
    with pytest.raises(coinfer.Error, match="no Result of its body is its condition"):
        coinfer.Core().read_model(xml[:start] + xml[end:], weights)


def test_an_endless_loop_is_cancelled() -> None:
    xml, weights = counted(-1)
    gathered = b'<output external_port_id="3" internal_layer_id="2" axis="0"/>'
    last = b'<output external_port_id="3" internal_layer_id="2"/>'
    model = coinfer.Core().read_model(xml.replace(gathered, last), weights)
    request = coinfer.compile_model(model).create_infer_request()
    request.start_async(np.array([[1, 2, 3]], np.float32))
    assert not request.wait_for(20)
    request.cancel()
    with pytest.raises(coinfer.Cancelled):
        request.wait()


def test_a_loop_of_no_iterations_gives_nothing() -> None:
    model = coinfer.Core().read_model(*counted(0))
    assert coinfer.compile_model(model)(np.ones((1, 3), np.float32))[0].shape == (0, 3)


@pytest.mark.parametrize("kind", ["AUGRUCell", "AUGRUSequence", "Nothing"])
def test_an_operator_that_is_not_served_is_named(kind: str) -> None:
    xml = iterator().replace('type="TensorIterator"', f'type="{kind}"')
    with pytest.raises(
        coinfer.Unsupported, match=rf"'loop' \({kind}, opset1\): the operator is not"
    ):
        coinfer.Core().read_model(xml.encode())
