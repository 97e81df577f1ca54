"""Exported models and CACHE_DIR: equal results, no pass, no packing, nothing broken accepted."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

import coinfer
from tests.python.models import (
    F32,
    build,
    dynamic_mlp,
    multi_output,
    non_zero,
    one_add,
    reshape_by_value,
    string_identity,
)

RNG = np.random.default_rng(7)


def convolution() -> Any:
    """Weights that are packed, a batch norm that is folded, a large matrix that is packed."""
    rng = np.random.default_rng(11)
    return build(
        "convolution",
        [
            helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("BatchNormalization", ["c", "s", "b", "m", "v"], ["n"]),
            helper.make_node("Relu", ["n"], ["r"]),
            helper.make_node("Flatten", ["r"], ["f"]),
            helper.make_node("Gemm", ["f", "g"], ["y"], transB=1),
        ],
        [("x", F32, (1, 8, 16, 16))],
        [("y", F32, (1, 64))],
        {
            "w": rng.standard_normal((32, 8, 3, 3)).astype(np.float32),
            **{key: rng.uniform(0.5, 1, 32).astype(np.float32) for key in "sbmv"},
            "g": rng.standard_normal((64, 32 * 16 * 16)).astype(np.float32),
        },
    )


def branches() -> Any:
    """An If on the sum of the input, with a body for each case, which capture x and share k."""
    value = helper.make_tensor_value_info("r", F32, (4,))
    add = helper.make_graph([helper.make_node("Add", ["x", "k"], ["r"])], "then", [], [value])
    mul = helper.make_graph([helper.make_node("Mul", ["x", "k"], ["r"])], "else", [], [value])
    return build(
        "branches",
        [
            helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
            helper.make_node("Greater", ["s", "limit"], ["c"]),
            helper.make_node("If", ["c"], ["y"], then_branch=add, else_branch=mul),
        ],
        [("x", F32, (4,))],
        [("y", F32, (4,))],
        {"k": np.arange(4, dtype=np.float32), "limit": np.array(6, np.float32)},
    )


def inputs_of(model: coinfer.CompiledModel) -> list[Any]:
    values: list[Any] = []
    for port in model.inputs:
        shape = [3 if one.is_dynamic else one.get_length() for one in port.partial_shape]
        if port.element_type == coinfer.Type.string:
            values.append(np.full(shape, "text"))
        else:
            values.append(RNG.uniform(0, 3, shape).astype(port.element_type.to_dtype()))
    return values


def same_results(a: coinfer.CompiledModel, b: coinfer.CompiledModel) -> None:
    values = inputs_of(a)
    for ours, theirs in zip(a(values).to_tuple(), b(values).to_tuple(), strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    "make",
    [
        convolution,
        one_add,
        multi_output,
        dynamic_mlp,
        non_zero,
        string_identity,
        reshape_by_value,
        branches,
    ],
)
def test_an_imported_model_computes_the_same(make: Any) -> None:
    core = coinfer.Core()
    model = core.compile_model(make(), "CPU")
    exported = model.export_model()
    again = core.import_model(exported, "CPU", {"PERF_COUNT": True})
    assert again.get_property("NETWORK_NAME") == model.get_property("NETWORK_NAME")
    assert again.get_property("PERF_COUNT") == "YES"
    for ours, theirs in zip(
        again.inputs + again.outputs, model.inputs + model.outputs, strict=True
    ):
        assert (ours.names, ours.element_type) == (theirs.names, theirs.element_type)
        assert ours.partial_shape == theirs.partial_shape
    if make is not reshape_by_value:
        same_results(model, again)


def test_streams_and_buffers(tmp_path: Path) -> None:
    core = coinfer.Core()
    model = core.compile_model(convolution(), "CPU")
    stream = io.BytesIO()
    assert model.export_model(stream) is None
    data = stream.getvalue()
    with open(tmp_path / "model", "wb") as file:
        model.export_model(file)
    for source in (data, bytearray(data), memoryview(data), io.BytesIO(data)):
        same_results(model, core.import_model(source, "CPU"))
    with open(tmp_path / "model", "rb") as file:
        same_results(model, core.import_model(file, "CPU"))
    same_results(model, core.import_model(coinfer.Tensor(np.frombuffer(data, np.uint8)), "CPU"))
    with pytest.raises(TypeError, match="stream"):
        model.export_model(3)  # type: ignore[call-overload]
    for wrong in ("path", 3, None):
        with pytest.raises(TypeError, match="exported model"):
            core.import_model(wrong, "CPU")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="GPU"):
        core.import_model(data, "GPU")


def test_foreign_and_broken_bytes_are_refused() -> None:
    core = coinfer.Core()
    data = core.compile_model(convolution(), "CPU").export_model().getvalue()
    for wrong in (b"", b"sdf", convolution().SerializeToString(), bytes(200)):
        with pytest.raises(coinfer.ModelFileError, match="no model that coinfer exported"):
            core.import_model(wrong, "CPU")
    other_format = data[:8] + b"\xff" + data[9:]
    with pytest.raises(coinfer.ModelFileError, match="format"):
        core.import_model(other_format, "CPU")
    for end in (70, len(data) // 2, len(data) - 1):
        with pytest.raises(coinfer.ModelFileError, match="damaged"):
            core.import_model(data[:end], "CPU")
    with pytest.raises(coinfer.ModelFileError, match="damaged"):
        core.import_model(data + b"\0", "CPU")
    chance = random.Random(3)
    # Each byte of the header, and some behind it.
    for at in [*range(8, 64), *(chance.randrange(64, len(data)) for _ in range(200))]:
        broken = bytearray(data)
        broken[at] ^= 1 << chance.randrange(8)
        with pytest.raises(coinfer.ModelFileError):
            core.import_model(broken, "CPU")


def spans(path: Path) -> list[str]:
    return [event["name"] for event in json.loads(path.read_text())["traceEvents"]]


def compile_traced(source: Any, folder: Path, tmp_path: Path) -> tuple[Any, list[str]]:
    trace = tmp_path / "trace.json"
    core = coinfer.Core()
    core.set_property({"CACHE_DIR": str(folder)})
    with coinfer.trace(trace):
        model = core.compile_model(source, "CPU")
    return model, spans(trace)


@pytest.mark.parametrize("from_file", [False, True])
def test_the_second_compilation_runs_no_pass_and_packs_nothing(
    tmp_path: Path, from_file: bool
) -> None:
    source: Any = convolution()
    if from_file:
        path = tmp_path / "model.onnx"
        path.write_bytes(source.SerializeToString())
        source = path
    folder = tmp_path / "cache" / "of models"
    first, done = compile_traced(source, folder, tmp_path)
    assert "passes" in done
    assert "pack weights" in done
    assert not first.get_property("LOADED_FROM_CACHE")
    second, done = compile_traced(source, folder, tmp_path)
    assert "passes" not in done
    assert "pack weights" not in done
    assert second.get_property("LOADED_FROM_CACHE")
    same_results(first, second)
    assert len(list(folder.iterdir())) == 1


def packed_everywhere() -> Any:
    """Weights of bodies, of an image's first convolution and of a recurrent layer."""
    rng = np.random.default_rng(12)

    def weights(name: str, *shape: int) -> Any:
        values = (rng.standard_normal(shape) / 8).astype(np.float32)
        return onnx.numpy_helper.from_array(values, name)

    def body(name: str) -> Any:
        return helper.make_graph(
            [helper.make_node("Conv", ["c", f"w_{name}"], ["r"], pads=[1, 1, 1, 1])],
            name,
            [],
            [helper.make_tensor_value_info("r", F32, (1, 16, 12, 12))],
            [weights(f"w_{name}", 16, 16, 3, 3)],
        )

    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("If", ["p"], ["i"], then_branch=body("a"), else_branch=body("b")),
            helper.make_node("Reshape", ["i", "shape"], ["sequence"]),
            helper.make_node("LSTM", ["sequence", "wl", "rl"], ["y"], hidden_size=32),
        ],
        "packed",
        [
            helper.make_tensor_value_info("x", F32, (1, 3, 12, 12)),
            helper.make_tensor_value_info("p", onnx.TensorProto.BOOL, ()),
        ],
        [helper.make_tensor_value_info("y", F32, (16, 1, 1, 32))],
        [
            weights("w", 16, 3, 3, 3),
            onnx.numpy_helper.from_array(np.array([16, 1, 144]), "shape"),
            weights("wl", 1, 128, 144),
            weights("rl", 1, 128, 32),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_weights_of_bodies_and_of_our_own_kernels_are_kept_packed(tmp_path: Path) -> None:
    rng = np.random.default_rng(13)
    x = rng.standard_normal((1, 3, 12, 12)).astype(np.float32)
    found: list[Any] = []
    counts = []
    for run in range(2):
        trace = tmp_path / f"{run}.json"
        core = coinfer.Core()
        with coinfer.trace(trace):
            if run == 0:
                model = core.compile_model(packed_everywhere(), "CPU")
                results = [model([x, np.array(p)])[0] for p in (True, False)]
                exported = model.export_model()
            else:
                model = core.import_model(exported, "CPU")
                results = [model([x, np.array(p)])[0] for p in (True, False)]
        found.append(results)
        counts.append(spans(trace).count("pack weights"))
    assert counts[0] >= 4
    assert counts[1] == 0
    for first, second in zip(*found, strict=True):
        np.testing.assert_array_equal(first, second)
    assert np.any(found[0][0] != found[0][1])


def test_other_models_and_configurations_are_kept_apart(tmp_path: Path) -> None:
    core = coinfer.Core()
    config = {"CACHE_DIR": str(tmp_path)}
    model = core.read_model(one_add())
    assert not core.compile_model(model, "CPU", config).get_property("LOADED_FROM_CACHE")
    assert core.compile_model(model, "CPU", config).get_property("LOADED_FROM_CACHE")
    model.reshape([2, 16])
    reshaped = core.compile_model(model, "CPU", config)
    assert not reshaped.get_property("LOADED_FROM_CACHE")
    assert reshaped.input(0).shape == [2, 16]
    small = core.compile_model(model, "CPU", {**config, "CACHE_MODE": "OPTIMIZE_SIZE"})
    assert not small.get_property("LOADED_FROM_CACHE")
    other = core.compile_model(multi_output(), "CPU", config)
    assert not other.get_property("LOADED_FROM_CACHE")


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    core = coinfer.Core()
    config = {"CACHE_DIR": str(tmp_path / "cache")}
    path = tmp_path / "model.onnx"
    path.write_bytes(one_add().SerializeToString())
    core.compile_model(path, "CPU", config)
    assert core.compile_model(path, "CPU", config).get_property("LOADED_FROM_CACHE")
    path.write_bytes(multi_output().SerializeToString())
    changed = core.compile_model(path, "CPU", config)
    assert not changed.get_property("LOADED_FROM_CACHE")
    assert len(changed.outputs) == len(core.read_model(path).outputs)


def test_weights_in_a_file_of_their_own_are_watched(tmp_path: Path) -> None:
    model = build(
        "scaled",
        [helper.make_node("Mul", ["x", "k"], ["y"])],
        [("x", F32, (4,))],
        [("y", F32, (4,))],
        {"k": np.full(4, 2, np.float32)},
    )
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights", size_threshold=0)
    core = coinfer.Core()
    config = {"CACHE_DIR": str(tmp_path / "cache")}
    x = np.ones(4, np.float32)
    for _ in range(2):
        assert np.array_equal(core.compile_model(path, "CPU", config)(x)[0], 2 * x)
    (tmp_path / "weights").write_bytes(np.full(4, 3, np.float32).tobytes())
    assert np.array_equal(core.compile_model(path, "CPU", config)(x)[0], 3 * x)


def test_other_weights_of_the_same_shape_are_another_model(tmp_path: Path) -> None:
    core = coinfer.Core()
    core.set_property({"CACHE_DIR": str(tmp_path)})

    def scaled(by: float) -> coinfer.CompiledModel:
        model = build(
            "scaled",
            [helper.make_node("Mul", ["x", "k"], ["y"])],
            [("x", F32, (4,))],
            [("y", F32, (4,))],
            {"k": np.full(4, by, np.float32)},
        )
        return core.compile_model(model, "CPU")

    for by in (2.0, 3.0, 2.0):
        assert np.array_equal(scaled(by)(np.ones(4, np.float32))[0], np.full(4, by))


def test_a_damaged_or_unusable_cache_is_as_none(tmp_path: Path) -> None:
    core = coinfer.Core()
    config = {"CACHE_DIR": str(tmp_path)}
    first = core.compile_model(convolution(), "CPU", config)
    (kept,) = tmp_path.iterdir()
    with pytest.raises(coinfer.ModelFileError, match="cache"):
        core.import_model(kept.read_bytes(), "CPU")
    damaged = bytearray(kept.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    kept.write_bytes(damaged)
    second = core.compile_model(convolution(), "CPU", config)
    assert not second.get_property("LOADED_FROM_CACHE")
    same_results(first, second)
    third = core.compile_model(convolution(), "CPU", config)
    assert third.get_property("LOADED_FROM_CACHE")
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    nowhere = core.compile_model(convolution(), "CPU", {"CACHE_DIR": str(blocked / "below")})
    same_results(first, nowhere)


def test_the_runtime_model_is_what_passes_made() -> None:
    core = coinfer.Core()
    model = core.compile_model(convolution(), "CPU")
    made = model.get_runtime_model()
    kinds = {node.get_type_name() for node in made.get_ops()}
    assert "Convolution" in kinds
    assert "BatchNormInference" not in kinds
    same_results(model, core.compile_model(made, "CPU"))
