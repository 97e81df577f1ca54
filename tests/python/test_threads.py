"""Native threads keep out of the way of Python's: signals blocked, a lower scheduling priority."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = """
import json, os, signal, time
import numpy as np
import coinfer
from tests.python import models

compiled = coinfer.Core().compile_model(
    models.slow(100, 384), "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 2}
)
request = compiled.create_infer_request()
data = [np.zeros(compiled.input(0).shape, np.float32)]
wanted = [signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGUSR1]
mine = os.getpid()

def threads():
    found = {}
    for task in os.listdir("/proc/self/task"):
        base = f"/proc/self/task/{task}/"
        name = open(base + "comm").read().strip()
        nice = int(open(base + "stat").read().rpartition(")")[2].split()[16])
        fields = dict(line.split(":\\t", 1) for line in open(base + "status"))
        mask = int(fields["SigBlk"], 16)
        blocked = all(mask >> (number - 1) & 1 for number in wanted)
        found[int(task)] = [name, nice, blocked]
    return found

# Until a TBB thread has joined both a run on this thread and one on a stream's.
until = time.monotonic() + 30
while time.monotonic() < until:
    request.infer(data)
    request.start_async(data)
    request.wait()
    now = threads()
    others = [t for i, t in now.items() if i != mine]
    foreign = [t for t in others if t[0] != "coinfer-stream"]
    settled = all(t[1] == max(5, os.nice(0)) and t[2] for t in others)
    if foreign and len(others) > len(foreign) and settled:
        break
print(json.dumps({"main": now.pop(mine), "others": list(now.values())}))
"""


@pytest.mark.parametrize("nicer", [0, 12])
def test_every_native_thread_blocks_signals_and_is_nice(root: Path, nicer: int) -> None:
    nice = os.nice(0) + nicer
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        ["nice", "-n", str(nicer), sys.executable, "-c", SOURCE],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["main"][1:] == [min(nice, 19), False]
    names = [name for name, _, _ in found["others"]]
    assert "coinfer-stream" in names
    # Threads that have no name of ours are TBB's.
    assert [name for name in names if name != "coinfer-stream"]
    # Never above the process's own priority.
    expected = {(max(5, min(nice, 19)), True)}
    assert {(nice, blocked) for _, nice, blocked in found["others"]} == expected
