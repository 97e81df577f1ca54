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


# ThreadSanitizer has each process sleep for a second at its end, and ends children that start
# threads.
QUICK_FORKS = ":atexit_sleep_ms=0:die_after_fork=0"


@pytest.fixture
def quick_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    options = os.environ.get("TSAN_OPTIONS")
    if options is not None:
        monkeypatch.setenv("TSAN_OPTIONS", options + QUICK_FORKS)


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


BUSY = {
    "threads that infer": """
add = load(models.one_add((4,)))
def work():
    while not over.is_set(): add([x])
threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
def more(): time.sleep(0.01)
""",
    "callbacks": """
queue = coinfer.AsyncInferQueue(load(models.one_add((4,)), PERFORMANCE_HINT="THROUGHPUT"), 8)
queue.set_callback(lambda request, data: None)
threads = []
def more():
    for _ in range(30): queue.start_async([x])
""",
    "a loop without reader": """
from tests.python.loops import WithoutReader
add = load(models.one_add((4,)))
async def main():
    while not over.is_set():
        await asyncio.gather(*(add.infer_async([x]) for _ in range(10)))
def serve():
    with asyncio.Runner(loop_factory=WithoutReader) as runner: runner.run(main())
threads = [threading.Thread(target=serve, daemon=True)]
def more(): time.sleep(0.01)
""",
}


@pytest.mark.usefixtures("quick_forks")
@pytest.mark.parametrize("busy", BUSY)
def test_a_forked_childs_own_exit_is_quick(busy: str) -> None:
    """It waits for no thread of its parent, and for no lock that one of them had."""
    source = f"""
x, over = np.ones(4, np.float32), threading.Event()
{BUSY[busy]}
for thread in threads: thread.start()
taken = []
for _ in range(40):
    more()
    begin = time.monotonic()
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        sys.exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    taken.append(time.monotonic() - begin)
    if sum(taken) > 20: break
over.set()
for thread in threads: thread.join()
late = [one for one in taken if one > 1]
# On a busy machine one of them may be late by itself.
assert len(late) <= 1, taken
"""
    check(child(source))


@pytest.mark.usefixtures("quick_forks")
def test_a_child_forked_while_threads_take_the_gil_works_and_ends() -> None:
    """The parent has only read models so far, so that its child may use coinfer."""
    source = """
import coinfer, numpy as np, os, sys, threading, time; from tests.python import models
content = models.one_add((4,)).SerializeToString()
over = threading.Event()
def read():
    core = coinfer.Core()
    while not over.is_set(): core.read_model(content)
threads = [threading.Thread(target=read, daemon=True) for _ in range(2)]
for thread in threads: thread.start()
late = 0
for _ in range(5):
    time.sleep(0.02)
    begin = time.monotonic()
    pid = os.fork()
    if pid == 0:
        compiled = coinfer.Core().compile_model(models.one_add((4,)), "CPU")
        request = compiled.create_infer_request()
        request.start_async([np.ones(4, np.float32)])
        request.wait()
        sys.exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    late += time.monotonic() - begin > 1.5
over.set()
for thread in threads: thread.join()
assert late <= 1, late
"""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path},
    )
    check(done)


INTERRUPTED = {
    "wait": """
r = long.create_infer_request(); r.start_async([data]); go()
while 1: r.wait(); r.start_async([data])
""",
    "wait for a time": """
r = long.create_infer_request(); r.start_async([data]); go()
while 1: r.wait_for(60_000); r.start_async([data])
""",
    "infer": "go()\nwhile 1: slow([data])",
    "infer behind others": """
before = [slow.create_infer_request() for _ in range(2000)]
for r in before: r.start_async([data])
go()
slow([data])
""",
    "wait for all of a queue": """
q = coinfer.AsyncInferQueue(long, 2)
for _ in range(2): q.start_async([data])
go()
q.wait_all()
""",
    "start a queue": """
q = coinfer.AsyncInferQueue(long, 2)
for _ in range(2): q.start_async([data])
go()
q.start_async([data])
""",
    "asyncio": """
async def main():
    future = long.infer_async([data])
    go()
    await future
asyncio.run(main())
""",
}


@pytest.mark.parametrize("call", INTERRUPTED)
def test_ctrl_c_interrupts(call: str) -> None:
    """What waits within 100 ms; an inference on the calling thread when it ends."""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    # Where the tests were started in a shell's background, SIGINT is ignored.
    source = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n" + PRELUDE
    source += "long = load(models.slow(6000, 384))\ndef go(): print('go', flush=True)\ntry:\n"
    source += "\n".join("  " + line for line in INTERRUPTED[call].split("\n"))
    source += "\nexcept KeyboardInterrupt:\n  print(time.monotonic())\n"
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
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (err, process.returncode) == ("", 0)
    # As much again for what the machine does meanwhile.
    assert float(out) - sent < (0.2 if call != "infer" else 20)
