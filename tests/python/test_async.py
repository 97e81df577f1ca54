"""Awaited inference, on asyncio, asyncio in debug mode, and uvloop."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import threading
import time
import weakref
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import coinfer
from coinfer import tasks
from tests.python import models
from tests.python.loops import Run, each_loop

F32 = {"INFERENCE_PRECISION_HINT": "f32"}


def compiled(model: object, **config: object) -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(coinfer.Core().read_model(model), "CPU", {**F32, **config})


@pytest.fixture
def add() -> coinfer.CompiledModel:
    return compiled(models.one_add((4,)))


@pytest.fixture
def slow() -> coinfer.CompiledModel:
    return compiled(models.slow(200, 256))


def slow_input(slow: coinfer.CompiledModel) -> np.ndarray:
    return np.zeros(slow.input(0).shape, np.float32)


def x(value: float) -> np.ndarray:
    return np.full(4, value, np.float32)


@each_loop
def test_await_of_a_request_gives_what_infer_gives(run: Run, add: coinfer.CompiledModel) -> None:
    async def main() -> None:
        request = add.create_infer_request()
        for share in (False, True):
            results = await request.infer_async([x(2)], share_inputs=share, share_outputs=share)
            assert isinstance(results, type(request.infer([x(2)])))
            np.testing.assert_array_equal(results[0], x(3))

    run(main())


@each_loop
def test_unshared_awaited_result_is_the_callers_own(run: Run, add: coinfer.CompiledModel) -> None:
    async def main() -> None:
        request = add.create_infer_request()
        first = (await request.infer_async([x(1)]))[0]
        second = (await request.infer_async([x(5)]))[0]
        np.testing.assert_array_equal(first, x(2))
        np.testing.assert_array_equal(second, x(6))
        assert first.flags.writeable
        first[:] = 0
        np.testing.assert_array_equal(request.get_output_tensor(0).data, x(6))

    run(main())


@each_loop
def test_many_awaits_of_a_compiled_model_keep_their_own_results(
    run: Run, add: coinfer.CompiledModel
) -> None:
    async def one(i: int) -> None:
        results = await add.infer_async([x(i)])
        np.testing.assert_array_equal(results[0], x(i + 1))

    async def main() -> None:
        for _ in range(5):
            await asyncio.gather(*(one(i) for i in range(600)))

    run(main())


@each_loop
def test_asyncio_takes_the_future_as_a_future_and_as_a_coroutine(
    run: Run, add: coinfer.CompiledModel
) -> None:
    async def main() -> None:
        future = add.infer_async([x(1)])
        assert asyncio.isfuture(future)
        assert isinstance(future, asyncio.Future)
        assert asyncio.ensure_future(future) is future
        await future

        results = await asyncio.create_task(add.infer_async([x(1)]))
        np.testing.assert_array_equal(results[0], x(2))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(add.infer_async([x(i)])) for i in range(20)]
        assert [task.result()[0][0] for task in tasks] == [i + 1 for i in range(20)]

        results = await asyncio.wait_for(add.infer_async([x(3)]), 10)
        np.testing.assert_array_equal(results[0], x(4))
        results = await asyncio.shield(add.infer_async([x(4)]))
        np.testing.assert_array_equal(results[0], x(5))
        done, pending = await asyncio.wait([add.infer_async([x(5)])], timeout=10)
        assert len(done) == 1 and not pending
        async with asyncio.timeout(10):
            await add.infer_async([x(6)])

    run(main())


@each_loop
def test_a_shielded_inference_goes_on_when_its_await_is_cancelled(
    run: Run, slow: coinfer.CompiledModel
) -> None:
    async def main() -> None:
        request = slow.create_infer_request()
        future = request.infer_async([slow_input(slow)])
        shielded = asyncio.shield(future)
        await asyncio.sleep(0.002)
        shielded.cancel()
        with pytest.raises(asyncio.CancelledError):
            await shielded
        if not future.done():
            with pytest.raises(coinfer.RequestBusy):
                request.infer_async([slow_input(slow)])
        assert (await future)[0].shape == slow.output(0).shape
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(slow.infer_async([slow_input(slow)])), 0.001)

    run(main())


@each_loop
def test_gather_takes_failures_and_cancels_all(run: Run, slow: coinfer.CompiledModel) -> None:
    failing = compiled(models.failing())
    good, bad = np.array([1], np.int64), np.array([99], np.int64)

    async def main() -> None:
        futures = [failing.infer_async([index]) for index in (good, bad, good)]
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert [isinstance(result, coinfer.Error) for result in results] == [False, True, False]
        futures = [failing.infer_async([index]) for index in (good, bad)]
        with pytest.raises(coinfer.Error):
            await asyncio.gather(*futures)
        np.testing.assert_array_equal((await futures[0])[0], [[2, 3]])

        futures = [slow.infer_async([slow_input(slow)]) for _ in range(8)]
        gathered = asyncio.gather(*futures)
        await asyncio.sleep(0)
        gathered.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gathered
        assert [future.cancelled() for future in futures] == [True] * 8
        others: list[asyncio.Task[Any]] = []

        async def grouped() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(failing.infer_async([bad]))
                for _ in range(4):
                    others.append(group.create_task(slow.infer_async([slow_input(slow)])))

        with pytest.raises(ExceptionGroup) as caught:
            await grouped()
        assert caught.group_contains(coinfer.Error)
        assert [task.cancelled() for task in others] == [True] * 4

    run(main())


@each_loop
def test_awaiting_a_request_whose_run_failed_raises_once(run: Run) -> None:
    failing = compiled(models.failing())

    async def main() -> None:
        request = failing.create_infer_request()
        for settle in (0, 0.05):  # in flight, and over
            request.start_async([np.array([99], np.int64)])
            await asyncio.sleep(settle)
            with pytest.raises(coinfer.Error, match=r"(?i)gather"):
                await request
            assert await request is None

    run(main())


@each_loop
@pytest.mark.parametrize("kind", ["infer_async", "start_async", "queue"])
def test_an_await_returns_after_its_callback(
    run: Run, add: coinfer.CompiledModel, kind: str
) -> None:
    seen: list[Any] = []

    def callback(*arguments: Any) -> None:
        time.sleep(0.02)
        seen.append(arguments[-1])

    async def main() -> None:
        if kind == "queue":
            queue = coinfer.AsyncInferQueue(add, 1)
            queue.set_callback(callback)
            await queue.infer_async([x(1)], "data")
        else:
            request = add.create_infer_request()
            request.set_callback(callback, "data")
            if kind == "infer_async":
                await request.infer_async([x(1)])
            else:
                request.start_async([x(1)])
                await request
        assert seen == ["data"]

    run(main())


@each_loop
def test_a_failed_inference_raises_from_await_and_wait_alike(run: Run) -> None:
    failing = compiled(models.failing())
    bad = np.array([99], np.int64)
    good = np.array([1], np.int64)

    async def main() -> None:
        request = failing.create_infer_request()
        with pytest.raises(coinfer.Error) as awaited:
            await request.infer_async([bad])
        request.start_async([bad])
        with pytest.raises(coinfer.Error) as waited:
            request.wait()
        with pytest.raises(coinfer.Error) as direct:
            request.infer([bad])
        assert str(awaited.value) == str(waited.value) == str(direct.value)
        assert "Gather" in str(awaited.value) or "gather" in str(awaited.value)
        np.testing.assert_array_equal((await request.infer_async([good]))[0], [[2, 3]])
        with pytest.raises(coinfer.Error):
            await failing.infer_async([bad])
        with pytest.raises(coinfer.Error):
            await asyncio.create_task(failing.infer_async([bad]))

    run(main())


@each_loop
def test_cancelled_await_stops_the_inference_and_the_request_is_reusable(
    run: Run, slow: coinfer.CompiledModel
) -> None:
    data = slow_input(slow)

    async def main() -> None:
        request = slow.create_infer_request()
        begin = time.perf_counter()
        await request.infer_async([data])
        whole = time.perf_counter() - begin

        async def cancel_and_run_again() -> float:
            future = request.infer_async([data])
            await asyncio.sleep(whole / 10)
            begin = time.perf_counter()
            assert future.cancel()
            with pytest.raises(asyncio.CancelledError):
                await future
            # Started again at once: queues behind the run that is stopping.
            await request.infer_async([data])
            return time.perf_counter() - begin

        # One undisturbed attempt shows it; a busy machine may stretch any of them.
        attempts = 0
        while await cancel_and_run_again() >= 1.8 * whole + 0.05:
            attempts += 1
            assert attempts < 5

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(request.infer_async([data]), whole / 10)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(whole / 10):
                await request.infer_async([data])
        task = asyncio.create_task(slow.infer_async([data]))
        await asyncio.sleep(whole / 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(await request.infer_async([data])) == 1

    run(main())


@each_loop
def test_a_task_that_is_cancelled_before_it_began_cancels_the_inference(
    run: Run, slow: coinfer.CompiledModel
) -> None:
    data = slow_input(slow)

    async def failing_group(request: coinfer.InferRequest) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(request.infer_async([data]))
            raise LookupError

    async def main() -> None:
        # What is asked for after them waits for a stream, however late this thread goes on.
        before = [slow.infer_async([data]) for _ in range(8)]
        request = slow.create_infer_request()
        task = asyncio.create_task(request.infer_async([data]))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(coinfer.Cancelled):
            request.wait()

        request = slow.create_infer_request()
        with pytest.raises(ExceptionGroup):
            await failing_group(request)
        with pytest.raises(coinfer.Cancelled):
            request.wait()
        for future in before:
            future.cancel()

    run(main())


@each_loop
def test_request_cancel_raises_cancelled_in_the_await(
    run: Run, slow: coinfer.CompiledModel
) -> None:
    data = slow_input(slow)

    async def main() -> None:
        request = slow.create_infer_request()
        future = request.infer_async([data])
        await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(coinfer.Cancelled):
            await future
        await request.infer_async([data])

    run(main())


@each_loop
def test_timeout_argument(run: Run, slow: coinfer.CompiledModel) -> None:
    data = slow_input(slow)

    async def main() -> None:
        # Told by the loop's timer, or by the run when it is faster.
        with pytest.raises(coinfer.DeadlineExceeded, match=r"0\.001 s|its deadline") as caught:
            await slow.infer_async([data], timeout=0.001)
        assert isinstance(caught.value, TimeoutError)
        await slow.infer_async([data], timeout=60)
        with pytest.raises(coinfer.DeadlineExceeded):
            await slow.infer_async([data], timeout=Decimal("0.001"))
        await slow.infer_async([data], timeout=Decimal(60))
        with pytest.raises(ValueError):
            slow.infer_async([data], timeout=-1)

    run(main())


@each_loop
def test_a_deadline_stops_the_run_while_the_loop_is_blocked(
    run: Run, slow: coinfer.CompiledModel
) -> None:
    data = slow_input(slow)

    async def main() -> None:
        request = slow.create_infer_request()
        future = request.infer_async([data], timeout=0.001)
        with pytest.raises(coinfer.DeadlineExceeded, match="its deadline"):
            request.wait()
        assert not future.done()
        with pytest.raises(coinfer.DeadlineExceeded):
            await future

    run(main())


@each_loop
def test_a_started_request_is_busy(run: Run, slow: coinfer.CompiledModel) -> None:
    data = slow_input(slow)

    async def main() -> None:
        request = slow.create_infer_request()
        future = request.infer_async([data])
        with pytest.raises(coinfer.RequestBusy):
            request.infer_async([data])
        with pytest.raises(coinfer.RequestBusy):
            request.get_output_tensor(0)
        assert request.latency >= 0
        await future

    run(main())


@each_loop
def test_bad_input_is_refused_at_the_call_and_nothing_is_started(
    run: Run, add: coinfer.CompiledModel
) -> None:
    async def main() -> None:
        request = add.create_infer_request()
        for owner in (request, add):
            with pytest.raises(coinfer.Error, match="no_such"):
                owner.infer_async({"no_such": x(1)})
            with pytest.raises(coinfer.Error):
                owner.infer_async([np.zeros(5, np.float32)])
            with pytest.raises(TypeError):
                owner.infer_async([object()])
            np.testing.assert_array_equal((await owner.infer_async([x(1)]))[0], x(2))

    run(main())


@each_loop
@pytest.mark.parametrize("kind", ["request", "queue"])
def test_a_refused_call_changes_nothing_of_the_request(
    run: Run, add: coinfer.CompiledModel, kind: str
) -> None:
    seen: list[Any] = []
    queue = coinfer.AsyncInferQueue(add, 1)
    request = queue[0] if kind == "queue" else add.create_infer_request()
    runner: Any = queue if kind == "queue" else request
    if kind == "queue":
        queue.set_callback(lambda _, data: seen.append(data))
        queue.start_async([x(1)], "before")
        queue.wait_all()
    else:
        request.set_callback(seen.append, "before")
        request.infer([x(1)])

    def check_unchanged() -> None:
        np.testing.assert_array_equal(request.get_input_tensor(0).data, x(1))
        assert (queue.userdata[0] if kind == "queue" else request.userdata) == "before"

    async def main() -> None:
        for bad in ({"nope": x(7)}, [np.zeros(5, np.float32)], [object()]):
            with pytest.raises((coinfer.Error, TypeError)):
                runner.infer_async(bad, "bad")
            check_unchanged()
        for timeout in (-1, "soon"):
            with pytest.raises((TypeError, ValueError)):
                runner.infer_async([x(7)], "bad", timeout=timeout)
            check_unchanged()

    with pytest.raises(RuntimeError, match="no running event loop"):
        runner.infer_async([x(7)], "bad")
    check_unchanged()
    run(main())
    seen.clear()
    if kind == "queue":
        queue.start_async(None, "after")
        queue.wait_all()
    else:
        request.start_async(None, "after")
        request.wait()
    assert seen == ["after"]
    np.testing.assert_array_equal(request.get_output_tensor(0).data, x(2))


def test_a_run_that_cannot_start_leaves_userdata_alone() -> None:
    core = coinfer.Core()
    model = core.compile_model(core.read_model(models.two_inputs((None, 2))), "CPU")
    one = {"input_0": np.zeros((1, 2), np.float32)}
    request = model.create_infer_request()
    request.set_callback(lambda _: None, "before")
    queue = coinfer.AsyncInferQueue(model, 1)
    queue.set_callback(lambda *_: None)

    async def main() -> None:
        with pytest.raises(coinfer.Error, match="input_1"):
            request.infer_async(one, "bad")
        with pytest.raises(coinfer.Error, match="input_1"):
            queue.infer_async(one, "bad")

    asyncio.run(main())
    with pytest.raises(coinfer.Error, match="input_1"):
        request.start_async(one, "bad")
    with pytest.raises(coinfer.Error, match="input_1"):
        queue.start_async(one, "bad")
    assert request.userdata == "before"
    assert queue.userdata == [None]
    queue.wait_all()


@each_loop
def test_await_request_observes_start_async(run: Run, slow: coinfer.CompiledModel) -> None:
    data = slow_input(slow)

    async def wait_for(request: coinfer.InferRequest) -> None:
        assert await request is None

    async def main() -> None:
        request = slow.create_infer_request()
        assert await request is None
        request.start_async([data])
        await asyncio.gather(*(wait_for(request) for _ in range(5)))
        request.get_output_tensor(0)
        # Cancelling the observer leaves the run alone.
        request.start_async([data])
        task = asyncio.create_task(wait_for(request))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        request.wait()
        assert request.get_output_tensor(0).shape == slow.output(0).shape

    run(main())


def test_no_running_loop_is_a_clear_error(add: coinfer.CompiledModel) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        add.infer_async([x(1)])
    np.testing.assert_array_equal(add([x(1)])[0], x(2))


async def await_it(future: Any) -> None:
    await future


async def await_it_in_a_task(future: Any) -> None:
    await asyncio.wait_for(asyncio.create_task(future), 60)


@pytest.mark.parametrize("await_there", [await_it, await_it_in_a_task])
@each_loop
def test_awaiting_from_another_loop_is_an_error(
    run: Run, slow: coinfer.CompiledModel, await_there: Any
) -> None:
    problems: list[BaseException] = []

    async def main() -> None:
        future = slow.infer_async([slow_input(slow)])

        def thread() -> None:
            try:
                asyncio.run(await_there(future))
            except BaseException as problem:
                problems.append(problem)

        worker = threading.Thread(target=thread)
        worker.start()
        await asyncio.to_thread(worker.join)
        while not future.done():
            await asyncio.sleep(0.01)
        assert len(future.result()) == 1

    run(main())
    assert len(problems) == 1 and isinstance(problems[0], RuntimeError), problems
    assert "InferFuture" in str(problems[0]) and "different loop" in str(problems[0])


@each_loop
def test_a_loop_that_closes_with_work_in_flight(run: Run, slow: coinfer.CompiledModel) -> None:
    data = slow_input(slow)

    async def main() -> None:
        for _ in range(3):
            slow.infer_async([data])

    for _ in range(3):
        run(main())
    np.testing.assert_equal(len(slow([data])), 1)


@each_loop
def test_hundreds_of_loops_leave_nothing(run: Run, add: coinfer.CompiledModel) -> None:
    async def main() -> None:
        await asyncio.gather(*(add.infer_async([x(i)]) for i in range(3)))

    run(main())
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(200):
        run(main())
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 2


@each_loop
def test_shared_inputs_live_until_the_run_is_idle_and_no_longer(
    run: Run, slow: coinfer.CompiledModel
) -> None:
    class Array(np.ndarray):
        pass

    async def main() -> None:
        ahead = [slow.infer_async([slow_input(slow)]) for _ in range(4)]
        data = slow_input(slow).view(Array)
        alive = weakref.ref(data)
        future = slow.infer_async([data], share_inputs=True)
        del data
        assert alive() is not None
        await asyncio.gather(*ahead)
        del ahead
        await future
        del future
        for _ in range(2000):
            await asyncio.sleep(0.01)
            gc.collect()
            if alive() is None:
                break
        assert alive() is None

        data = slow_input(slow).view(Array)
        alive = weakref.ref(data)
        future = slow.infer_async([data], share_inputs=True)
        del data
        await asyncio.sleep(0.002)
        future.cancel()
        del future
        for _ in range(2000):
            await asyncio.sleep(0.01)
            gc.collect()
            if alive() is None:
                break
        assert alive() is None

    run(main())


def test_no_native_thread_takes_the_gil(slow: coinfer.CompiledModel) -> None:
    """All runs finish while one Python thread never gives the GIL up."""
    import sys

    data = slow_input(slow)
    requests = [slow.create_infer_request() for _ in range(3)]
    slow([data])
    begin = time.perf_counter()
    slow([data])
    enough = 1 + 10 * (time.perf_counter() - begin)
    old = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        for request in requests:
            request.start_async([data], share_inputs=True)
        begin = time.perf_counter()
        while time.perf_counter() - begin < enough:
            pass
        end = time.monotonic_ns()
    finally:
        sys.setswitchinterval(old)
    for request in requests:
        request.wait()
        stamps = coinfer.stats(request)
        assert 0 < stamps["queued"] <= stamps["started"] <= stamps["finished"] < end


@each_loop
def test_infer_async_never_computes_on_the_loops_thread(
    run: Run, add: coinfer.CompiledModel, slow: coinfer.CompiledModel
) -> None:
    async def main() -> None:
        for model, data in ((add, x(1)), (slow, slow_input(slow))):
            request = model.create_infer_request()
            for _ in range(20 if model is add else 2):
                await request.infer_async([data])
                assert coinfer.stats(request)["thread"] != threading.get_native_id()
            request.infer([data])
            assert coinfer.stats(request)["thread"] == threading.get_native_id()

    run(main())


@each_loop
def test_the_loop_turns_while_inferences_run(run: Run, slow: coinfer.CompiledModel) -> None:
    data = slow_input(slow)

    async def main() -> None:
        turns = 0
        futures = [slow.infer_async([data]) for _ in range(4)]
        while not all(future.done() for future in futures):
            await asyncio.sleep(0)
            turns += 1
        assert turns > 20
        await asyncio.gather(*futures)

    run(main())


def test_priority_goes_first(slow: coinfer.CompiledModel) -> None:
    data = slow_input(slow)

    async def main() -> None:
        order: list[str] = []

        async def one(name: str, priority: int) -> None:
            await slow.infer_async([data], priority=priority)
            order.append(name)

        tasks = [asyncio.create_task(one(f"low{i}", 0)) for i in range(4)]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(one("high", 5)))
        await asyncio.gather(*tasks)
        assert order.index("high") <= 1

    asyncio.run(main())


@each_loop
def test_a_task_of_an_awaited_inference_has_a_repr(
    run: Run, add: coinfer.CompiledModel, slow: coinfer.CompiledModel
) -> None:
    async def main() -> None:
        task = asyncio.create_task(slow.infer_async([slow_input(slow)]), name="mine")
        for _ in range(3):  # before its first step, and while it waits
            assert repr(task).startswith("<Task pending name='mine' coro=<InferFuture() ")
            assert repr(task) in repr(asyncio.all_tasks())
            await asyncio.sleep(0)
        await task
        assert "<Task finished name='mine' coro=<InferFuture() " in repr(task)

        cancelled = asyncio.create_task(slow.infer_async([slow_input(slow)]))
        await asyncio.sleep(0)
        cancelled.cancel()
        repr(cancelled)
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert "<Task cancelled " in repr(cancelled)
        # Others' are shown as ever.
        assert "main() running at " in repr(asyncio.current_task())

    run(main())


@each_loop
def test_a_loop_that_reports_every_callback_runs_tasks(
    run: Run, add: coinfer.CompiledModel, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        loop.slow_callback_duration = 0
        results = await asyncio.create_task(add.infer_async([x(1)]), name="reported")
        np.testing.assert_array_equal(results[0], x(2))
        async with asyncio.TaskGroup() as group:
            three = [group.create_task(add.infer_async([x(i)])) for i in range(3)]
        assert [task.result()[0][0] for task in three] == [1, 2, 3]

    with caplog.at_level("WARNING", "asyncio"):
        run(main())
    assert any("name='reported' coro=<InferFuture()" in text for text in caplog.messages)


@each_loop
def test_a_task_whose_error_nobody_asked_for_is_reported(run: Run) -> None:
    failing = compiled(models.failing())
    reports: list[dict[str, Any]] = []
    shown: list[str] = []

    def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        reports.append(context)
        shown.append(repr(context))

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(report)
        task = asyncio.create_task(failing.infer_async([np.array([99], np.int64)]), name="lost")
        await asyncio.wait([task])
        del task
        gc.collect()

    run(main())
    assert [each["message"] for each in reports] == ["Task exception was never retrieved"]
    assert isinstance(reports[0]["exception"], coinfer.Error)
    assert "name='lost' coro=<InferFuture() " in shown[0]


@each_loop
def test_the_default_report_of_a_lost_error_is_asyncios(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    failing = compiled(models.failing())

    async def main() -> None:
        task = asyncio.create_task(failing.infer_async([np.array([99], np.int64)]), name="lost")
        await asyncio.wait([task])
        del task
        gc.collect()

    with caplog.at_level("ERROR", "asyncio"):
        run(main())
    (text,) = caplog.messages
    assert text.startswith("Task exception was never retrieved")
    assert "name='lost' coro=<InferFuture() " in text


@each_loop
def test_throw_takes_exceptions_only(run: Run, add: coinfer.CompiledModel) -> None:
    async def main() -> None:
        future = add.infer_async([x(1)])
        for wrong in (5, "error", int, None):
            with pytest.raises(TypeError, match="BaseException"):
                future.throw(wrong)
        with pytest.raises(TypeError, match="needs an exception"):
            future.throw()
        for right in ((KeyError("x"),), (KeyError, "x"), (KeyError, KeyError("x"), None)):
            with pytest.raises(KeyError, match="x"):
                future.throw(*right)
        np.testing.assert_array_equal((await future)[0], x(2))

    run(main())


def test_tasks_are_taught_once_and_not_where_asyncio_differs(
    monkeypatch: pytest.MonkeyPatch, add: coinfer.CompiledModel
) -> None:
    async def main() -> None:
        await add.infer_async([x(1)])

    asyncio.run(main())
    shown = asyncio.coroutines._format_coroutine  # type: ignore[attr-defined]
    tasks.teach(coinfer.InferFuture)
    assert asyncio.coroutines._format_coroutine is shown  # type: ignore[attr-defined]
    monkeypatch.delattr(asyncio.coroutines, "_format_coroutine")
    tasks.teach(coinfer.InferFuture)
    assert not hasattr(asyncio.coroutines, "_format_coroutine")


@pytest.mark.parametrize("kind", ["request", "queue"])
def test_callbacks_see_no_context_variables(add: coinfer.CompiledModel, kind: str) -> None:
    variable = contextvars.ContextVar("variable", default="nothing")
    seen: list[str] = []
    token = variable.set("set where it was started")
    if kind == "request":
        request = add.create_infer_request()
        request.set_callback(lambda _: seen.append(variable.get()), None)
        request.start_async([x(1)])
        request.wait()
    else:
        queue = coinfer.AsyncInferQueue(add, 1)
        queue.set_callback(lambda *_: seen.append(variable.get()))
        queue.start_async([x(1)])
        queue.wait_all()
    variable.reset(token)
    assert seen == ["nothing"]
