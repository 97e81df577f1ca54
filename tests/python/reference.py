"""What ONNX Runtime makes of a model: the reference of the tests.

It runs in a process of its own, in the peers' environment (its libraries clash with ours), and what
it answered is kept on disk by the content of model and inputs.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".venv-peers" / "bin" / "python"
CACHE = ROOT / ".models" / "reference"

Arrays = dict[str, npt.NDArray[Any]]
Model = onnx.ModelProto | bytes | Path | str

# Raise it when the way results are made changes.
VERSION = b"1"

CHILD = r"""
import sys

import numpy as np
import onnxruntime

model, inputs, outputs = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
with np.load(inputs) as given:
    feed = {key.removeprefix("in:"): given[key] for key in given.files}
# npz has no text of variable length: fixed-width text is what ONNX Runtime takes as objects.
feed = {k: v.astype(object) if v.dtype.kind in "US" else v for k, v in feed.items()}
names = [port.name for port in session.get_outputs()]
results = dict(zip(names, session.run(names, feed), strict=True))
results = {k: v.astype(str) if v.dtype == object else v for k, v in results.items()}
np.savez(outputs, **{f"out:{key}": value for key, value in results.items()})
"""


def reference(model: Model, inputs: Mapping[str, npt.ArrayLike], timeout: float = 300) -> Arrays:
    """The outputs of ``model`` by name, in its order, as ONNX Runtime computes them.

    Raises RuntimeError with ONNX Runtime's text when it refuses the model or the inputs.
    """
    arrays = {key: np.asarray(value) for key, value in inputs.items()}
    path = CACHE / f"{_digest(model, arrays)}.npz"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            made = _run(model, arrays, Path(folder), timeout)
            made.rename(path)
    with np.load(path) as stored:
        return {key.removeprefix("out:"): stored[key] for key in stored.files}


def _run(model: Model, arrays: Arrays, folder: Path, timeout: float) -> Path:
    if isinstance(model, Path | str):
        source = Path(model)
    else:
        source = folder / "model.onnx"
        source.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    text = {k: v.astype(str) if v.dtype == object else v for k, v in arrays.items()}
    given, made = folder / "inputs.npz", folder / "outputs.npz"
    np.savez(given, **{f"in:{key}": value for key, value in text.items()})
    command = [PEERS, "-c", CHILD, source, given, made]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"ONNX Runtime failed on {source.name}:\n{done.stderr[-2000:]}")
    return made


def _digest(model: Model, arrays: Arrays) -> str:
    digest = hashlib.sha256(VERSION)
    if isinstance(model, Path | str):
        with Path(model).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    else:
        data = model if isinstance(model, bytes) else model.SerializeToString(deterministic=True)
        digest.update(hashlib.sha256(data).digest())
    for key in sorted(arrays):
        array = arrays[key]
        digest.update(f"{key}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(repr(array.tolist()).encode() if array.dtype == object else array.tobytes())
    return digest.hexdigest()


def assert_close(
    actual: npt.ArrayLike, expected: npt.ArrayLike, tolerance: float = 1e-4, name: str = "output"
) -> None:
    """``|a - b| <= tolerance * max(|b|, rms(b))`` everywhere, equal types and shapes; other types
    than floats are equal.
    """
    a, b = np.asarray(actual), np.asarray(expected)
    assert a.shape == b.shape, f"{name}: shape {a.shape}, expected {b.shape}"
    if b.dtype.kind != "f":
        assert np.array_equal(a, b), f"{name}: {a!r}, expected {b!r}"
        return
    assert a.dtype == b.dtype, f"{name}: {a.dtype}, expected {b.dtype}"
    if b.size == 0:
        return
    assert np.array_equal(np.isfinite(a), np.isfinite(b)), f"{name}: not finite at other places"
    a, b = a.astype(np.float64)[np.isfinite(b)], b.astype(np.float64)[np.isfinite(b)]
    rms = float(np.sqrt(np.mean(b * b))) if b.size else 0.0
    limit = tolerance * np.maximum(np.abs(b), rms)
    worst = int(np.argmax(np.abs(a - b) - limit)) if b.size else 0
    assert np.all(np.abs(a - b) <= limit), (
        f"{name}: {a.flat[worst]} at {worst}, expected {b.flat[worst]} "
        f"(rms {rms:.3g}, {int(np.sum(np.abs(a - b) > limit))} of {b.size} differ)"
    )
