"""ReadValue and Assign of OpenVINO IR: what a request keeps from one inference to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import ir_state_cases
import ir_texts
import numpy as np
import pytest

import coinfer


@pytest.fixture(scope="module")
def saved(saved_by_openvino: Callable[[ModuleType], Path]) -> Path:
    return saved_by_openvino(ir_state_cases)


def same_as_openvino(compiled: coinfer.CompiledModel, expected: Path) -> None:
    request = compiled.create_infer_request()
    answers = []
    for _ in range(2):
        for x in ir_state_cases.INPUTS:
            results = request.infer([x])
            answers += [results[0], results[1], request.query_state()[0].state.data]
        request.reset_state()
    with np.load(expected) as theirs:
        assert len(answers) == len(theirs.files)
        for ours, key in zip(answers, theirs.files, strict=True):
            np.testing.assert_array_equal(ours, theirs[key])


@pytest.mark.parametrize("name", ir_state_cases.NAMES)
def test_a_model_with_a_variable_answers_as_openvino_does(name: str, saved: Path) -> None:
    same_as_openvino(coinfer.compile_model(saved / f"{name}.xml", "CPU"), saved / f"{name}.npz")


@pytest.mark.parametrize("name", ir_state_cases.NAMES)
def test_an_imported_model_with_a_variable_does_too(name: str, saved: Path) -> None:
    core = coinfer.Core()
    exported = core.compile_model(saved / f"{name}.xml", "CPU").export_model()
    same_as_openvino(core.import_model(exported, "CPU"), saved / f"{name}.npz")


@pytest.mark.parametrize("name", ir_state_cases.NAMES)
def test_a_model_with_a_variable_comes_from_the_cache(
    name: str, saved: Path, tmp_path: Path
) -> None:
    core = coinfer.Core()
    core.set_property({"CACHE_DIR": str(tmp_path)})
    for cached in (False, True):
        compiled = core.compile_model(saved / f"{name}.xml", "CPU")
        assert compiled.get_property("LOADED_FROM_CACHE") == cached
        same_as_openvino(compiled, saved / f"{name}.npz")


def test_awaited_runs_of_one_request_share_its_state() -> None:
    async def main() -> list[float]:
        request = coinfer.compile_model(ir_texts.counter().encode()).create_infer_request()
        return [
            float((await request.infer_async(np.array([1, 2], np.float32)))["sum"][1])
            for _ in range(3)
        ]

    assert asyncio.run(main()) == [2, 4, 6]


def test_a_cancelled_run_leaves_the_state_as_it_was() -> None:
    request = coinfer.compile_model(ir_texts.counter().encode()).create_infer_request()
    request.infer(np.array([1, 2], np.float32))
    request.start_async(np.array([1, 2], np.float32))
    request.cancel()
    try:
        request.wait()
        expected = [2, 4]
    except coinfer.Cancelled:
        expected = [1, 2]
    np.testing.assert_array_equal(request.query_state()[0].state.data, expected)


def test_a_clone_and_a_reshaped_model_keep_variables_and_sinks() -> None:
    model = coinfer.Core().read_model(ir_texts.counter().encode())
    model.reshape([2])
    for one in (model, model.clone()):
        assert [v.info.variable_id for v in one.get_variables()] == ["total"]
        assert [sink.get_friendly_name() for sink in one.get_sinks()] == ["write"]
        assert "write" in [node.get_friendly_name() for node in one.get_ops()]
    assert model.get_variable_by_id("other") is None


def test_a_variable_gets_another_shape_along_with_the_inputs() -> None:
    model = coinfer.Core().read_model(ir_texts.counter().encode())
    with pytest.raises(coinfer.Error, match="'sum'"):
        model.reshape([3])
    model.reshape([3], {"total": [3]})
    assert model.get_variables()[0].info.data_shape == coinfer.PartialShape([3])
    compiled = coinfer.compile_model(model, "CPU")
    again = coinfer.Core().import_model(compiled.export_model(), "CPU")
    for one in (compiled, again):
        request = one.create_infer_request()
        for factor in (1, 2):
            results = request.infer(np.float32([1, 2, 3]))
            np.testing.assert_array_equal(results["sum"], np.float32([1, 2, 3]) * factor)
        assert request.query_state()[0].state.shape == [3]


def test_a_variable_with_bounds_takes_states_of_each_length() -> None:
    model = coinfer.Core().read_model(ir_texts.counter().encode())
    model.reshape(["1..4"], {"total": ["1..4"]})
    request = coinfer.compile_model(model, "CPU").create_infer_request()
    for length in (4, 1, 3):
        request.query_state()[0].state = coinfer.Tensor(np.full(length, 7, np.float32))
        np.testing.assert_array_equal(
            request.infer(np.ones(length, np.float32))["sum"], [8] * length
        )
    with pytest.raises(coinfer.Error, match="'total'"):
        request.query_state()[0].state = coinfer.Tensor(np.ones(5, np.float32))


def test_a_variable_that_does_not_fit_its_initial_value_is_refused(saved: Path) -> None:
    model = coinfer.Core().read_model(saved / "computed.xml")
    with pytest.raises(coinfer.Error, match=r"'total' cannot have .*\[1\]: its initial .* \[3\]"):
        model.reshape([3], {"total": [1]})
    assert model.get_variables()[0].info.data_shape == coinfer.PartialShape([2])
    assert model.input(0).partial_shape == coinfer.PartialShape([2])


@pytest.mark.parametrize(
    ("what", "by", "text"),
    [
        (' variable_id="total"/>', "/>", "'write' (Assign, opset6): it has no variable_id"),
        (
            '"opset6"><data variable_id="total"/>',
            '"opset6"><data variable_id="other"/>',
            "'write' (Assign, opset6): no ReadValue declares its variable 'other'",
        ),
        ('variable_type="f32"', 'variable_type="i32"', "'sum' (Add, opset1)"),
        ('variable_type="f32"', 'variable_type="q7"', "'read' (ReadValue, opset6)"),
        ('variable_shape="2"', 'variable_shape="a"', "'read' (ReadValue, opset6): variable_shape"),
        ('variable_shape="2"', 'variable_shape="-7"', "'read' (ReadValue, opset6): variable_shape"),
    ],
)
def test_a_damaged_variable_is_refused_with_the_layer_named(what: str, by: str, text: str) -> None:
    xml = ir_texts.counter()
    assert what in xml
    with pytest.raises(coinfer.Error) as caught:
        coinfer.Core().read_model(xml.replace(what, by, 1).encode())
    assert text in str(caught.value)
