"""Control flow and recurrent operators of OpenVINO IR, compared with what the oracle answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import ir_control_flow_cases
import ir_rare_cases
import ir_recurrent_cases
import numpy as np
import pytest

import coinfer

MODULES: dict[str, ModuleType] = {
    "control_flow": ir_control_flow_cases,
    "recurrent": ir_recurrent_cases,
    "rare": ir_rare_cases,
}
Saved = dict[str, Path]


@pytest.fixture(scope="module")
def saved(saved_by_openvino: Callable[[ModuleType], Path]) -> Saved:
    return {theme: saved_by_openvino(module) for theme, module in MODULES.items()}


def test_erf_inv_is_exact_near_one_where_openvino_is_not(saved: Saved) -> None:
    values = np.float32([-0.999, 0.99, 0.99999, -0.9999999, 1e-30, 0.7, 0.25])
    compiled = coinfer.compile_model(saved["rare"] / "erf_inv.xml", "CPU")
    results = compiled(values)[0]
    for x, y in zip(results.tolist(), values.tolist(), strict=True):
        assert math.isclose(math.erf(x), y, rel_tol=1e-6)


def check(compiled: coinfer.CompiledModel, theme: str, name: str, saved: Saved) -> None:
    results = compiled(MODULES[theme].CASES[name][1])
    with np.load(saved[theme] / f"{name}.npz") as expected:
        assert len(results) == len(expected.files)
        for index, key in enumerate(expected.files):
            assert results[index].dtype == expected[key].dtype
            assert results[index].shape == expected[key].shape
            close = 2e-3 if expected[key].dtype == np.float16 else 2e-5
            np.testing.assert_allclose(results[index], expected[key], rtol=close, atol=close)


NAMES = [(theme, name) for theme, module in MODULES.items() for name in module.CASES]


@pytest.mark.parametrize(("theme", "name"), NAMES)
def test_an_operator_computes_what_openvino_does(theme: str, name: str, saved: Saved) -> None:
    compiled = coinfer.compile_model(saved[theme] / f"{name}.xml", "CPU")
    for _ in range(2):  # the second time from memory that the first one used
        check(compiled, theme, name, saved)


@pytest.mark.parametrize(("theme", "name"), NAMES)
def test_an_imported_operator_does_too(theme: str, name: str, saved: Saved) -> None:
    core = coinfer.Core()
    exported = core.compile_model(saved[theme] / f"{name}.xml", "CPU").export_model()
    check(core.import_model(exported, "CPU"), theme, name, saved)


@pytest.mark.parametrize(("theme", "name"), NAMES)
def test_an_operator_does_with_open_shapes(theme: str, name: str, saved: Saved) -> None:
    model = coinfer.Core().read_model(saved[theme] / f"{name}.xml")
    model.reshape({i: [-1] * len(port.shape) for i, port in enumerate(model.inputs)})
    assert model.is_dynamic() or all(not port.shape for port in model.inputs)
    check(coinfer.compile_model(model, "CPU"), theme, name, saved)
