"""The sample of two models in one pipeline of coroutines."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import coinfer
from tests.python import models

FEATURES = 16
HIDDEN = 8


@pytest.fixture
def networks(tmp_path: Path) -> list[Path]:
    """Two networks of which the second reads what the first gives."""
    first = models.dynamic_mlp(seed=1, features=FEATURES, classes=HIDDEN)
    second = models.dynamic_mlp(seed=2, features=HIDDEN, classes=5)
    paths = [tmp_path / "first.onnx", tmp_path / "second.onnx"]
    for path, model in zip(paths, (first, second), strict=True):
        path.write_bytes(model.SerializeToString())
    return paths


def run(root: Path, *arguments: Path) -> subprocess.CompletedProcess[str]:
    program = root / "build/release/samples/chained_models"
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120)


def test_it_gives_what_the_two_models_give_one_after_the_other(
    root: Path, tmp_path: Path, networks: list[Path]
) -> None:
    rows = np.random.default_rng(3).standard_normal((100, FEATURES)).astype(np.float32)
    floats = tmp_path / "rows.f32"
    floats.write_bytes(rows.tobytes())
    done = run(root, *networks, floats)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""

    core = coinfer.Core()
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    first, second = (core.compile_model(path, "CPU", config) for path in networks)
    lines = done.stdout.splitlines()
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        expected = second([first([row[None]])[0]])[0][0]
        index, score = line.split()
        assert int(index) == int(expected.argmax())
        assert float(score) == pytest.approx(float(expected.max()), rel=1e-4)


def test_an_empty_file_gives_nothing(root: Path, tmp_path: Path, networks: list[Path]) -> None:
    floats = tmp_path / "rows.f32"
    floats.touch()
    done = run(root, *networks, floats)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_errors_of_the_source_and_of_a_stage_end_it(
    root: Path, tmp_path: Path, networks: list[Path]
) -> None:
    floats = tmp_path / "rows.f32"
    floats.write_bytes(np.zeros(FEATURES + 3, np.float32).tobytes())
    done = run(root, *networks, floats)
    assert (done.returncode, done.stderr) == (1, "chained_models: the last row is cut short\n")

    floats.write_bytes(np.zeros((50, FEATURES), np.float32).tobytes())
    done = run(root, networks[0], networks[0], floats)
    assert done.returncode == 1
    assert "input 0 'x'" in done.stderr
    assert done.stdout == ""
