"""How long an array that is shared with an inference lives: every way to start one, every end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import onnx
import pytest

import coinfer
from tests.python import models

ENDS = ["done", "cancelled", "failed", "dropped"]


class Array(np.ndarray):
    """An array that can be watched."""


def of_rows(model: onnx.ModelProto) -> onnx.ModelProto:
    """With any number of rows, as a Batcher wants it."""
    for port in (model.graph.input[0], model.graph.output[0]):
        port.type.tensor_type.shape.dim[0].dim_param = "rows"
    return model


class Case:
    """A model whose run ends so, and an array for it, which this gives away once."""

    def __init__(self, end: str) -> None:
        self.end = end
        if end == "done":
            model, array = models.one_add((1, 4)), np.ones((1, 4), np.float32)
        elif end == "failed":
            model, array = models.failing(), np.array([99], np.int64)  # out of range
        else:
            model, array = models.slow(600, 256), np.zeros((256, 256), np.float32)
        config = {**models.IN_F32, "NUM_STREAMS": 1}
        self.model = coinfer.Core().compile_model(of_rows(model), "CPU", config)
        self.other = array.copy()
        self._array = [array.view(Array)]
        self.reference = weakref.ref(self._array[0])

    def array(self) -> np.ndarray:
        return self._array.pop()

    def alive(self) -> bool:
        gc.collect()
        return self.reference() is not None

    def gone(self, seconds: float = 20) -> bool:
        """A worker lets go of a run just after its waiters were told."""
        until = time.monotonic() + seconds
        while self.alive() and time.monotonic() < until:
            time.sleep(0.001)
        return not self.alive()


class Interrupted(Exception):
    """What the handler of a signal raises in a call that blocks."""


@contextlib.contextmanager
def interruption(case: Case) -> Iterator[None]:
    """Behind a run that has the stream, until a signal comes."""
    blocker = case.model.create_infer_request()
    blocker.start_async(case.other)

    def handler(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, handler)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.02, signal.pthread_kill, [main, signal.SIGUSR1])
    timer.start()
    try:
        yield
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
        blocker.cancel()
        with contextlib.suppress(coinfer.Cancelled):
            blocker.wait()


def block(case: Case, call: Callable[[np.ndarray], object]) -> None:
    if case.end == "cancelled":
        with pytest.raises(Interrupted), interruption(case):
            call(case.array())
    elif case.end == "failed":
        with pytest.raises(coinfer.Error):
            call(case.array())
    else:
        call(case.array())


@pytest.mark.parametrize("end", ["done", "cancelled", "failed"])
def test_a_call_keeps_a_shared_array_until_the_next_call_or_the_models_end(end: str) -> None:
    """`compiled()` without inputs runs with what is set."""
    case = Case(end)
    block(case, case.model)
    assert case.alive()
    if end == "done":
        np.testing.assert_array_equal(case.model()[0], case.other + 1)
    with contextlib.suppress(coinfer.Error):
        case.model(case.other)
    assert case.gone()

    case = Case(end)
    block(case, case.model)
    del case.model
    assert case.gone()


@pytest.mark.parametrize("end", ["done", "cancelled", "failed"])
def test_a_blocking_request_keeps_a_shared_array_until_it_is_given_another(end: str) -> None:
    case = Case(end)
    request = case.model.create_infer_request()
    block(case, partial(request.infer, share_inputs=True))
    assert case.alive()
    with contextlib.suppress(coinfer.Error):
        request.infer(case.other)
    assert case.gone()

    case = Case(end)
    request = case.model.create_infer_request()
    block(case, partial(request.infer, share_inputs=True))
    del request
    assert case.gone()


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", ["request", "queue"])
def test_start_async_keeps_a_shared_array_until_the_run_is_idle_and_its_request_gone(
    end: str, kind: str
) -> None:
    case = Case(end)
    if kind == "queue":
        owner: Any = coinfer.AsyncInferQueue(case.model, 1)
        request, wait = owner[0], owner.wait_all
    else:
        owner = request = case.model.create_infer_request()
        wait = owner.wait
    owner.start_async(case.array(), None, True)
    assert case.alive()
    if end == "cancelled":
        request.cancel()
        with pytest.raises(coinfer.Cancelled):
            wait()
    elif end == "failed":
        with pytest.raises(coinfer.Error):
            wait()
    elif end == "done":
        wait()
    assert case.alive()
    del owner, request, wait
    assert case.gone()


Start = Callable[[Case], tuple[Any, "asyncio.Future[Any]"]]


def of_model(case: Case) -> tuple[Any, asyncio.Future[Any]]:
    return None, case.model.infer_async(case.array(), share_inputs=True)


def of_request(case: Case) -> tuple[Any, asyncio.Future[Any]]:
    request = case.model.create_infer_request()
    return request, request.infer_async(case.array(), share_inputs=True)


def of_queue(case: Case) -> tuple[Any, asyncio.Future[Any]]:
    queue = coinfer.AsyncInferQueue(case.model, 1)
    return queue, queue.infer_async(case.array(), share_inputs=True)


def of_busy_queue(case: Case) -> tuple[Any, asyncio.Future[Any]]:
    """The await waits for a request first."""
    queue = coinfer.AsyncInferQueue(case.model, 1)
    ahead = queue.infer_async(case.other)
    ahead.add_done_callback(lambda future: future.cancelled() or future.exception())
    if case.end in ("cancelled", "dropped"):
        assert not queue.is_ready()
    return queue, queue.infer_async(case.array(), share_inputs=True)


def of_batcher(case: Case) -> tuple[Any, asyncio.Future[Any]]:
    batcher = coinfer.Batcher(case.model, max_batch=256, max_delay_ms=0)
    return None, batcher.infer_async(case.array(), share_inputs=True)


def of_waiting_batcher(case: Case) -> tuple[Any, asyncio.Future[Any]]:
    batcher = coinfer.Batcher(case.model, max_batch=512, max_delay_ms=200)
    return None, batcher.infer_async(case.array(), share_inputs=True)


def of_stream(case: Case) -> tuple[Any, asyncio.Future[Any]]:
    """The stream gives items back, so that they are not the arrays."""
    kept = [case.array()]
    stream = coinfer.infer_stream(case.model, [0], inputs=lambda _: kept.pop(), share_inputs=True)

    async def first() -> None:
        async for _ in stream:
            pass

    return None, asyncio.ensure_future(first())


async def ended(case: Case, future: Awaitable[Any]) -> None:
    if case.end == "done":
        await future
    elif case.end == "failed":
        with pytest.raises(coinfer.Error):
            await future
    elif case.end == "cancelled":
        future.cancel()  # type: ignore[attr-defined]
        with pytest.raises(asyncio.CancelledError):
            await future


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    "start",
    [of_model, of_request, of_queue, of_busy_queue, of_batcher, of_waiting_batcher, of_stream],
)
def test_an_await_keeps_a_shared_array_until_the_run_is_idle_and_its_request_gone(
    start: Start, end: str
) -> None:
    case = Case(end)

    async def main() -> Any:
        owner, future = start(case)
        if end in ("cancelled", "dropped"):
            await asyncio.sleep(0.01)
            # A batch that runs has copied its rows.
            assert start is of_batcher or case.alive()
        await ended(case, future)
        if end == "dropped":
            return None
        del future
        if owner is None or (start is of_busy_queue and end == "cancelled"):
            assert case.gone()  # there is no request where it is set
        else:
            assert case.alive()
        return owner

    owner = asyncio.run(main())
    del owner
    assert case.gone()
