"""Measurements of one loaded runtime that need more than a loop around a call.

Each gives one number or several named ones: seconds (of an inference, a delay), or bytes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import resource
import subprocess
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.backends import Backend, Inputs

ROOT = Path(__file__).resolve().parents[2]
AWAIT_BENCH = ROOT / "build" / "release" / "benchmarks" / "await_bench"


def run(loop: str, main: Coroutine[Any, Any, Any]) -> Any:
    """Runs it on a new loop: asyncio's or uvloop's."""
    if loop == "uvloop":
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
    return asyncio.run(main)


async def awaits(
    backend: Backend,
    inputs: list[Inputs],
    at_once: int,
    seconds: float,
    infer: Callable[[Inputs], Any] | None = None,
) -> float:
    """Seconds an await, `at_once` callers at once; `infer` in place of the backend's own."""
    infer = infer or backend.awaiter(at_once)
    done = 0
    start = time.perf_counter()
    end = start + seconds

    async def caller(first: int) -> None:
        nonlocal done
        i = first
        while time.perf_counter() < end:
            await infer(inputs[i % len(inputs)])
            i += 1
            done += 1

    await asyncio.gather(*(caller(i) for i in range(at_once)))
    return (time.perf_counter() - start) / done


async def lag(
    backend: Backend, inputs: list[Inputs], at_once: int, seconds: float
) -> dict[str, float]:
    """How late a sleep of 2 ms ends while `at_once` awaits are in flight all the time."""
    nap = 0.002
    late: list[float] = []
    end = time.perf_counter() + seconds

    async def sleeper() -> None:
        while time.perf_counter() < end:
            start = time.perf_counter()
            await asyncio.sleep(nap)
            late.append(time.perf_counter() - start - nap)

    probe = asyncio.create_task(sleeper())
    per_await = await awaits(backend, inputs, at_once, seconds)
    await probe
    return {
        "p50": float(np.quantile(late, 0.5)),
        "p99": float(np.quantile(late, 0.99)),
        "longest": max(late),
        "awaits": per_await,
    }


def cancel(backend: Backend, inputs: list[Inputs], seconds: float) -> dict[str, float]:
    """From `cancel()` at a random moment of a run until its request is idle and reusable."""
    moment = random.Random(1)
    backend.start_and_wait(inputs[0])
    start = time.perf_counter()
    backend.start_and_wait(inputs[0])
    whole = time.perf_counter() - start
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken) < 3:
        # Starting again is the proof that the request was usable.
        backend.start(inputs[len(taken) % len(inputs)])
        time.sleep(whole * moment.uniform(0.1, 0.8))
        start = time.perf_counter()
        if backend.cancel():
            taken.append(time.perf_counter() - start)
    return {
        "p50": float(np.quantile(taken, 0.5)),
        "p99": float(np.quantile(taken, 0.99)),
        "whole run": whole,
    }


def resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


async def growth(
    backend: Backend, inputs: list[Inputs], count: int, _seconds: float
) -> dict[str, float]:
    """Bytes that the process grows by over `count` awaits, after a hundredth of them."""
    at_once = 64
    infer = backend.awaiter(at_once)

    async def caller(share: int) -> None:
        for i in range(share):
            await infer(inputs[i % len(inputs)])

    async def all_of(number: int) -> None:
        shares = (number // at_once + (i < number % at_once) for i in range(at_once))
        await asyncio.gather(*(caller(share) for share in shares))

    await all_of(max(count // 100, 1000))
    gc.collect()
    before = resident_bytes()
    start = time.perf_counter()
    await all_of(count)
    per_await = (time.perf_counter() - start) / count
    gc.collect()
    return {"bytes": resident_bytes() - before, "awaits": per_await}


# Measure -> function of the backend, its inputs, a number and the seconds to measure for.
ON_A_LOOP: dict[str, Callable[[Backend, list[Inputs], int, float], Coroutine[Any, Any, Any]]] = {
    "await": awaits,
    "lag": lag,
    "growth": growth,
}


def cpp(model: str, seconds: float) -> dict[str, float]:
    """What the C++ program measures: see await_bench.cpp."""
    command = [str(AWAIT_BENCH), model, "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
    result: dict[str, float] = json.loads(done.stdout)
    return result
