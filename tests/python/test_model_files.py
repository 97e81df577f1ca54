"""Bad model files: a clear error that names the file and what is wrong, and life goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

import coinfer
from tests.python import models


def message(path: Path, error: type[coinfer.Error] = coinfer.ModelFileError) -> str:
    """What reading the file says; and the same Core reads a good model afterwards."""
    core = coinfer.Core()
    with pytest.raises(error) as caught:
        core.compile_model(path, "CPU")
    result = core.compile_model(models.one_add().SerializeToString(), "CPU")(np.ones((1, 16), "f"))
    assert result[0][0, 0] == 2
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert "does not exist" in message(tmp_path / "missing.onnx")
    assert "is a directory" in message(tmp_path)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "it is empty"),
        (json.dumps({"a": [1, 2]}).encode(), "looks like a JSON file"),
        (b"<?xml version='1.0'?><net name='m' version='11'>", "its xml is damaged"),
        (b"PK\x03\x04rest", "looks like a zip archive"),
        (bytes(range(256)), "is truncated or damaged"),
    ],
)
def test_what_is_no_onnx_file_is_called_what_it_is(
    tmp_path: Path, content: bytes, text: str
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert text in message(path)


def test_no_truncation_is_taken_for_a_model(tmp_path: Path) -> None:
    whole = models.dynamic_mlp().SerializeToString()
    path = tmp_path / "model.onnx"
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(coinfer.ModelFileError):
            coinfer.Core().read_model(path)


def test_an_unknown_operator_is_named_with_its_domain_and_node(tmp_path: Path) -> None:
    model = models.one_add()
    model.graph.node[0].op_type = "Frobnicate"
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    text = message(path, coinfer.Unsupported)
    assert "'Frobnicate' (domain 'ai.onnx', opset 17) of the node 'add'" in text


def test_text_that_is_no_utf8_does_not_break_the_error(tmp_path: Path) -> None:
    whole = models.one_add().SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(
        whole.replace(b"\x0a\x03add", b"\x0a\x03\xff\xfe\xfd").replace(b"Add", b"\xff\xfe?")
    )
    with pytest.raises(coinfer.Error):
        coinfer.Core().read_model(path)


def test_external_data_stay_in_the_folder_of_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    path = folder / "model.onnx"
    onnx.save(
        models.dynamic_mlp(),
        path,
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    x = np.ones((2, 16), np.float32)
    inside = coinfer.Core().compile_model(path, "CPU")(x)[0]
    assert np.all(inside == coinfer.Core().compile_model(_bytes(models.dynamic_mlp()), "CPU")(x)[0])
    (folder / "weights.bin").rename(tmp_path / "weights.bin")
    assert "weights.bin" in message(path)
    (folder / "weights.bin").symlink_to(tmp_path / "weights.bin")
    assert "leads out of the model's folder" in message(path)


def test_a_file_may_be_replaced_and_deleted_after_it_was_read(tmp_path: Path) -> None:
    path, other = tmp_path / "model.onnx", tmp_path / "other.onnx"
    path.write_bytes(_bytes(models.slow(layers=1, size=1200)))  # large enough to be mapped
    x = np.ones((1200, 1200), np.float32)
    model = coinfer.Core().read_model(path)
    compiled = coinfer.Core().compile_model(model, "CPU")
    before = compiled(x)[0].copy()
    other.write_bytes(b"something else")
    other.rename(path)
    path.unlink()
    assert np.array_equal(compiled(x)[0], before)
    assert np.array_equal(coinfer.Core().compile_model(model, "CPU")(x)[0], before)


def _bytes(model: onnx.ModelProto) -> bytes:
    return bytes(model.SerializeToString())
