"""The weights of an OpenVINO IR lie in the mapped .bin, unless ENABLE_MMAP is off."""

from __future__ import annotations

import gc
import re
from pathlib import Path

import numpy as np
import pytest
from ir_texts import Layer, network, parameter, result

import coinfer

COUNT = 16 << 20


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """``y = x + w`` with 64 MB of weights, behind the first bytes of the file."""
    constant = {"element_type": "f32", "shape": COUNT, "offset": 64, "size": 4 * COUNT}
    layers = [
        parameter("x", [1]),
        Layer("w", "Const", shape=[COUNT], data=dict(constant)),
        Layer("y", "Add", [(0, 0), (1, 0)], [COUNT]),
        result("res", (2, 0), [COUNT]),
    ]
    (tmp_path / "m.xml").write_text(network(layers))
    with (tmp_path / "m.bin").open("wb") as file:
        file.write(b"\xff" * 64)
        np.arange(COUNT, dtype=np.float32).tofile(file)
    return tmp_path / "m.xml"


def mappings_of(path: Path) -> list[str]:
    """What of the file is mapped, with which rights."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return [line.split()[1] for line in lines if line.endswith(f" {path}")]


def anonymous_kilobytes() -> int:
    """Memory of this process that no file stands behind."""
    gc.collect()
    text = Path("/proc/self/smaps_rollup").read_text()
    found = re.search(r"^Anonymous: +(\d+) kB$", text, re.MULTILINE)
    assert found
    return int(found[1])


def check(model: coinfer.Model) -> None:
    y = coinfer.compile_model(model, "CPU")(np.float32([2]))["y"]
    assert y.shape == (COUNT,)
    np.testing.assert_array_equal(y[[0, 1, 1000, -1]], np.float32([2, 3, 1002, COUNT + 1]))


def test_weights_lie_in_the_mapped_file(files: Path) -> None:
    weights = files.with_suffix(".bin")
    before = anonymous_kilobytes()
    model = coinfer.Core().read_model(files)
    (rights,) = mappings_of(weights)
    assert rights.endswith("p")  # what is written there never reaches the file
    assert anonymous_kilobytes() - before < 8 << 10
    check(model)
    weights.unlink()
    check(model)
    del model
    gc.collect()
    assert mappings_of(Path(f"{weights} (deleted)")) == []


def test_weights_are_read_into_memory_when_mapping_is_off(files: Path) -> None:
    core = coinfer.Core()
    core.set_property({"ENABLE_MMAP": False})
    before = anonymous_kilobytes()
    model = core.read_model(files)
    assert mappings_of(files.with_suffix(".bin")) == []
    assert anonymous_kilobytes() - before > 60 << 10
    check(model)
