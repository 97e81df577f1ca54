"""Models computed in bf16 against ONNX Runtime in f32, and what says that they are.

A number of bf16 has 8 significant bits, so a result rounded once is off by up to 2^-9 of itself.
Through a deep network with random weights such errors add up: results may be off by `TOLERANCE` of
the greatest of them. The most probable class has to be the same, or one that is as probable within
that tolerance. (OpenVINO's bf16 is off by as much, network by network.)
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import coinfer
from tests.python.reference import reference
from tests.python.zoo import ZOO, image_input, seeded_zoo_path

BF16 = {"INFERENCE_PRECISION_HINT": "bf16"}
TOLERANCE = 0.05
#: Many layers without a normalisation between them.
TOLERANCES = {"vgg19": 0.2}

HAS_BF16 = "BF16" in coinfer.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")

IN_CHILD = """
import sys, coinfer
compiled = coinfer.Core().compile_model(sys.argv[1], "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
print(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
print("BF16" in coinfer.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
"""


@pytest.mark.parametrize("name", ZOO)
def test_a_network_in_bf16_agrees_within_its_rounding(name: str) -> None:
    path = seeded_zoo_path(name)
    inputs = image_input(onnx.load(path))
    compiled = coinfer.Core().compile_model(path, "CPU", BF16)
    results = compiled(inputs)
    tolerance = TOLERANCES.get(name, TOLERANCE)
    exact = True
    for key, expected in reference(path, inputs).items():
        assert results[key].dtype == expected.dtype
        greatest = np.abs(expected).max()
        assert np.abs(results[key] - expected).max() <= tolerance * greatest
        assert expected.flat[results[key].argmax()] >= (1 - tolerance) * expected.max()
        exact = exact and np.allclose(results[key], expected, rtol=1e-5, atol=1e-9)
    assert exact != HAS_BF16, "it was not computed in what was asked for"


def test_the_property_tells_what_computes() -> None:
    core = coinfer.Core()
    path = seeded_zoo_path("squeezenet")
    name = "INFERENCE_PRECISION_HINT"
    wanted = coinfer.Type.bf16 if HAS_BF16 else coinfer.Type.f32
    assert core.compile_model(path, "CPU", BF16).get_property(name) == wanted
    for config in (
        {name: "f32"},
        {name: coinfer.Type.f16},
        {"EXECUTION_MODE_HINT": "ACCURACY"},
    ):
        assert core.compile_model(path, "CPU", config).get_property(name) == coinfer.Type.f32


def test_an_explicit_precision_goes_before_the_execution_mode() -> None:
    config = {**BF16, "EXECUTION_MODE_HINT": "ACCURACY"}
    compiled = coinfer.Core().compile_model(seeded_zoo_path("squeezenet"), "CPU", config)
    wanted = coinfer.Type.bf16 if HAS_BF16 else coinfer.Type.f32
    assert compiled.get_property("INFERENCE_PRECISION_HINT") == wanted


def test_a_processor_without_bf16_falls_back_to_f32() -> None:
    run = subprocess.run(
        [sys.executable, "-c", IN_CHILD, seeded_zoo_path("squeezenet")],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (run.returncode, run.stdout.split()) == (0, ["f32", "False"]), run.stderr


def test_a_machine_without_bf16_computes_the_same_in_both() -> None:
    code = """
import sys
import numpy as np, coinfer
rows = []
for precision in ("bf16", "f32"):
    compiled = coinfer.Core().compile_model(
        sys.argv[1], "CPU", {"INFERENCE_PRECISION_HINT": precision}
    )
    shape = list(compiled.input(0).shape)
    x = np.random.default_rng(0).random(shape, np.float32)
    rows.append(compiled([x])[0].copy())
np.testing.assert_array_equal(rows[0], rows[1])
"""
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    arguments = [sys.executable, "-c", code, str(seeded_zoo_path("squeezenet"))]
    run = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


def test_a_cached_model_computes_as_a_fresh_one(tmp_path: Path) -> None:
    path = seeded_zoo_path("squeezenet")
    inputs = image_input(onnx.load(path))
    # What was cached by a model in one precision serves the other.
    for config in (BF16, {"INFERENCE_PRECISION_HINT": "f32"}):
        fresh = coinfer.Core().compile_model(path, "CPU", config)(inputs)[0].copy()
        core = coinfer.Core()
        core.set_property({"CACHE_DIR": tmp_path})
        core.compile_model(path, "CPU", config)
        cached = core.compile_model(path, "CPU", config)
        assert cached.get_property("LOADED_FROM_CACHE") is True
        np.testing.assert_array_equal(cached(inputs)[0], fresh)


def test_an_exported_model_is_imported_in_either_precision() -> None:
    core = coinfer.Core()
    path = seeded_zoo_path("squeezenet")
    inputs = image_input(onnx.load(path))
    compiled = core.compile_model(path, "CPU", BF16)
    exported = compiled.export_model().getvalue()
    low = core.import_model(io.BytesIO(exported), "CPU", BF16)
    np.testing.assert_array_equal(low(inputs)[0], compiled(inputs)[0])
    exact = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    again = core.import_model(io.BytesIO(exported), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_array_equal(again(inputs)[0], exact(inputs)[0])


def test_the_default_is_bf16_where_the_processor_multiplies_it() -> None:
    core = coinfer.Core()
    name = "INFERENCE_PRECISION_HINT"
    flags = Path("/proc/cpuinfo").read_text()
    has_bf16 = "avx512_bf16" in flags and "ONEDNN_MAX_CPU_ISA" not in os.environ
    wanted = coinfer.Type.bf16 if has_bf16 else coinfer.Type.f32
    assert core.get_property("CPU", name) == wanted
    path = seeded_zoo_path("squeezenet")
    compiled = core.compile_model(path, "CPU")
    assert compiled.get_property(name) == wanted
    inputs = image_input(onnx.load(path))
    asked = core.compile_model(path, "CPU", {name: wanted})
    np.testing.assert_array_equal(compiled(inputs)[0], asked(inputs)[0])
    core.set_property("CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
    assert core.get_property("CPU", name) == coinfer.Type.f32
    assert core.compile_model(path, "CPU").get_property(name) == coinfer.Type.f32
