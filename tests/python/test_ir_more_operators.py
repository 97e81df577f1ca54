"""More operators of OpenVINO IR, by theme, against the oracle's answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import ir_more_cases
import numpy as np
import pytest

import coinfer


@pytest.fixture(scope="module")
def saved(saved_by_openvino: Callable[[ModuleType], Path]) -> Path:
    return saved_by_openvino(ir_more_cases)


@pytest.mark.parametrize("name", ir_more_cases.CASES)
def test_an_operator_computes_what_openvino_does(name: str, saved: Path) -> None:
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = coinfer.compile_model(saved / f"{name}.xml", "CPU", exact)
    results = compiled(ir_more_cases.CASES[name][1])
    with np.load(saved / f"{name}.npz") as expected:
        assert len(results) == len(expected.files)
        for index, key in enumerate(expected.files):
            assert results[index].dtype == expected[key].dtype
            assert results[index].shape == expected[key].shape
            close = 2e-3 if expected[key].dtype == np.float16 else 2e-5
            np.testing.assert_allclose(results[index], expected[key], rtol=close, atol=close)
