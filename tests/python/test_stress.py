"""Threads, loops, cancels, deadlines, callbacks, exceptions at once; nothing breaks, nothing stays.

COINFER_STRESS_SECONDS and COINFER_STRESS_SEED run it longer or again.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
import uvloop

import coinfer
from coinfer import _coinfer
from tests.python import models

SECONDS = float(os.environ.get("COINFER_STRESS_SECONDS", "4"))
SEED = int(os.environ.get("COINFER_STRESS_SEED", "1"))


def failing_now_and_then(seed: int) -> Callable[[object, object], None]:
    dice = random.Random(seed)

    def callback(_request: object, _userdata: object) -> None:
        if dice.random() < 0.1:
            raise ZeroDivisionError("from a callback")

    return callback


class Chaos:
    """What one event loop does until the time is up."""

    def __init__(self, seed: int, until: float) -> None:
        core = coinfer.Core()
        self.until = until
        self.random = random.Random(seed)
        self.add = core.compile_model(core.read_model(models.one_add((4,))), "CPU")
        self.slow = core.compile_model(
            core.read_model(models.slow(60, 128)), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}
        )
        self.data = np.zeros(self.slow.input(0).shape, np.float32)
        self.ones = np.ones(4, np.float32)
        self.requests = [self.slow.create_infer_request() for _ in range(3)]
        self.queue = coinfer.AsyncInferQueue(self.add, 3)
        if seed % 2:
            self.queue.set_callback(failing_now_and_then(seed))
        self.batcher = coinfer.Batcher(
            core.compile_model(core.read_model(models.one_add((None, None))), "CPU"),
            max_batch=4,
            max_delay_ms=seed % 3,
        )
        self.done = 0

    async def act(self) -> None:
        dice = self.random.random
        choice = self.random.randrange(8)
        if choice == 0:
            future = self.slow.infer_async([self.data], share_inputs=dice() < 0.5)
            if dice() < 0.5:
                await asyncio.sleep(dice() * 0.003)
            if dice() < 0.5:
                future.cancel()
            await future
        elif choice == 1:
            await asyncio.wait_for(self.slow.infer_async([self.data]), dice() * 0.01)
        elif choice == 2:
            request = self.random.choice(self.requests)
            await request.infer_async([self.data], timeout=dice() * 0.02)
        elif choice == 3:
            self.random.choice(self.requests).cancel()
        elif choice == 4:
            future = self.queue.infer_async([self.ones])
            if dice() < 0.3:
                future.cancel()
            await future
        elif choice == 5:
            shape = self.random.randint(1, 4), self.random.randint(1, 2)
            value = self.random.randrange(1000)
            rows = np.full(shape, value, np.float32)
            future = self.batcher.infer_async(rows, timeout=1 if dice() < 0.9 else dice() * 0.002)
            if dice() < 0.2:
                future.cancel()
            np.testing.assert_array_equal((await future)[0], rows + 1)
        elif choice == 6:
            source = (self.ones for _ in range(6))
            stream = coinfer.infer_stream(self.add, source, 3, ordered=dice() < 0.5)
            async for _, results in stream:
                assert results[0][0] == 2
                if dice() < 0.1:
                    break
            await stream.aclose()
        else:
            assert (await self.add.infer_async([self.ones]))[0][0] == 2

    async def guarded_act(self) -> None:
        try:
            await self.act()
            self.done += 1
        except (coinfer.Error, asyncio.CancelledError, TimeoutError, ZeroDivisionError):
            pass

    async def main(self) -> None:
        while time.monotonic() < self.until:
            await asyncio.gather(*(self.guarded_act() for _ in range(40)))


def run_loop(chaos: Chaos, seed: int) -> None:
    factory = uvloop.new_event_loop if seed % 3 == 0 else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(chaos.main())


def run_blocking(chaos: Chaos) -> None:
    while time.monotonic() < chaos.until:
        chaos.slow([chaos.data])
        request = chaos.add.create_infer_request()
        request.start_async([chaos.ones])
        request.wait()
        assert request.get_output_tensor(0).data[0] == 2


def live() -> dict[str, int]:
    gc.collect()
    return dict(_coinfer._live_objects())


def test_everything_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest's own hook keeps an exception, and with it its frames' objects, to the test's end.
    unraisable: list[type[BaseException] | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(args.exc_type))
    before = live()
    until = time.monotonic() + SECONDS
    all_chaos = [Chaos(SEED * 100 + i, until) for i in range(4)]
    threads = [threading.Thread(target=run_loop, args=(c, i)) for i, c in enumerate(all_chaos)]
    threads += [threading.Thread(target=run_blocking, args=(c,)) for c in all_chaos[:2]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(chaos.done for chaos in all_chaos) > 0
    del thread
    all_chaos.clear()
    threads.clear()
    deadline = time.monotonic() + 30
    while live() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert live() == before
    assert set(unraisable) <= {ZeroDivisionError}
