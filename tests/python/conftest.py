"""What the tests share: the project's folder and the environment of the runtimes to compare."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def peers_python() -> Path:
    """The Python that has openvino, onnxruntime and magika."""
    python = ROOT / ".venv-peers" / "bin" / "python"
    assert python.exists(), "the peers' environment is missing: run script/bootstrap --peers"
    return python


@pytest.fixture(scope="session")
def run_in_peers(peers_python: Path) -> Callable[..., Any]:
    """Run source text in the peers' environment: JSON in as `given`, out through `answer(x)`."""

    def run(source: str, given: Any = None, timeout: float = 300) -> Any:
        prelude = (
            "import json, sys\n"
            "given = json.load(sys.stdin)\n"
            "def answer(value): print('\\x1e' + json.dumps(value))\n"
        )
        done = subprocess.run(
            [peers_python, "-c", prelude + source],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=timeout,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.rpartition("\x1e")[2])

    return run
