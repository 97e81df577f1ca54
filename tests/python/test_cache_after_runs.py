"""CACHE_DIR keeps what the first inference packs: of dynamic models, of bodies, of later stages."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import models
import numpy as np
import onnx
import pytest
from onnx import helper

import coinfer

F32 = onnx.TensorProto.FLOAT

#: Compiles, infers once and ends at once; tells whether the model came from the cache, how many
#: weights were packed, and the sum of the results.
RUN = """
import json
import sys
import numpy as np
import coinfer

source, folder, inputs, trace, from_file = sys.argv[1:]
core = coinfer.Core()
core.set_property({"CACHE_DIR": folder})
with np.load(inputs) as given:
    feed = {key: given[key] for key in given.files}
with coinfer.trace(trace):
    model = source if from_file == "True" else open(source, "rb").read()
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    result = compiled(feed)[0]
spans = [event["name"] for event in json.load(open(trace))["traceEvents"]]
cached = compiled.get_property("LOADED_FROM_CACHE")
print(json.dumps([cached, spans.count("pack weights"), float(np.abs(result).sum())]))
"""


def branches() -> onnx.ModelProto:
    """A static model whose weights lie in the bodies of an If, and behind it."""
    rng = np.random.default_rng(12)

    def weights(name: str, *shape: int) -> onnx.TensorProto:
        values = (rng.standard_normal(shape) / 8).astype(np.float32)
        return onnx.numpy_helper.from_array(values, name)

    def body(name: str) -> onnx.GraphProto:
        node = helper.make_node("Conv", ["x", f"w_{name}"], ["r"], pads=[1, 1, 1, 1])
        port = helper.make_tensor_value_info("r", F32, (1, 16, 12, 12))
        return helper.make_graph([node], name, [], [port], [weights(f"w_{name}", 16, 16, 3, 3)])

    nodes = [
        helper.make_node("If", ["p"], ["i"], then_branch=body("a"), else_branch=body("b")),
        helper.make_node("Conv", ["i", "w"], ["y"], pads=[1, 1, 1, 1]),
    ]
    inputs = [
        helper.make_tensor_value_info("x", F32, (1, 16, 12, 12)),
        helper.make_tensor_value_info("p", onnx.TensorProto.BOOL, ()),
    ]
    outputs = [helper.make_tensor_value_info("y", F32, (1, 16, 12, 12))]
    graph = helper.make_graph(nodes, "branches", inputs, outputs, [weights("w", 16, 16, 3, 3)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def given(name: str) -> tuple[onnx.ModelProto, dict[str, Any]]:
    rng = np.random.default_rng(3)
    if name == "dynamic":
        return models.dynamic_mlp(5), {"x": rng.standard_normal((3, 16), np.float32)}
    return branches(), {
        "x": rng.standard_normal((1, 16, 12, 12), np.float32),
        "p": np.array(True),
    }


@pytest.mark.parametrize("from_file", [False, True])
@pytest.mark.parametrize("name", ["dynamic", "branches"])
def test_the_first_inference_of_the_second_process_packs_nothing(
    name: str, from_file: bool, tmp_path: Path
) -> None:
    model, inputs = given(name)
    source, folder = tmp_path / "model.onnx", tmp_path / "cache"
    source.write_bytes(model.SerializeToString())
    np.savez(tmp_path / "inputs.npz", **inputs)

    def run() -> tuple[bool, int, float]:
        paths = [source, folder, tmp_path / "inputs.npz", tmp_path / "trace.json"]
        done = subprocess.run(
            [sys.executable, "-c", RUN, *paths, str(from_file)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        cached, packed, result = json.loads(done.stdout)
        return cached, packed, result

    cached, packed, result = run()
    assert not cached
    assert packed >= 2
    (kept,) = folder.iterdir()
    written = kept.stat().st_ino, kept.stat().st_mtime_ns
    for _ in range(2):
        assert run() == (True, 0, result)
    assert [(file.stat().st_ino, file.stat().st_mtime_ns) for file in folder.iterdir()] == [written]


def versions(folder: Path) -> list[int]:
    return [file.stat().st_ino for file in folder.iterdir() if file.suffix == ".coinfer"]


def test_the_file_is_written_anew_once_and_by_the_first_success_only(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    model, inputs = given("dynamic")
    core = coinfer.Core()
    core.set_property({"CACHE_DIR": str(folder)})
    read = core.read_model(model.SerializeToString())
    compiled = core.compile_model(read, "CPU")
    read.input(0).set_names({"changed", "meanwhile"})  # the cache has the model as it was
    (first,) = versions(folder)
    held = next(folder.iterdir()).open("rb")  # so that the inode stays taken
    with pytest.raises(coinfer.Error):
        compiled({"x": np.zeros((2, 7), np.float32)})
    time.sleep(0.2)
    assert versions(folder) == [first]
    expected = compiled(inputs)[0]
    until = time.monotonic() + 20
    while versions(folder) == [first] and time.monotonic() < until:
        time.sleep(0.01)
    (second,) = versions(folder)
    assert second != first
    for rows in (1, 5, 9):
        compiled({"x": np.zeros((rows, 16), np.float32)})
    time.sleep(0.2)
    assert versions(folder) == [second]
    held.close()
    again = core.compile_model(model.SerializeToString(), "CPU")
    assert again.get_property("LOADED_FROM_CACHE")
    np.testing.assert_array_equal(again(inputs)[0], expected)


def test_a_cache_that_was_deleted_stays_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    model, inputs = given("dynamic")
    core = coinfer.Core()
    core.set_property({"CACHE_DIR": str(folder)})
    compiled = core.compile_model(model.SerializeToString(), "CPU")
    shutil.rmtree(folder)
    compiled(inputs)
    time.sleep(0.3)
    assert not folder.exists()


def test_weights_that_are_not_to_be_kept_packed_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    model, inputs = given("dynamic")
    core = coinfer.Core()
    core.set_property({"CACHE_DIR": str(folder), "CACHE_MODE": "OPTIMIZE_SIZE"})
    compiled = core.compile_model(model.SerializeToString(), "CPU")
    before = versions(folder)
    compiled(inputs)
    time.sleep(0.3)
    assert versions(folder) == before
