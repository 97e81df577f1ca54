"""The benchmarks run, compare like with like, and say what they ran with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks.backends import random_inputs
from benchmarks.coordinator import Series, deviations


def test_ratios_are_taken_within_a_round() -> None:
    # A machine that slows down tenfold in the last round changes no ratio.
    series = Series([{"a": 2.0, "b": 1.0}, {"a": 2.2, "b": 1.1}, {"a": 20.0, "b": 10.0}])
    assert series.ratio("a", "b") == 2.0
    assert series.median("b") == 1.1
    assert series.median("c") is None


def test_deviation_is_relative_to_the_larger_of_value_and_rms() -> None:
    found = deviations({"mine": [[1.0, 0.01]], "theirs": [[1.0, 0.0]]})
    assert found["theirs"] == 0.0
    assert found["mine"] == pytest.approx(0.01 * 2**0.5)


def test_input_sets_differ_and_can_be_repeated() -> None:
    spec = {
        "x": {"shape": [1, 4], "dtype": "float32"},
        "ids": {"shape": [1, 4], "dtype": "int64", "low": 5, "high": 9},
    }
    first, again, second = (random_inputs(spec, seed) for seed in (0, 0, 1))
    assert (first["x"] == again["x"]).all()
    assert (first["x"] != second["x"]).any()
    assert first["ids"].dtype == "int64"
    assert ((first["ids"] >= 5) & (first["ids"] < 9)).all()


def test_overhead_is_measured_beside_both_peers(tmp_path: Path, peers_python: Path) -> None:
    output = tmp_path / "report"
    options = ["overhead", "--rounds", "1", "--seconds", "0.02", "--output", str(output)]
    assert bench.main(options) == 0
    record = json.loads(output.with_suffix(".json").read_text())
    blocking, many = record["cases"]
    assert set(blocking["seconds"]["call"][0]) == {"coinfer", "openvino", "onnxruntime"}
    assert set(many["seconds"]["queue:callback"][0]) == {"coinfer", "openvino"}
    assert max(blocking["deviation"].values()) < 1e-6
    assert blocking["loaded"]["coinfer"]["settings"]["INFERENCE_PRECISION_HINT"] == "f32"
    assert "| await:64 |" in output.with_suffix(".md").read_text()


def test_an_unknown_case_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["nosuch"])
    assert "no such case: nosuch" in capsys.readouterr().err
