"""Preprocessing inside the model: the results are OpenVINO's, and so is what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import helper

import coinfer
from coinfer import Layout, Type, preprocess
from tests.python import preprocess_cases
from tests.python.models import F32, build, two_inputs


def identity(channels: int) -> bytes:
    shape = (1, channels, 4, 4)
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return build("image", nodes, [("x", F32, shape)], [("y", F32, shape)]).SerializeToString()


MODELS = {"image": identity(3), "grey": identity(1)}

PEER = """
sys.path.insert(0, ".")
from tests.python import preprocess_cases
answer(preprocess_cases.run("openvino", {k: bytes.fromhex(v) for k, v in given.items()}))
"""


@pytest.fixture(scope="module")
def expected(run_in_peers: Callable[..., Any]) -> Any:
    return run_in_peers(PEER, {name: data.hex() for name, data in MODELS.items()})


@pytest.fixture(scope="module")
def found() -> Any:
    return preprocess_cases.run("coinfer", MODELS)


@pytest.mark.parametrize("name", preprocess_cases.CASES)
def test_results_are_openvinos(name: str, expected: Any, found: Any) -> None:
    ours, theirs = found[name], expected[name]
    assert not isinstance(theirs, str), theirs
    assert not isinstance(ours, str), ours
    for i, what in enumerate(["shape", "dtype"]):
        assert ours[i] == theirs[i], what
    assert ours[3:6] == theirs[3:6], "shapes and names of the inputs, names of the output"
    assert ours[6] == theirs[6], "what is told of the steps"
    np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-4, atol=2e-3)


@pytest.mark.parametrize("name", preprocess_cases.WRONG)
def test_what_openvino_refuses_is_refused_in_one_line(name: str, expected: Any, found: Any) -> None:
    assert expected[name].startswith("RuntimeError")
    assert found[name].startswith("Error: ")
    assert "\n" not in found[name]


def processor() -> preprocess.PrePostProcessor:
    return preprocess.PrePostProcessor(coinfer.Core().read_model(MODELS["image"]))


def test_wrong_kinds_are_type_errors() -> None:
    with pytest.raises(TypeError):
        preprocess.PrePostProcessor("model")  # type: ignore[arg-type]
    steps = processor().input().preprocess()
    for wrong in (
        lambda: steps.mean("abc"),  # type: ignore[arg-type]
        lambda: steps.resize(3),  # type: ignore[arg-type]
        lambda: steps.resize(preprocess.ResizeAlgorithm.RESIZE_LINEAR, 3),
        lambda: steps.convert_layout(3),  # type: ignore[arg-type]
        lambda: steps.crop([0, 0.5], [1, 1]),  # type: ignore[list-item]
        lambda: steps.convert_color("RGB"),  # type: ignore[arg-type]
        lambda: processor().input(2.5),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError):
            wrong()


def test_what_is_not_supported_says_so() -> None:
    p = processor()
    tensor = p.input().tensor()
    with pytest.raises(coinfer.Unsupported, match="memory type 'GPU_SURFACE'"):
        tensor.set_memory_type("GPU_SURFACE")
    with pytest.raises(coinfer.Unsupported, match="custom"):
        p.input().preprocess().custom(lambda node: node)


def test_a_failed_build_leaves_the_model_as_it_was() -> None:
    model = coinfer.Core().read_model(MODELS["image"])
    p = preprocess.PrePostProcessor(model)
    p.input().tensor().set_shape([1, 3, 9, 9])
    with pytest.raises(RuntimeError, match=r"\[1,3,9,9\]"):
        p.build()
    assert model.input().shape == [1, 3, 4, 4]
    assert [node.get_type_name() for node in model.get_ops()] == ["Parameter", "Identity", "Result"]


def test_the_model_itself_is_changed_and_names_stay() -> None:
    model = coinfer.Core().read_model(MODELS["image"])
    port = model.input("x")
    p = preprocess.PrePostProcessor(model)
    p.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    p.input().model().set_layout(Layout("NCHW"))
    assert p.build() is model
    assert port.element_type is Type.u8
    assert (port.shape, port.names, port.node.layout) == ([1, 4, 4, 3], {"x"}, "NHWC")
    x = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    compiled = coinfer.Core().compile_model(model, "CPU")
    assert np.array_equal(compiled({"x": x})["y"], x.transpose(0, 3, 1, 2))
    again = coinfer.Core().import_model(compiled.export_model(), "CPU")
    assert np.array_equal(again({"x": x})["y"], x.transpose(0, 3, 1, 2))


def test_inputs_are_told_apart() -> None:
    model = coinfer.Core().read_model(two_inputs())
    names = [port.any_name for port in model.inputs]
    p = preprocess.PrePostProcessor(model)
    with pytest.raises(RuntimeError, match="this one has 2"):
        p.input()
    p.input(names[1]).tensor().set_element_type(Type.i32)
    p.build()
    assert [port.element_type for port in model.inputs] == [Type.f32, Type.i32]


def test_planes_move_the_inputs_behind_them() -> None:
    shape = (1, 3, 4, 4)
    model = coinfer.Core().read_model(
        build(
            "sum",
            [helper.make_node("Add", ["x", "y"], ["z"])],
            [("x", F32, shape), ("y", F32, shape)],
            [("z", F32, shape)],
        ).SerializeToString()
    )
    p = preprocess.PrePostProcessor(model)
    for name, planes in (("x", ["a", "b"]), ("y", [])):
        image = p.input(name)
        image.tensor().set_color_format(preprocess.ColorFormat.NV12_TWO_PLANES, planes)
        image.preprocess().convert_color(preprocess.ColorFormat.RGB)
        image.model().set_layout(Layout("NCHW"))
    p.build()
    assert [port.names for port in model.inputs] == [{"x/a"}, {"x/b"}, set(), set()]
    assert [node.friendly_name for node in model.parameters] == ["x/a", "x/b", "y/Y", "y/UV"]
    assert [port.shape for port in model.inputs] == [[1, 4, 4, 1], [1, 2, 2, 2]] * 2
    grey = [np.full((1, 4, 4, 1), 60, np.float32), np.full((1, 2, 2, 2), 128, np.float32)]
    result = coinfer.Core().compile_model(model, "CPU")([*grey, *grey])["z"]
    np.testing.assert_allclose(result, np.full(shape, 2 * 1.164 * 44), rtol=1e-2)
    with pytest.raises(coinfer.Error, match="other inputs or outputs"):
        p.build()


def test_symmetric_pads_need_known_lengths() -> None:
    p = processor()
    p.input().tensor().set_shape([1, 3, -1, 4])
    p.input().preprocess().pad([0, 0, 1, 0], [0, 0, 0, 0], 0, preprocess.PaddingMode.SYMMETRIC)
    with pytest.raises(coinfer.Error, match="needs as many elements"):
        p.build()


def test_floating_point_types_of_other_widths_are_computed_in() -> None:
    p = processor()
    p.input().tensor().set_element_type(Type.f64)
    p.input().preprocess().mean(0.5).scale(2.0)
    compiled = coinfer.Core().compile_model(p.build(), "CPU")
    result = compiled(np.full((1, 3, 4, 4), 1.5))[0]
    assert np.array_equal(result, np.full((1, 3, 4, 4), 0.5, np.float32))


def test_a_step_that_does_not_suit_is_told_with_those_before_it() -> None:
    p = preprocess.PrePostProcessor(coinfer.Core().read_model(MODELS["image"]))
    p.input().preprocess().convert_element_type(Type.f16).mean([1.0, 2.0])
    lines = str(p).splitlines()
    assert lines[0] == 'Input "x":'
    assert lines[-3] == (
        "      convert type (f16): ([1,3,4,4], <no layout>, f32) -> ([1,3,4,4], <no layout>, f16)"
    )
    assert lines[-2] == "      mean (1,2): ([1,3,4,4], <no layout>, f16)"
    assert lines[-1].startswith("Error: preprocessing of input 'x': mean needs to know where C is")
    assert repr(p) == f"<PrePostProcessor: {p}>"
    with pytest.raises(coinfer.Error, match="mean needs"):
        p.build()


def test_a_processor_of_which_nothing_was_said_tells_nothing() -> None:
    assert not str(preprocess.PrePostProcessor(coinfer.Core().read_model(MODELS["image"])))
