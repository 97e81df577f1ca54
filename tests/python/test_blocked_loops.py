"""Blocking calls and awaits of one queue or request, mixed on one thread: nothing hangs."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import numpy as np
import pytest

import coinfer
from tests.python import models
from tests.python.loops import Run, each_loop


@pytest.fixture
def model() -> coinfer.CompiledModel:
    core = coinfer.Core()
    return core.compile_model(core.read_model(models.slow(100, 256)), "CPU", models.IN_F32)


@pytest.fixture
def data(model: coinfer.CompiledModel) -> list[np.ndarray]:
    return [np.zeros(model.input(0).shape, np.float32)]


@pytest.fixture
def queue(model: coinfer.CompiledModel) -> coinfer.AsyncInferQueue:
    return coinfer.AsyncInferQueue(model, 1)


def check_usable(queue: coinfer.AsyncInferQueue, data: list[np.ndarray]) -> None:
    queue.start_async(data)
    queue.wait_all()


@each_loop
def test_cancelled_waits_for_a_request_leave_the_queue(
    run: Run, queue: coinfer.AsyncInferQueue, data: list[np.ndarray]
) -> None:
    async def main() -> None:
        futures = [queue.infer_async(data) for _ in range(3)]
        for future in futures:
            future.cancel()
        await asyncio.wait(futures)
        queue.wait_all()
        check_usable(queue, data)

    run(main())


@each_loop
def test_expired_waits_for_a_request_leave_the_queue(
    run: Run, queue: coinfer.AsyncInferQueue, data: list[np.ndarray]
) -> None:
    async def main() -> None:
        futures = [queue.infer_async(data, timeout=0.001) for _ in range(4)]
        answers = await asyncio.gather(*futures, return_exceptions=True)
        assert all(isinstance(answer, coinfer.DeadlineExceeded) for answer in answers[1:])
        check_usable(queue, data)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.gather(*(queue.infer_async(data) for _ in range(4)))
        check_usable(queue, data)

    run(main())


@each_loop
def test_a_loops_own_waits_begin_while_it_is_blocked(
    run: Run, queue: coinfer.AsyncInferQueue, data: list[np.ndarray]
) -> None:
    async def main() -> None:
        futures = [queue.infer_async(data) for _ in range(4)]
        queue.wait_all()
        queue.start_async(data)  # behind them
        queue.wait_all()
        answers = await asyncio.gather(*futures)
        assert len(answers) == 4

    run(main())


@each_loop
def test_a_loop_that_closed_with_waits_leaves_the_queue_usable(
    run: Run, queue: coinfer.AsyncInferQueue, data: list[np.ndarray]
) -> None:
    async def main() -> None:
        for _ in range(3):
            queue.infer_async(data)

    for _ in range(3):
        run(main())
        queue.wait_all()
        run(main())
        check_usable(queue, data)


def test_a_loop_that_is_stopped_holds_no_request(
    queue: coinfer.AsyncInferQueue, data: list[np.ndarray]
) -> None:
    futures: list[Any] = []

    async def main() -> None:
        futures.extend(queue.infer_async(data) for _ in range(3))

    async def the_rest() -> None:
        assert len(await asyncio.gather(*futures)) == 3

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    check_usable(queue, data)
    loop.run_until_complete(the_rest())
    loop.close()
    futures.clear()


@each_loop
def test_a_callback_that_raises_what_no_future_can_hold(
    run: Run, model: coinfer.CompiledModel, data: list[np.ndarray]
) -> None:
    def stop(_userdata: object) -> None:
        raise StopIteration(3)

    async def main() -> None:
        request = model.create_infer_request()
        request.set_callback(stop, None)
        with pytest.raises(RuntimeError) as caught:
            await request.infer_async(data)
        assert isinstance(caught.value.__cause__, StopIteration)

    run(main())


def test_a_callback_that_awaits_its_own_end_raises(
    model: coinfer.CompiledModel, data: list[np.ndarray]
) -> None:
    request = model.create_infer_request()
    queue = coinfer.AsyncInferQueue(model, 2)
    told: list[str] = []

    async def start_again() -> None:
        await request.infer_async(data)

    async def ask_the_queue() -> None:
        await queue.infer_async(data)

    async def ask_the_model() -> None:
        await model.infer_async(data)  # has no callback to wait for

    def callback(*_arguments: object) -> None:
        for ask in (start_again, ask_the_queue):
            with pytest.raises(coinfer.Error, match="callback"):
                asyncio.run(ask())
            told.append(ask.__name__)
        asyncio.run(ask_the_model())

    request.set_callback(callback, None)
    queue.set_callback(callback)
    request.start_async(data)
    request.wait()
    queue.start_async(data)
    queue.wait_all()
    assert told == ["start_again", "ask_the_queue"] * 2
    request.set_callback(lambda _: None, None)
    queue.set_callback(lambda *_: None)


@each_loop
def test_a_request_after_a_cancelled_await(
    run: Run, model: coinfer.CompiledModel, data: list[np.ndarray]
) -> None:
    async def main() -> None:
        request = model.create_infer_request()
        for _ in range(5):
            future = request.infer_async(data)
            await asyncio.sleep(0.001)
            future.cancel()
            # Either over already, or still written to by what is stopping: never torn.
            with contextlib.suppress(coinfer.RequestBusy):
                assert len(request.results) == 1
            assert len(request.infer(data)) == 1
            assert len(request.results) == 1

    run(main())
