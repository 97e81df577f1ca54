"""Networks with 8-bit weights and activations, written once."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.coordinator import ROOT

FOLDER = ROOT / ".models"
PYTHON = ROOT / ".venv-peers" / "bin" / "python"

# Part of the file's name: raise it when what quantise.py writes changes.
VERSION = 1


def quantised_path(source: Path, operators: Sequence[str]) -> Path:
    """The network at ``source``, quantised by the onnxruntime of the peers' environment."""
    path = FOLDER / f"{source.stem}-int8-v{VERSION}.onnx"
    if not path.exists():
        if not PYTHON.exists():
            raise RuntimeError(f"{PYTHON} is missing: script/bootstrap makes it")
        module = "benchmarks.networks.quantise"
        command = [str(PYTHON), "-m", module, str(source), str(path), *operators]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return path
