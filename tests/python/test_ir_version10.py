"""IR version 10: names of layers are names of inputs and outputs, and element types are fewer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coinfer

MODELS = """
import json
import re
import sys
import numpy as np
import openvino as ov
from openvino import opset14 as o

folder = sys.argv[1]
core = ov.Core()
answers = {}

def save(name, parameters, results, keep="names", sinks=()):
    path = f"{folder}/{name}.xml"
    results = [o.result(result, name=f"result{i}") for i, result in enumerate(results)]
    ov.save_model(ov.Model(results, list(sinks), parameters, name), path, compress_to_fp16=False)
    text = open(path).read()
    assert 'version="11"' in text
    text = text.replace('version="11"', 'version="10"', 1)
    # As writers of that time wrote it.
    text = re.sub(r' output_names="[^"]*"', "", text)
    if keep != "names":
        text = re.sub(r' names="[^"]*"', "", text)
    open(path, "w").write(text)

def ports(ports):
    return [[sorted(p.names), p.any_name, p.element_type.get_type_name(), p.node.friendly_name]
            for p in ports]

def run(name):
    try:
        model = core.read_model(f"{folder}/{name}.xml")
    except RuntimeError:
        answers[name] = None
        return
    answers[name] = {"inputs": ports(model.inputs), "outputs": ports(model.outputs)}
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    feed = [np.arange(np.prod(p.shape)).reshape(p.shape).astype(p.element_type.to_dtype())
            for p in model.inputs]
    results = compiled(feed)
    for i, (names, *_) in enumerate(answers[name]["outputs"]):
        assert all(np.array_equal(results[key], results[i]) for key in names)
    np.savez(f"{folder}/{name}.npz", *(results[i] for i in range(len(results))))

def parameter(kind, name="pa", tensors=("a", "b")):
    x = o.parameter([2, 3], kind, name=name)
    x.output(0).set_names(set(tensors))
    return x

def named(node, name, tensors=()):
    node.set_friendly_name(name)
    if tensors:
        node.output(0).set_names(set(tensors))
    return node

for kind in "boolean bf16 f16 f32 f64 i8 i16 i32 i64 u8 u16 u32 u64".split():
    x = parameter(getattr(ov.Type, kind))
    save(kind, [x], [named(o.reshape(x, np.int64([3, 2]), False), "reshaped", ["r", "q"])])
for keep in ("names", "nothing"):
    x = parameter(np.float16)
    parts = o.split(x, np.int64(1), 3)
    save(f"split_{keep}", [x], named(parts, "parts", ["first"]).outputs(), keep)
x = parameter(np.float16)
y = parameter(np.int32, "pb", ["c"])
r = named(o.relu(x), "positive")
save("several", [x, y], [o.exp(r, name="e"), o.add(y, np.int32(1), name="more"),
                         named(o.convert(r, "i64"), "whole", ["z"])], "nothing")
x = parameter(np.float32)
save("shared", [x], [r := o.relu(x, name="positive"), r, o.exp(r, name="e")], "nothing")
x = parameter(np.float32)
c = o.constant(np.int64([1, 2]), name="two")
save("constant", [x], [c, o.exp(x, name="e")], "nothing")
x = parameter(np.float16)
past = o.read_value(o.constant(np.zeros([2, 3], np.float16)), "v", ov.Type.f16,
                    ov.PartialShape([2, 3]))
save("state", [x], [o.add(past, x, name="sum")], "nothing", [o.assign(x, "v")])
x, y = parameter(np.float32), parameter(np.float32, "a", ["c"])
save("input_like_a_tensor", [x, y], [o.add(x, y, name="sum")])
x = parameter(np.float32)
r = named(o.relu(x), "positive", ["q"])
save("output_like_a_tensor", [x], [r, named(o.exp(r), "e", ["positive"])])
x = parameter(np.float32)
r = named(o.relu(x), "positive", ["pa"])
save("input_like_a_hidden_tensor", [x], [o.exp(r, name="e")])

import os
for file in sorted(os.listdir(folder)):
    if file.endswith(".xml"):
        run(file[:-4])
json.dump(answers, open(f"{folder}/answers.json", "w"))
"""

NAMES = [
    *("boolean", "bf16", "f16", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"),
    "split_names",
    "split_nothing",
    "several",
    "shared",
    "constant",
    "state",
    "input_like_a_tensor",
    "output_like_a_tensor",
    "input_like_a_hidden_tensor",
]


@pytest.fixture(scope="module")
def saved(fill_in_peers: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("version10")
    fill_in_peers(folder, "-c", MODELS)
    return folder


@pytest.fixture(scope="module")
def answers(saved: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((saved / "answers.json").read_text())
    assert sorted(found) == sorted(NAMES)
    return found


def ports(ports: list[Any]) -> list[list[Any]]:
    return [
        [sorted(p.names), p.any_name, p.element_type.get_type_name(), p.node.friendly_name]
        for p in ports
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_version_10_is_as_in_openvino(
    name: str, saved: Path, answers: dict[str, Any]
) -> None:
    core = coinfer.Core()
    if answers[name] is None:
        with pytest.raises(coinfer.Error, match="has the name of another"):
            core.read_model(saved / f"{name}.xml")
        return
    model = core.read_model(saved / f"{name}.xml")
    assert model.get_rt_info("version") == 10
    assert {"inputs": ports(model.inputs), "outputs": ports(model.outputs)} == answers[name]
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert ports(compiled.outputs) == answers[name]["outputs"]
    given = {
        port.any_name: np.arange(6).reshape(2, 3).astype(port.element_type.to_dtype())
        for port in model.inputs
    }
    results = compiled(given)
    with np.load(saved / f"{name}.npz") as expected:
        assert len(results) == len(expected.files)
        for index, key in enumerate(expected.files):
            for tensor in model.outputs[index].names:
                result = results[tensor]
                assert result.dtype == expected[key].dtype
                np.testing.assert_allclose(result, expected[key], rtol=1e-3)


def test_the_same_layers_in_version_11_keep_their_types_and_names(saved: Path) -> None:
    text = (saved / "f16.xml").read_text().replace('version="10"', 'version="11"', 1)
    weights = (saved / "f16.bin").read_bytes()
    model = coinfer.Core().read_model(text.encode(), weights)
    assert ports(model.inputs) == [[["a", "b"], "a", "f16", "pa"]]
    assert ports(model.outputs) == [[["q", "r"], "q", "f16", "result0"]]


def test_an_exported_model_of_version_10_stays_one(saved: Path, tmp_path: Path) -> None:
    core = coinfer.Core()
    compiled = core.compile_model(saved / "split_names.xml", "CPU")
    again = core.import_model(compiled.export_model(), "CPU")
    assert ports(again.inputs) == ports(compiled.inputs)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(again({"pa": x})["parts.2"], x[:, 2:])
    # Strings cannot become numbers.
    strings = (saved / "f32.xml").read_text().replace('element_type="f32"', 'element_type="string"')
    model = core.read_model(strings.encode(), (saved / "f32.bin").read_bytes())
    assert model.output("reshaped").element_type == coinfer.Type.string
