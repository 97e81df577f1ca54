"""Export and CACHE_DIR of models that came from OpenVINO IR."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from ir_texts import Layer, counter, network, parameter, result

import coinfer


def scaled() -> str:
    """``y = x * w`` with four weights in the .bin; x and y have two names each."""
    constant = {"element_type": "f32", "shape": "4", "offset": 0, "size": 16}
    xml = network(
        [
            parameter("x", [4]),
            Layer("w", "Const", shape=[4], data=dict(constant)),
            Layer("y", "Multiply", [(0, 0), (1, 0)], [4]),
            result("res", (2, 0), [4]),
        ]
    )
    return xml.replace('names="x"', 'names="x,an\\,x"').replace('names="y"', 'names="y,z"')


ONES = np.ones(4, np.float32)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "m.xml").write_text(scaled())
    (tmp_path / "m.bin").write_bytes(np.array([1, 2, 3, 4], np.float32).tobytes())
    return tmp_path / "m.xml"


def names(compiled: coinfer.CompiledModel) -> list[set[str]]:
    return [port.names for port in compiled.inputs + compiled.outputs]


def test_an_exported_model_keeps_all_names_and_needs_no_file(files: Path) -> None:
    core = coinfer.Core()
    exported = core.compile_model(files, "CPU").export_model()
    files.unlink()
    files.with_suffix(".bin").unlink()
    again = core.import_model(exported, "CPU")
    assert names(again) == [{"x", "an,x"}, {"y", "z"}]
    np.testing.assert_array_equal(again({"an,x": ONES})["z"], [1, 2, 3, 4])


def test_a_changed_file_is_noticed_by_the_cache(files: Path) -> None:
    core = coinfer.Core()
    core.set_property({"CACHE_DIR": str(files.parent / "cache")})

    def compiled() -> tuple[bool, list[float]]:
        model = core.compile_model(files, "CPU")
        assert names(model) == [{"x", "an,x"}, {"y", "z"}]
        return model.get_property("LOADED_FROM_CACHE"), model(ONES)[0].tolist()

    assert compiled() == (False, [1, 2, 3, 4])
    assert compiled() == (True, [1, 2, 3, 4])
    weights = files.with_suffix(".bin")
    weights.write_bytes(np.array([5, 6, 7, 8], np.float32).tobytes())
    os.utime(weights, ns=(1, 1))  # clocks of file systems may be coarse
    assert compiled() == (False, [5, 6, 7, 8])
    assert compiled() == (True, [5, 6, 7, 8])
    files.write_text(scaled().replace('type="Multiply"', 'type="Subtract"'))
    os.utime(files, ns=(1, 1))
    assert compiled() == (False, [-4, -5, -6, -7])


def test_an_exported_model_keeps_its_variables() -> None:
    core = coinfer.Core()
    compiled = core.compile_model(counter().encode(), "CPU")
    for model in (compiled, core.import_model(compiled.export_model(), "CPU")):
        request = model.create_infer_request()
        request.infer(np.array([1, 2], np.float32))
        request.infer(np.array([1, 2], np.float32))
        (total,) = request.query_state()
        assert total.name == "total"
        np.testing.assert_array_equal(total.state.data, [2, 4])
