"""OpenVINO IR: networks that the oracle converts from ONNX run here with its results."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import reference
import zoo

import coinfer
from samples import minilm_onnx
from samples.magika import network as magika

Run = dict[str, npt.NDArray[np.generic]]

#: Loading OpenVINO takes longer than most of the networks: one process converts all.
CONVERT = """
import json
import sys
import numpy as np
import openvino

folder = sys.argv[1]
core = openvino.Core()
for name, source, runs in json.load(open(f"{folder}/jobs.json")):
    openvino.save_model(openvino.convert_model(source), f"{folder}/{name}.xml")
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(f"{folder}/{name}.xml", "CPU", config)
    for run in range(runs):
        with np.load(f"{folder}/{name}.{run}.npz") as given:
            results = compiled({key: given[key] for key in given.files})
        made = {next(iter(port.names)): results[port] for port in compiled.outputs}
        np.savez(f"{folder}/{name}.{run}.made.npz", **made)
"""


def sentences(count: int, length: int) -> Run:
    """Tokens of sentences, of which all but the first are shorter."""
    random = np.random.default_rng(count)
    used = np.arange(length) < np.linspace(length, 3, count).astype(int)[:, None]
    return {
        "input_ids": np.where(used, random.integers(1000, 20000, (count, length)), 0),
        "attention_mask": used.astype(np.int64),
        "token_type_ids": np.zeros((count, length), np.int64),
    }


def ends_of_files(count: int) -> Run:
    """Bytes, and 256 where a file has none."""
    random = np.random.default_rng(count)
    ends = random.integers(0, 257, (count, 2048)).astype(np.int32)
    ends[:, 1500:] = 256
    return {"bytes": ends}


def sources() -> dict[str, tuple[Path, list[Run]]]:
    """The networks as ONNX files, and what each is given."""
    networks = {}
    for name in zoo.ZOO:
        path = zoo.seeded_zoo_path(name)
        (port,) = coinfer.Core().read_model(path).inputs
        networks[name] = (path, [{port.any_name: zoo.image(port.shape, 3)}])
    networks["minilm"] = (minilm_onnx.model_path(), [sentences(1, 9), sentences(4, 16)])
    networks["magika"] = (magika.load().path, [ends_of_files(1), ends_of_files(3)])
    return networks


NETWORKS = (*zoo.ZOO, "minilm", "magika")


@pytest.fixture(scope="module")
def converted(fill_in_peers: Callable[..., None]) -> Iterator[Path]:
    """A folder with the networks; half a gigabyte, which pytest would keep."""
    with tempfile.TemporaryDirectory(dir=zoo.CACHE) as name:
        folder = Path(name)
        jobs = []
        for network, (path, runs) in sources().items():
            jobs.append((network, str(path), len(runs)))
            for i, run in enumerate(runs):
                np.savez(folder / f"{network}.{i}.npz", **run)
        (folder / "jobs.json").write_text(json.dumps(jobs))
        fill_in_peers(folder, "-c", CONVERT, timeout=400)
        yield folder


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_openvino_converted_runs(name: str, converted: Path) -> None:
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = coinfer.compile_model(converted / f"{name}.xml", "CPU", config)
    runs = sorted(converted.glob(f"{name}.?.npz"))
    assert runs
    for run in runs:
        with np.load(run) as given, np.load(run.with_suffix(".made.npz")) as made:
            results = compiled({key: given[key] for key in given.files})
            assert len(results) == len(made.files)
            for key in made.files:
                assert np.std(made[key]) > 0
                reference.assert_close(results[key], made[key], name=f"{key} of {run.name}")
