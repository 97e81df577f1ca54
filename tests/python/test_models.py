"""The models and the reference that the other tests trust."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.python import models, zoo
from tests.python.reference import assert_close, reference


def test_the_reference_gives_all_outputs_by_name_and_in_order() -> None:
    x = np.float32([[-1, 0, 1], [2, -3, 4]])
    outputs = reference(models.multi_output(), {"x": x})
    assert list(outputs) == ["plus", "positive", "total", "large"]
    assert_close(outputs["plus"], x + 1)
    assert outputs["total"] == 3
    assert outputs["large"].dtype == np.bool_


def test_the_reference_takes_and_gives_text() -> None:
    outputs = reference(models.string_identity(), {"x": np.array(["a", "übel", ""])})
    assert outputs["y"].tolist() == ["a", "übel", ""]


def test_the_reference_tells_what_the_runtime_said() -> None:
    with pytest.raises(RuntimeError, match="ONNX Runtime failed"):
        reference(models.one_add(), {"nonsense": np.float32([1])})


def test_shapes_that_follow_from_values() -> None:
    x = np.arange(-6, 6, dtype=np.float32)
    for rows in (3, 4):
        outputs = reference(models.reshape_by_value(), {"x": x, "rows": np.int64([rows])})
        assert_close(outputs["y"], np.maximum(2 * x, 0).reshape(rows, -1))
    outputs = reference(models.non_zero(), {"x": np.float32([0, 5, 0, -1])})
    assert outputs["indices"].tolist() == [[1], [3]]
    assert_close(outputs["values"], np.float32([10, -2]))


def test_a_seed_gives_one_model_and_another_seed_another() -> None:
    first = models.dynamic_mlp(1).SerializeToString()
    assert models.dynamic_mlp(1).SerializeToString() == first
    assert models.dynamic_mlp(2).SerializeToString() != first


def test_the_slow_model_keeps_its_values_alive() -> None:
    x = np.random.default_rng(0).standard_normal((64, 64), np.float32)
    y = reference(models.slow(layers=50, size=64), {"x": x})["y"]
    assert 1e-3 < np.abs(y).mean() < 1e3


@pytest.mark.parametrize("name", zoo.ZOO)
def test_a_seeded_network_answers_differently_to_different_inputs(name: str) -> None:
    path = models.seeded_zoo_path(name)
    model = onnx.load(path)
    results = []
    for seed in (0, 1):
        (result,) = reference(path, zoo.image_input(model, seed)).values()
        assert np.all(np.isfinite(result))
        results.append(result.ravel())
    first, second = results
    # Not constant over the classes, not one class only, not the same for both inputs.
    assert first.std() > 0.3 * np.abs(first).mean()
    assert np.count_nonzero(np.abs(first) > 1e-3 * np.abs(first).max()) > 10
    assert np.abs(first - second).max() > 0.1 * np.abs(first).max()


def test_a_damaged_result_is_not_close() -> None:
    expected = np.float32([1, 2, 3, 4])
    assert_close(expected + np.float32(1e-5), expected)
    for actual in (expected + 1, expected.reshape(2, 2), np.float32([1, 2, 3, np.nan])):
        with pytest.raises(AssertionError):
            assert_close(actual, expected)


def test_a_seeded_network_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo, "CACHE", tmp_path)
    path = zoo.seeded_zoo_path("squeezenet", 7)
    written = path.stat().st_mtime_ns
    assert zoo.seeded_zoo_path("squeezenet", 7).stat().st_mtime_ns == written
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
