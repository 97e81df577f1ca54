"""What the tests share: the project's folder and the environment of the runtimes to compare."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from coinfer import _coinfer

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


@pytest.fixture(scope="session")
def fill_in_peers(peers_python: Path) -> Callable[..., None]:
    """Run a program in the peers' environment, which writes to a folder: `program` is what Python
    is given before it, ("-c", SOURCE) or a file.
    """

    def fill(folder: Path, *program: str, timeout: float = 240) -> None:
        done = subprocess.run(
            [peers_python, *program, folder],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    return fill


@pytest.fixture(scope="session")
def saved_by_openvino(
    fill_in_peers: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[ModuleType], Path]:
    """The folder with what a file of cases saves when it runs in the peers' environment, once."""

    @cache
    def saved(cases: ModuleType) -> Path:
        folder = tmp_path_factory.mktemp(cases.__name__)
        fill_in_peers(folder, str(cases.__file__))
        return folder

    return saved


def live_objects() -> dict[str, int]:
    gc.collect()
    return dict(_coinfer._live_objects())


def wait_until_equal(before: dict[str, int], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while True:
        # A worker lets go of a run just after its waiters were told.
        after = live_objects()
        now = {kind: after[kind] for kind in before}
        if now == before or time.monotonic() > until:
            break
        time.sleep(0.002)
    assert now == before


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each counter of live native objects is at a test's end what it was at its begin. Of tests
    that share a model, which keeps idle requests and operations, it is those of models and futures.
    """
    # A test that failed before this one is kept by its exception.
    for name in ("last_type", "last_value", "last_traceback"):
        vars(sys).pop(name, None)
    before = live_objects()
    if request.node.get_closest_marker("shares_a_model"):
        before = {kind: before[kind] for kind in ("compiled_models", "tickets")}
    yield
    request.node.funcargs.clear()  # fixtures that have ended already, and would be kept alive
    wait_until_equal(before)
