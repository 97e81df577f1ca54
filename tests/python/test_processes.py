"""Several processes: multiprocessing's start methods and servers that fork their workers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.python.test_exit import HERE

WORK = """
import asyncio, multiprocessing, os, sys
import numpy as np
import coinfer
from tests.python import models

model = None

def load():
    global model
    core = coinfer.Core()
    model = core.compile_model(core.read_model(models.one_add((4,))), "CPU")

def infer(number):
    if model is None:
        load()
    blocking = model([np.full(4, number, np.float32)])[0][0]
    async def awaited():
        return (await model.infer_async([np.full(4, number, np.float32)]))[0][0]
    assert asyncio.run(awaited()) == blocking
    return float(blocking)
"""


def run_file(folder: Path, source: str) -> None:
    """Runs it as a program of its own: nothing on standard error, exit code 0, "right" printed."""
    program = folder / "program.py"
    program.write_text(WORK + source)
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, program],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.strip() == "right"


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_pool(tmp_path: Path, method: str) -> None:
    before_the_fork = "load()" if method != "fork" else "pass"
    run_file(
        tmp_path,
        f"""
if __name__ == "__main__":
    {before_the_fork}
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        assert pool.map(infer, range(20)) == [i + 1 for i in range(20)]
        pool.close()
        pool.join()
    assert infer(7) == 8
    print("right")
""",
    )


def test_a_pool_forked_after_use_is_told_what_to_do(tmp_path: Path) -> None:
    run_file(
        tmp_path,
        """
if __name__ == "__main__":
    load()
    assert infer(1) == 2
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for call in (infer, load):
            for _ in range(4):
                try:
                    pool.apply(call, () if call is load else (1,))
                except coinfer.Error as error:
                    assert "post_fork" in str(error) and "spawn" in str(error), error
                else:
                    raise AssertionError("a child used what does not survive a fork")
        pool.close()
        pool.join()
    process = multiprocessing.get_context("fork").Process(target=sys.exit, args=(3,))
    process.start()
    process.join(10)
    assert process.exitcode == 3
    assert infer(7) == 8
    print("right")
""",
    )


SERVER = """
def serve(number):
    assert infer(number) == number + 1

def master(count):
    workers = []
    for number in range(count):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                worker(number)
                code = 0
            finally:
                # As such servers do it: SystemExit through the frames of the master.
                sys.exit(code)
        workers.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in workers]
"""


def test_a_server_that_loads_models_in_its_workers(tmp_path: Path) -> None:
    run_file(
        tmp_path,
        SERVER
        + """
worker = serve
core = coinfer.Core()  # imported and set up before the fork, unused
assert master(3) == [0, 0, 0]
print("right")
""",
    )


def test_a_server_that_preloads_a_model_is_told_what_to_do(tmp_path: Path) -> None:
    run_file(
        tmp_path,
        SERVER
        + """
def worker(number):
    def start():
        coinfer.AsyncInferQueue(model, 2).start_async([np.ones(4, np.float32)])
    for attempt in (lambda: infer(number), load, start):
        try:
            attempt()
        except coinfer.Error as error:
            assert "post_fork" in str(error) and "spawn" in str(error), error
        else:
            raise AssertionError("the worker used what does not survive a fork")

load()
infer(1)
assert master(2) == [0, 0]
assert infer(2) == 3
print("right")
""",
    )


def test_the_import_leaves_asyncio_alone() -> None:
    program = """
import sys, numpy
before = {"asyncio", "ssl"} & set(sys.modules)
import coinfer
assert {"asyncio", "ssl"} & set(sys.modules) == before, "imported with coinfer"
assert coinfer.InferFuture.__mro__[1] is sys.modules["asyncio"].Future
assert coinfer._coinfer.InferFuture is coinfer.InferFuture
assert "infer_stream" in dir(coinfer) and coinfer.infer_stream.__module__.startswith("coinfer")
try:
    coinfer._coinfer.Nothing
except AttributeError as error:
    assert "has no attribute 'Nothing'" in str(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
