"""Awaits of runs that take microseconds: the loop looks for their results instead of sleeping."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

import coinfer
from tests.python import models
from tests.python.loops import Run, each_loop

ENOUGH = 50  # awaits after which every loop expects quick runs


@pytest.fixture
def quick() -> coinfer.InferRequest:
    core = coinfer.Core()
    return core.compile_model(core.read_model(models.one_add((4,))), "CPU").create_infer_request()


@pytest.fixture
def slow() -> coinfer.InferRequest:
    core = coinfer.Core()
    return core.compile_model(core.read_model(models.slow(60, 256)), "CPU").create_infer_request()


def zeros(request: coinfer.InferRequest) -> list[np.ndarray]:
    return [np.zeros(port.shape, np.float32) for port in request.model_inputs]


async def many_quick(request: coinfer.InferRequest, count: int = ENOUGH) -> None:
    expected = (await request.infer_async(zeros(request)))[0]
    for i in range(count):
        x = np.full(4, i, np.float32)
        results = await request.infer_async([x])
        assert np.array_equal(results[0], expected + i)


@each_loop
def test_a_long_run_after_quick_ones_wakes_the_loop(
    run: Run, quick: coinfer.InferRequest, slow: coinfer.InferRequest
) -> None:
    async def main() -> None:
        for _ in range(5):
            await many_quick(quick)
            async with asyncio.timeout(60):
                await slow.infer_async(zeros(slow))

    run(main())


@each_loop
def test_others_get_their_turns_beside_quick_runs(run: Run, quick: coinfer.InferRequest) -> None:
    async def main() -> None:
        turns = 0
        over = False

        async def other() -> None:
            nonlocal turns
            while not over:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(other())
        await many_quick(quick, 200)
        over = True
        await beside
        assert turns >= 200

    run(main())


@each_loop
def test_a_loop_that_stops_before_it_looked_looks_when_it_goes_on(
    run: Run, quick: coinfer.InferRequest
) -> None:
    async def main() -> asyncio.AbstractEventLoop:
        await many_quick(quick)
        return asyncio.get_running_loop()

    loop = run(main())  # its own loop is closed by now; another one in two parts:
    fresh = type(loop)()
    try:
        fresh.run_until_complete(many_quick(quick))

        async def start() -> asyncio.Future[object]:
            return quick.infer_async(zeros(quick))

        for _ in range(20):
            future = fresh.run_until_complete(start())
            fresh.run_until_complete(asyncio.wait_for(future, 60))
    finally:
        fresh.close()


@each_loop
def test_a_loop_that_closes_before_it_looked_leaves_nothing(
    run: Run, quick: coinfer.InferRequest
) -> None:
    async def main() -> None:
        await many_quick(quick)
        quick.infer_async(zeros(quick))  # nobody awaits it

    for _ in range(20):
        run(main())
        quick.wait()
    run(many_quick(quick))


@each_loop
def test_cancelled_quick_runs_and_their_successors(run: Run, quick: coinfer.InferRequest) -> None:
    async def main() -> None:
        await many_quick(quick)
        for _ in range(100):
            first = quick.infer_async(zeros(quick))
            first.cancel()
            await quick.infer_async(zeros(quick))
        await many_quick(quick)

    run(main())


@each_loop
def test_quick_runs_on_loops_of_several_threads(run: Run) -> None:
    core = coinfer.Core()
    model = core.compile_model(core.read_model(models.one_add((4,))), "CPU")
    failures: list[BaseException] = []

    def thread() -> None:
        try:
            run(many_quick(model.create_infer_request(), 300))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=thread) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(120)
        assert not one.is_alive()
    assert not failures
