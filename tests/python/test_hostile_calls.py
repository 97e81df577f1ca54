"""No member of any class crashes, hangs or speaks of C++, whatever it is given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.python.hostile_calls import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_odd_values_raise_errors(kind: str, root: Path, tmp_path: Path) -> None:
    # Elsewhere, because a trace may be written to a file called "x".
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    program = [sys.executable, "-X", "faulthandler", "-m", "tests.python.hostile_calls", kind]
    done = subprocess.run(
        program,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )
    calls = done.stdout.splitlines()
    assert done.returncode == 0, f"after {calls[-1:]}: {done.stderr[-3000:]}"
    assert calls[-1] == "END"
    assert len(calls) > 1000
    assert [line for line in calls if line.startswith("TEXT")] == []
