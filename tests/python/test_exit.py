"""How a process ends: exit code, empty standard error, no hang; fork; Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2]

PRELUDE = """
import asyncio, os, signal, sys, threading, time
import numpy as np
import coinfer; from tests.python import models
core = coinfer.Core()
def load(model, **config):
    return core.compile_model(core.read_model(model), "CPU", models.IN_F32 | config)
slow = load(models.slow(300, 384))
data = np.zeros(slow.input(0).shape, np.float32)
"""


def child(source: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", PRELUDE + source],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": path},
    )


def check(done: subprocess.CompletedProcess[str], code: int = 0, out: str | None = None) -> None:
    assert done.stderr == ""
    assert done.returncode == code
    if out is not None:
        assert done.stdout.strip() == out


def test_exit_with_work_in_flight() -> None:
    check(child("slow.create_infer_request().start_async([data])"))
    check(child("r = slow.create_infer_request(); r.start_async([data], share_inputs=True)"))
    check(
        child(
            "rs = [slow.create_infer_request() for _ in range(8)]\n"
            "for r in rs: r.start_async([data])"
        )
    )


def test_exit_code_is_kept() -> None:
    check(child("r = slow.create_infer_request(); r.start_async([data]); sys.exit(7)"), code=7)


LOOPS = {
    "asyncio": "make = None",
    "uvloop": "import uvloop; make = uvloop.new_event_loop",
    "no-reader": "from tests.python.loops import WithoutReader as make",
}


@pytest.mark.parametrize("loop", LOOPS)
def test_exit_with_an_unawaited_future(loop: str) -> None:
    factory = LOOPS[loop]
    source = f"""
{factory}
async def main():
    global future
    future = slow.infer_async([data])
with asyncio.Runner(loop_factory=make) as runner:
    runner.run(main())
"""
    check(child(source))


def test_exit_with_a_pending_callback() -> None:
    check(
        child(
            "r = slow.create_infer_request(); r.set_callback(lambda u: None, None)\n"
            "r.start_async([data])"
        )
    )


def test_exit_while_a_daemon_thread_infers() -> None:
    check(
        child(
            "many = lambda: [slow([data]) for _ in range(99)]\n"
            "threading.Thread(target=many, daemon=True).start(); time.sleep(0.1)"
        )
    )
    check(
        child(
            "def f():\n  r = slow.create_infer_request(); r.start_async([data]); r.wait()\n"
            "threading.Thread(target=f, daemon=True).start(); time.sleep(0.01)"
        )
    )


@pytest.mark.parametrize("loop", LOOPS)
def test_exit_while_loops_in_daemon_threads_infer(loop: str) -> None:
    source = f"""
{LOOPS[loop]}
add = load(models.one_add((4,)))
x = np.ones(4, np.float32)
async def main():
    while True:
        await asyncio.gather(*(add.infer_async([x]) for _ in range(10)))
def serve():
    with asyncio.Runner(loop_factory=make) as runner:
        runner.run(main())
for _ in range(3): threading.Thread(target=serve, daemon=True).start()
time.sleep(0.2)
"""
    for _ in range(3):
        check(child(source))


def test_fork_before_first_use_is_free() -> None:
    source = """
import coinfer, numpy as np, os; from tests.python import models
pid = os.fork()
core = coinfer.Core()
add = core.compile_model(core.read_model(models.one_add((4,))), "CPU")
request = add.create_infer_request()
request.start_async([np.ones(4, np.float32)]); request.wait()
assert request.get_output_tensor(0).data[0] == 2
if pid:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", "import sys" + source],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path},
    )
    check(done)


def test_fork_after_use_raises_and_names_the_remedy() -> None:
    source = """
slow([data])
pid = os.fork()
if pid == 0:
    try:
        slow([data])
    except coinfer.Error as error:
        print(error, flush=True)
    try:
        slow.create_infer_request().start_async([data])
    except coinfer.Error as error:
        print("again", flush=True)
    sys.exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
slow([data])
"""
    done = child(source)
    check(done)
    assert "spawn" in done.stdout and "post_fork" in done.stdout and "again" in done.stdout


UNENDED = {
    "wait": "r.wait()",
    "wait for a time": "r.wait_for(60_000)",
    "cancel": "r.cancel()",
    "await": "asyncio.run(awaited(r))",
    "start": "r2.start_async([data])",
    "wait for all of a queue": "queue.wait_all()",
    "wait for a queue": "queue.get_idle_request_id()",
    "start a queue": "queue.start_async([data])",
    "await a queue": "asyncio.run(inferred())",
}


def test_what_was_in_flight_at_a_fork_is_not_waited_for_in_the_child() -> None:
    """Its run goes on in the parent only."""
    source = f"""
async def awaited(what): return await what
async def inferred(): return await queue.infer_async([data])
async def abandoned(): r2.infer_async([data]).cancel()
slow = load(models.slow(1500, 384))
queue = coinfer.AsyncInferQueue(slow, 1)
r, r2 = slow.create_infer_request(), slow.create_infer_request()
r.start_async([data])
queue.start_async([data])
asyncio.run(abandoned())
pid = os.fork()
if pid == 0:
    signal.alarm(30)
    for what, call in {UNENDED}.items():
        try:
            eval(call)
            print(what)
        except coinfer.Error as error:
            print("post_fork" in str(error))
    sys.exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
r.cancel()
queue[0].cancel()
"""
    check(child(source), out="\n".join(["True"] * len(UNENDED)))


def test_children_forked_in_the_midst_of_computing_end() -> None:
    source = """
small = core.read_model(models.slow(2, 128))
kept = core.compile_model(small, "CPU")
x = np.zeros(kept.input(0).shape, np.float32)
over = threading.Event()
def compute():
    while not over.is_set():
        core.compile_model(small, "CPU")(x)
thread = threading.Thread(target=compute)
thread.start()
for _ in range(100):
    pid = os.fork()
    if pid == 0:
        del slow, kept
        os._exit(3)
    end = time.monotonic() + 20
    status = 0
    while status == 0 and time.monotonic() < end:
        status = os.waitpid(pid, os.WNOHANG)[1]
        time.sleep(0.001)
    if status == 0:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        over.set()
        sys.exit("a child did not end")
    assert os.waitstatus_to_exitcode(status) == 3
over.set()
thread.join()
"""
    check(child(source))


@pytest.mark.parametrize(
    "call",
    [
        "r = slow.create_infer_request(); r.start_async([data]); print('go', flush=True)\n"
        "while 1: r.wait(); r.start_async([data])",
        "print('go', flush=True)\nwhile 1: slow([data])",
        "before = [slow.create_infer_request() for _ in range(2000)]\n"
        "for r in before: r.start_async([data])\n"
        "print('go', flush=True)\nslow([data])",
        "q = coinfer.AsyncInferQueue(slow, 2); print('go', flush=True)\n"
        "while 1:\n  for _ in range(9): q.start_async([data])\n  q.wait_all()",
        "async def main():\n  print('go', flush=True)\n  while 1: await slow.infer_async([data])\n"
        "asyncio.run(main())",
    ],
    ids=["wait", "infer", "infer behind others", "queue", "asyncio"],
)
def test_ctrl_c_interrupts(call: str) -> None:
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    # Where the tests were started in a shell's background, SIGINT is ignored.
    source = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n" + PRELUDE
    source += "try:\n" + "\n".join("  " + line for line in call.split("\n"))
    source += "\nexcept KeyboardInterrupt:\n  print('interrupted')\n"
    process = subprocess.Popen(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)
