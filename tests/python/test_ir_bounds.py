"""Bounds of shapes go through the arithmetic of shapes, as they do in OpenVINO."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import ir_bounds_cases
import numpy as np
import pytest

import coinfer


@pytest.fixture(scope="module")
def saved(saved_by_openvino: Callable[[ModuleType], Path]) -> Path:
    return saved_by_openvino(ir_bounds_cases)


@pytest.mark.parametrize("name", ir_bounds_cases.CASES)
def test_results_have_the_bounds_that_openvino_gives(name: str, saved: Path) -> None:
    expected = json.loads((saved / "shapes.json").read_text())[name]
    model = coinfer.Core().read_model(saved / f"{name}.xml")
    shapes = [str(model.outputs[0].partial_shape)]
    for shape in ir_bounds_cases.RESHAPES:
        model.reshape(coinfer.PartialShape(shape))
        shapes.append(str(model.outputs[0].partial_shape))
    assert shapes == expected


@pytest.mark.parametrize("name", ir_bounds_cases.CASES)
def test_results_keep_their_bounds(name: str, saved: Path) -> None:
    compiled = coinfer.compile_model(saved / f"{name}.xml", "CPU")
    bounds = compiled.outputs[0].partial_shape
    for shape in ((1, 1, 12), (1, 128, 12), (8, 4, 12), (3, 1, 12)):
        result = compiled(np.ones(shape, np.float32))[0]
        assert bounds.compatible(coinfer.PartialShape(list(result.shape)))
