"""`coinfer.stats`: when a run passed its stations, and what the process counts."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import coinfer
from tests.python import models
from tests.python.loops import Run, each_loop

X = np.ones(4, np.float32)


@pytest.fixture
def add() -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(models.one_add((4,)), "CPU", {})


@pytest.fixture
def slow() -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(
        models.slow(200, 256), "CPU", {**models.IN_F32, "NUM_STREAMS": 1}
    )


def slow_input(slow: coinfer.CompiledModel) -> np.ndarray:
    return np.zeros(slow.input(0).shape, np.float32)


def settled(done: Callable[[dict[str, Any]], bool], seconds: float = 20) -> dict[str, Any]:
    """The counts once `done` says so, or the last ones: workers let go shortly after the end."""
    until = time.monotonic() + seconds
    while not done(counts := coinfer.stats()) and time.monotonic() < until:
        time.sleep(0.001)
    return counts


def grown(before: dict[str, Any], name: str) -> int:
    return int(coinfer.stats()[name] - before[name])


def test_a_request_that_never_ran_has_no_stamps(add: coinfer.CompiledModel) -> None:
    assert set(coinfer.stats(add.create_infer_request()).values()) == {0}


def test_stations_follow_one_another_on_the_monotonic_clock(add: coinfer.CompiledModel) -> None:
    request = add.create_infer_request()
    before = time.monotonic_ns()
    request.start_async(X)
    request.wait()
    at = coinfer.stats(request)
    assert before <= at["queued"] <= at["started"] <= at["finished"] <= at["delivered"]
    assert at["delivered"] <= time.monotonic_ns()
    assert at["thread"] not in (0, threading.get_native_id())


def test_delivered_is_after_the_callback(add: coinfer.CompiledModel) -> None:
    request = add.create_infer_request()
    seen: list[dict[str, int]] = []
    returned: list[int] = []

    def callback(_: Any) -> None:
        seen.append(coinfer.stats(request))
        time.sleep(0.002)
        returned.append(time.monotonic_ns())

    request.set_callback(callback, None)
    request.start_async(X)
    request.wait()
    assert seen[0]["finished"] > 0 and seen[0]["delivered"] == 0
    assert coinfer.stats(request)["delivered"] >= returned[0]


def test_stamps_may_be_read_while_runs_write_them(add: coinfer.CompiledModel) -> None:
    request = add.create_infer_request()
    stop = threading.Event()
    bad: list[dict[str, int]] = []

    def read() -> None:
        while not stop.is_set():
            at = coinfer.stats(request)
            times = [at[name] for name in ("queued", "started", "finished", "delivered")]
            reached = [time for time in times if time]
            if reached != sorted(reached) or times[: len(reached)] != reached:
                bad.append(at)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(3000):
        request.start_async(X)
        request.wait()
    stop.set()
    reader.join()
    assert not bad


def test_runs_are_counted_by_their_end(
    add: coinfer.CompiledModel, slow: coinfer.CompiledModel
) -> None:
    failing = coinfer.Core().compile_model(models.failing(), "CPU", {})
    before = settled(lambda now: now["in_flight"] == 0)
    add(X)
    request = add.create_infer_request()
    request.start_async(X)
    request.wait()
    with pytest.raises(coinfer.Error):
        failing([np.int64([9])])
    first, second = slow.create_infer_request(), slow.create_infer_request()
    first.start_async(slow_input(slow))
    second.start_async(slow_input(slow))
    for each in (second, first):
        each.cancel()
        with pytest.raises(coinfer.Cancelled):
            each.wait()
    settled(lambda now: now["in_flight"] == 0)
    ends = {name: grown(before, name) for name in ("finished", "failed", "cancelled")}
    assert ends == {"finished": 2, "failed": 1, "cancelled": 2}
    assert grown(before, "started") == 5


def test_what_is_going_on_is_counted(slow: coinfer.CompiledModel) -> None:
    settled(lambda now: now["in_flight"] == 0)
    requests = [slow.create_infer_request() for _ in range(3)]
    for request in requests:
        request.start_async(slow_input(slow))
    now = coinfer.stats()
    done = [request.wait_for(0) for request in requests]
    if not any(done):  # a machine that was away for the whole run would prove nothing
        assert now["in_flight"] == 3
        assert now["queued"] in (2, 3)
        assert now["workers"] >= 1
        assert now["free_slots"] <= now["slots"]
    for request in requests:
        request.wait()
    idle = settled(lambda now: now["in_flight"] == now["leases"] == 0)
    assert (idle["in_flight"], idle["queued"], idle["leases"]) == (0, 0, 0)
    assert idle["free_slots"] == idle["slots"] >= 1


def test_compiling_is_no_run() -> None:
    before = settled(lambda now: now["in_flight"] == 0)
    compiled = coinfer.Core().compile_model(models.one_add((4,)), "CPU", {})
    assert grown(before, "started") == 0
    assert grown(before, "compiled_models") == 1
    del compiled
    gc.collect()
    assert grown(before, "compiled_models") == 0


def test_a_run_of_several_stages_is_one_run() -> None:
    staged = coinfer.Core().compile_model(models.non_zero(), "CPU", {})
    before = settled(lambda now: now["in_flight"] == 0)
    staged(X)
    request = staged.create_infer_request()
    request.start_async(X)
    request.wait()
    assert (grown(before, "started"), grown(before, "finished")) == (2, 2)


def test_callbacks_are_counted(add: coinfer.CompiledModel) -> None:
    before = coinfer.stats()
    queue = coinfer.AsyncInferQueue(add, 2)
    queue.set_callback(lambda request, userdata: None)
    for _ in range(10):
        queue.start_async(X)
    queue.wait_all()
    assert grown(before, "callbacks") == 10
    assert coinfer.stats()["callbacks_waiting"] == 0


@each_loop
def test_each_loop_counts_its_letters(add: coinfer.CompiledModel, run: Run) -> None:
    async def main() -> list[dict[str, int]]:
        await asyncio.gather(*(add.infer_async(X) for _ in range(20)))
        loops: list[dict[str, int]] = coinfer.stats()["loops"]
        return loops

    assert any(loop["letters"] == 20 and 1 <= loop["drains"] <= 20 for loop in run(main()))


def test_only_a_request_has_stamps(add: coinfer.CompiledModel) -> None:
    with pytest.raises(TypeError, match="InferRequest"):
        coinfer.stats(add)  # type: ignore[call-overload]
