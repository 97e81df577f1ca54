"""infer_stream: order, backpressure, errors in their place, and what ends with it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

import coinfer
from tests.python import models
from tests.python.loops import Run, each_loop


def compiled(model: object) -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(coinfer.Core().read_model(model), "CPU", models.IN_F32)


@pytest.fixture
def add() -> coinfer.CompiledModel:
    return compiled(models.one_add((4,)))


@pytest.fixture
def slow() -> coinfer.CompiledModel:
    return compiled(models.slow(200, 256))


def x(value: float) -> np.ndarray:
    return np.full(4, value, np.float32)


class Source:
    """Gives `count` arrays, sync or async, and knows how many were taken and how it ended."""

    def __init__(self, count: int, fail_at: int = -1) -> None:
        self.count = count
        self.fail_at = fail_at
        self.pulled = 0
        self.closed = False

    def take(self, i: int) -> np.ndarray:
        if i == self.fail_at:
            raise LookupError("from the source")
        self.pulled += 1
        return x(i)

    def plain(self) -> Iterator[np.ndarray]:
        try:
            for i in range(self.count):
                yield self.take(i)
        finally:
            self.closed = True

    async def awaited(self) -> AsyncIterator[np.ndarray]:
        try:
            for i in range(self.count):
                await asyncio.sleep(0)
                yield self.take(i)
        finally:
            await asyncio.sleep(0)
            self.closed = True


async def collect(stream: AsyncIterator[tuple[np.ndarray, Any]], seen: list[int]) -> None:
    async for item, _ in stream:
        seen.append(int(item[0]))


each_source = pytest.mark.parametrize("kind", ["plain", "awaited"])
each_order = pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "as_completed"])


class Manual:
    """Inferences that end when the test says so."""

    def __init__(self) -> None:
        self.started: list[tuple[Any, asyncio.Future[Any]]] = []

    def infer_async(self, inputs: Any, *, share_inputs: bool) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self.started.append((inputs, future))
        return future

    async def started_are(self, count: int) -> None:
        """Turns the loop until so many are started; a few turns more show that no other is."""
        for _ in range(100):
            if len(self.started) >= count:
                break
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(self.started) == count


@each_loop
@each_source
@each_order
def test_every_item_comes_out_with_its_own_result(
    run: Run, add: coinfer.CompiledModel, kind: str, ordered: bool
) -> None:
    async def main() -> None:
        source = Source(100)
        seen = []
        stream = coinfer.infer_stream(add, getattr(source, kind)(), 7, ordered)
        async for item, results in stream:
            np.testing.assert_array_equal(results[0], item + 1)
            seen.append(int(item[0]))
        assert (seen if ordered else sorted(seen)) == list(range(100))
        assert source.closed

    run(main())


@each_loop
def test_items_are_given_out_as_they_came(run: Run, add: coinfer.CompiledModel) -> None:
    async def main() -> None:
        items = [("a", x(1)), ("b", x(2))]
        stream = coinfer.infer_stream(add, items, inputs=lambda item: {"x": item[1]})
        seen = [(item, results["y"][0]) async for item, results in stream]
        assert [value for _, value in seen] == [2, 3]
        assert all(given is item for (given, _), item in zip(seen, items, strict=True))
        assert [pair async for pair in coinfer.infer_stream(add, [])] == []

    run(main())


@each_loop
def test_a_queue_serves_as_well(run: Run, add: coinfer.CompiledModel) -> None:
    async def main() -> None:
        queue = coinfer.AsyncInferQueue(add, 2)
        source = [x(i) for i in range(30)]
        seen = [results[0][0] async for _, results in coinfer.infer_stream(queue, source)]
        assert seen == [i + 1 for i in range(30)]

    run(main())


@each_loop
@each_source
@each_order
def test_no_more_than_max_in_flight_are_pulled_and_not_given_out(
    run: Run, kind: str, ordered: bool
) -> None:
    async def main() -> None:
        source, manual = Source(20), Manual()
        stream = coinfer.infer_stream(manual, getattr(source, kind)(), 3, ordered)
        pending = asyncio.ensure_future(anext(stream))
        await manual.started_are(3)
        manual.started[0][1].set_result("first")
        assert (await pending)[1] == "first"
        pending = asyncio.ensure_future(anext(stream))
        await manual.started_are(4)
        # All done but the first of those in flight: the consumer has taken one, so one is pulled.
        for _, future in manual.started[2:]:
            future.set_result("later")
        if ordered:
            await manual.started_are(4)
            assert not pending.done()
            manual.started[1][1].set_result("second")
            assert (await pending)[1] == "second"
        else:
            assert (await pending)[1] == "later"
        await stream.aclose()
        assert source.pulled <= 5

    run(main())


@each_loop
def test_a_slow_source_does_not_hold_results_back(run: Run, add: coinfer.CompiledModel) -> None:
    async def main() -> None:
        more = asyncio.Event()

        async def source() -> AsyncIterator[np.ndarray]:
            yield x(1)
            await more.wait()
            yield x(2)

        stream = coinfer.infer_stream(add, source())
        _, results = await asyncio.wait_for(anext(stream), 30)
        assert results[0][0] == 2
        more.set()
        assert [results[0][0] async for _, results in stream] == [3]

    run(main())


@each_loop
@each_source
@each_order
def test_an_error_of_the_source_comes_after_what_it_gave(
    run: Run, add: coinfer.CompiledModel, kind: str, ordered: bool
) -> None:
    async def main() -> None:
        source = Source(10, fail_at=5)
        seen: list[int] = []
        with pytest.raises(LookupError, match="from the source"):
            await collect(coinfer.infer_stream(add, getattr(source, kind)(), 3, ordered), seen)
        assert sorted(seen) == [0, 1, 2, 3, 4]
        assert source.closed

    run(main())


@each_loop
@each_source
def test_refused_inputs_fail_in_their_place(
    run: Run, add: coinfer.CompiledModel, kind: str
) -> None:
    async def main() -> None:
        source = Source(10)
        seen: list[int] = []

        def inputs(item: np.ndarray) -> np.ndarray:
            return item if item[0] != 4 else np.zeros(5, np.float32)

        stream = coinfer.infer_stream(add, getattr(source, kind)(), 3, inputs=inputs)
        with pytest.raises(coinfer.Error, match=r"input 'x'"):
            await collect(stream, seen)
        assert seen == [0, 1, 2, 3]
        assert source.closed
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    run(main())


@each_loop
@each_source
@each_order
def test_a_failed_inference_ends_the_stream_and_cancels_the_rest(
    run: Run, kind: str, ordered: bool
) -> None:
    async def main() -> None:
        source, manual = Source(20), Manual()
        stream = coinfer.infer_stream(manual, getattr(source, kind)(), 4, ordered)
        pending = asyncio.ensure_future(anext(stream))
        await manual.started_are(4)
        manual.started[0][1].set_exception(ValueError("first"))
        manual.started[1][1].set_exception(ValueError("second"))
        with pytest.raises(ValueError, match="first"):
            await pending
        assert all(future.cancelled() for _, future in manual.started[2:])
        assert source.closed

    noise: list[dict[str, Any]] = []

    async def listened() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, what: noise.append(what))
        await main()
        gc.collect()
        await asyncio.sleep(0)

    run(listened())
    assert noise == []


@each_loop
@each_source
@each_order
def test_leaving_early_cancels_what_is_in_flight_and_closes_the_source(
    run: Run, slow: coinfer.CompiledModel, kind: str, ordered: bool
) -> None:
    data = np.zeros(slow.input(0).shape, np.float32)

    async def main() -> None:
        source = Source(20)
        stream = coinfer.infer_stream(
            slow, getattr(source, kind)(), 4, ordered, inputs=lambda item: data
        )
        async for _ in stream:
            break
        await stream.aclose()
        assert source.closed and source.pulled <= 5

        # A consumer that is cancelled, its stream dropped.
        source = Source(20)

        async def consume() -> None:
            async for _ in coinfer.infer_stream(
                slow, getattr(source, kind)(), 4, ordered, inputs=lambda item: data
            ):
                pass

        task = asyncio.create_task(consume())
        while source.pulled < 4:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert source.closed

    run(main())


@each_loop
@each_source
def test_a_dropped_stream_lets_go_of_everything(
    run: Run, slow: coinfer.CompiledModel, kind: str
) -> None:
    class Array(np.ndarray):
        pass

    data = np.zeros(slow.input(0).shape, np.float32).view(Array)
    reference = weakref.ref(data)
    source = Source(20)

    async def main(data: np.ndarray) -> None:
        given = getattr(source, kind)()
        async for _ in coinfer.infer_stream(
            slow, given, 4, inputs=lambda item: data, share_inputs=True
        ):
            break
        del given
        gc.collect()
        # The loop closes an asynchronous generator that was dropped.
        for _ in range(1000):
            if source.closed:
                break
            await asyncio.sleep(0.001)

    run(main(data))
    del data
    assert source.closed
    for _ in range(1000):
        gc.collect()
        coinfer._coinfer._live_objects()
        if reference() is None:
            break
    assert reference() is None


def test_wrong_arguments_are_refused_at_the_call(add: coinfer.CompiledModel) -> None:
    with pytest.raises(ValueError, match="max_in_flight is -1"):
        coinfer.infer_stream(add, [], -1)
    for wrong in (1.5, float("nan"), "8", None):
        with pytest.raises(TypeError, match=f"max_in_flight is an integer; {type(wrong).__name__}"):
            coinfer.infer_stream(add, [], wrong)  # type: ignore[arg-type]
    coinfer.infer_stream(add, [], np.int64(3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_in_flight is 0"):
        coinfer.infer_stream(add, [], 0)
    with pytest.raises(TypeError, match="int"):
        coinfer.infer_stream(add, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="InferRequest"):
        coinfer.infer_stream(add.create_infer_request(), [])
