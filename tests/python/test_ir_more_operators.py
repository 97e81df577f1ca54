"""More operators of OpenVINO IR, by theme, against the oracle's answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import ir_more_cases
import numpy as np
import pytest
import reference

import coinfer


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ir")
    done = subprocess.run(
        [reference.PEERS, ir_more_cases.__file__, folder],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


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
