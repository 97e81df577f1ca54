"""OpenVINO IR written by hand, from short descriptions of layers."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

#: A value: the place of its layer in the list, and which of the layer's outputs it is.
Source = tuple[int, int]


@dataclass
class Layer:
    """A layer with inputs 0… and the outputs behind them; `shape` is that of all outputs."""

    name: str
    type: str
    sources: Sequence[Source] = ()
    shape: Sequence[int] = ()
    outputs: int = 1
    opset: str = "opset1"
    data: dict[str, object] = field(default_factory=dict)
    bodies: str = ""
    kind: str = "FP32"

    def text(self, at: int) -> str:
        dims = "".join(f"<dim>{length}</dim>" for length in self.shape)
        data = "".join(f' {name}="{value}"' for name, value in self.data.items())
        first = len(self.sources)
        inputs = "".join(
            f'<port id="{i}" precision="{self.kind}">{dims}</port>' for i in range(first)
        )
        outputs = "".join(
            f'<port id="{first + i}" precision="{self.kind}" names="{self.name}{i or ""}">'
            f"{dims}</port>"
            for i in range(self.outputs)
        )
        return (
            f'<layer id="{at}" name="{self.name}" type="{self.type}" version="{self.opset}">'
            f"<data{data}/>{self.bodies}<input>{inputs}</input><output>{outputs}</output></layer>"
        )


def parameter(name: str, shape: Sequence[int], kind: str = "f32") -> Layer:
    lengths = ",".join(str(length) for length in shape)
    data: dict[str, object] = {"shape": lengths, "element_type": kind}
    kinds = {"f32": "FP32", "i64": "I64", "boolean": "BOOL"}
    return Layer(name, "Parameter", (), shape, data=data, kind=kinds[kind])


def result(name: str, source: Source, shape: Sequence[int]) -> Layer:
    return Layer(name, "Result", [source], shape, outputs=0)


def network(layers: Sequence[Layer], tag: str = "net") -> str:
    """The `<net>` or `<body>` of the layers."""
    edges = "".join(
        f'<edge from-layer="{source}" from-port="{len(layers[source].sources) + output}" '
        f'to-layer="{at}" to-port="{port}"/>'
        for at, layer in enumerate(layers)
        for port, (source, output) in enumerate(layer.sources)
    )
    texts = "".join(layer.text(at) for at, layer in enumerate(layers))
    head = f'{tag} name="{tag}" version="11"' if tag == "net" else tag
    return f"<{head}><layers>{texts}</layers><edges>{edges}</edges></{tag}>"


def noted() -> str:
    """``y = relu(x)``, f32 [2], with runtime info of the relu, of x's port and of the model."""
    net = network(
        [parameter("x", [2]), Layer("relu", "ReLU", [(0, 0)], [2]), result("y", (1, 0), [2])]
    )
    info = '<rt_info><attribute name="{}" version="0" {}="{}"/></rt_info>'.format
    net = net.replace(
        'version="opset1"><data/>',
        'version="opset1"><data/>' + info("fused_names", "value", "conv,relu"),
        1,
    )
    net = net.replace('names="x">', 'names="x">' + info("layout", "layout", "[C]"))
    return net.replace(
        "</net>", '<rt_info><author value="me"/><tool><name value="hand"/></tool></rt_info></net>'
    )


def counter() -> str:
    """``sum = variable 'total' + x``, which is assigned; f32 [2]."""
    variable: dict[str, object] = {
        "variable_id": "total",
        "variable_type": "f32",
        "variable_shape": "2",
    }
    return network(
        [
            parameter("x", [2]),
            Layer("read", "ReadValue", [], [2], opset="opset6", data=variable),
            Layer("sum", "Add", [(0, 0), (1, 0)], [2]),
            Layer("write", "Assign", [(2, 0)], [2], opset="opset6", data={"variable_id": "total"}),
            result("res", (2, 0), [2]),
        ]
    )


def constants() -> tuple[str, bytes]:
    """``y = x * w`` and ``kept = w``, f32 [2], with weights; w's tensor is named `s`, `t`."""
    data: dict[str, object] = {"element_type": "f32", "shape": 2, "offset": 0, "size": 8}
    text = network(
        [
            parameter("x", [2]),
            Layer("w", "Const", shape=[2], data=data),
            Layer("y", "Multiply", [(0, 0), (1, 0)], [2]),
            result("res", (2, 0), [2]),
            result("kept", (1, 0), [2]),
        ]
    )
    return text.replace('names="w"', 'names="t,s"'), struct.pack("<2f", 2, 3)


def version10() -> tuple[str, bytes]:
    """The halves of x, f16 [4], in IR version 10, with weights; their tensors are `a` and `r`."""
    data: dict[str, object] = {"element_type": "i64", "shape": "", "offset": 0, "size": 8}
    text = network(
        [
            parameter("x", [4]),
            Layer("axis", "Const", shape=[], data=data),
            Layer("sp", "Split", [(0, 0), (1, 0)], [2], 2, data={"num_splits": 2}),
            result("first", (2, 0), [2]),
            result("second", (2, 1), [2]),
        ]
    )
    text = text.replace('names="x"', 'names="a"').replace('names="sp"', 'names="r"')
    text = text.replace(' names="sp1"', "").replace(' names="axis"', "").replace("f32", "f16")
    return text.replace('version="11"', 'version="10"'), bytes(8)


def _notes(**attributes: str) -> str:
    """Attributes of rt_info; a name's last part is its version."""
    rows = []
    for name, value in attributes.items():
        what, _, version = name.rpartition("_")
        rest = f' {"layout" if what == "layout" else "value"}="{value}"' if value else ""
        rows.append(f'<attribute name="{what}" version="{version}"{rest}/>')
    return f"<rt_info>{''.join(rows)}</rt_info>"


def layer_with_notes() -> str:
    """``y = relu(x)``, f32 [1,1,2], with notes on layers and ports."""
    text = network(
        [
            parameter("x", [1, 1, 2]),
            Layer("relu", "ReLU", [(0, 0)], [1, 1, 2]),
            result("y", (1, 0), [1, 1, 2]),
        ]
    )
    layers = text.split("<layer ")
    port = "<dim>1</dim><dim>1</dim><dim>2</dim></port>"
    on_layer = [
        _notes(old_api_map_order_0="0,2,1"),
        _notes(fused_names_0="relu,scale", mark_2=""),
        "",
    ]
    on_last_port = [
        _notes(layout_0="[N,C,W]", port_note_0="of x"),
        _notes(made_0="by relu", decompression_0=""),
        _notes(layout_0="[N,C,...]", seen_0="by result", precise_0=""),
    ]
    for i, layer in enumerate(layers[1:]):
        noted = layer.replace("/><input>", f"/>{on_layer[i]}<input>", 1)
        before, _, after = noted.rpartition(port)
        layers[i + 1] = f"{before}{port[:-7]}{on_last_port[i]}</port>{after}"
    return "<layer ".join(layers)
