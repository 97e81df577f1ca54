"""AsyncInferQueue, and the callbacks of requests and queues."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

import coinfer
from tests.python.models import IN_F32, one_add, slow

X = np.arange(16, dtype=np.float32).reshape(1, 16)


@pytest.fixture
def model() -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(one_add(), "CPU", {})


def test_every_item_is_answered_once(model: coinfer.CompiledModel) -> None:
    queue = coinfer.AsyncInferQueue(model, 4)
    answers: dict[int, np.ndarray] = {}

    def keep(request: coinfer.InferRequest, item: int) -> None:
        assert item not in answers
        answers[item] = request.get_output_tensor().data.copy()

    queue.set_callback(keep)
    for item in range(300):
        queue.start_async({"x": X + item}, item)
    queue.wait_all()
    assert sorted(answers) == list(range(300))
    for item, answer in answers.items():
        np.testing.assert_array_equal(answer, X + item + 1)


def test_without_callback(model: coinfer.CompiledModel) -> None:
    queue = coinfer.AsyncInferQueue(model, 2)
    queue.start_async(X, "a")
    queue.start_async([X], userdata="b", share_inputs=True)
    queue.wait_all()
    assert queue.userdata == ["a", "b"]
    for request in queue:
        np.testing.assert_array_equal(request.results[0], X + 1)
    queue.start_async()
    queue.wait_all()
    assert queue.is_ready()
    assert queue.get_idle_request_id() in (0, 1)


def test_length_indexing_and_defaults(model: coinfer.CompiledModel) -> None:
    queue = coinfer.AsyncInferQueue(model, 3)
    assert len(queue) == len(list(queue)) == 3
    assert repr(queue) == "<AsyncInferQueue: 3 jobs>"
    assert queue.userdata == [None] * 3
    with pytest.raises(IndexError, match="there is no request 3"):
        queue[3]
    for index in (-1, 2**70, 1.5):
        with pytest.raises(TypeError, match="int"):
            queue[index]
    number = model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    assert len(coinfer.AsyncInferQueue(model)) == number
    with pytest.raises(TypeError):
        coinfer.AsyncInferQueue(model, -1)
    with pytest.raises(TypeError):
        queue.set_callback(5)


def test_bad_inputs_are_raised_at_once_and_lose_no_request(model: coinfer.CompiledModel) -> None:
    queue = coinfer.AsyncInferQueue(model, 1)
    for _ in range(5):
        with pytest.raises(RuntimeError, match="nope"):
            queue.start_async({"nope": X})
        with pytest.raises(TypeError):
            queue.start_async({"x": None})
    queue.start_async(X)
    queue.wait_all()


def test_error_of_a_callback_is_raised_by_wait_all_once(model: coinfer.CompiledModel) -> None:
    queue = coinfer.AsyncInferQueue(model, 2)
    seen: list[int] = []

    def fail_on_three(request: coinfer.InferRequest, item: int) -> None:
        seen.append(item)
        if item == 3:
            raise KeyError("three")

    queue.set_callback(fail_on_three)
    for item in range(10):
        queue.start_async(X, item)
    with pytest.raises(KeyError, match="three"):
        queue.wait_all()
    queue.wait_all()
    assert sorted(seen) == list(range(10))
    queue.start_async(X, 11)
    queue.wait_all()
    assert seen[-1] == 11


def test_further_errors_go_to_the_unraisable_hook(
    model: coinfer.CompiledModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(args.exc_value))
    queue = coinfer.AsyncInferQueue(model, 1)

    def fail(request: coinfer.InferRequest, item: int) -> None:
        raise ValueError(str(item))

    queue.set_callback(fail)
    for item in range(3):
        queue.start_async(X, item)
    with pytest.raises(ValueError, match="0"):
        queue.wait_all()
    assert [str(error) for error in unraisable] == ["1", "2"]


def test_callbacks_never_overlap_and_leave_the_callers_thread(model: coinfer.CompiledModel) -> None:
    queue = coinfer.AsyncInferQueue(model, 4)
    inside = 0
    most = 0
    threads = set()

    def count(request: coinfer.InferRequest, item: int) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        threads.add(threading.get_ident())
        sum(range(2000))
        inside -= 1

    queue.set_callback(count)
    for item in range(100):
        queue.start_async(X, item)
    queue.wait_all()
    assert most == 1
    assert threading.get_ident() not in threads


def test_callback_of_a_request(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()
    seen: list[Any] = []
    request.set_callback(seen.append, 7)
    assert request.userdata == 7
    request.start_async(X)
    request.wait()
    assert seen == [7]
    request.start_async(X, 9)
    request.wait()
    assert seen == [7, 9]
    request.infer(X)
    assert seen == [7, 9]
    with pytest.raises(TypeError):
        request.set_callback(None, 1)


def test_error_of_a_requests_callback_is_raised_by_wait_once(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()

    def fail(userdata: Any) -> None:
        raise LookupError("mine")

    request.set_callback(fail, None)
    for _ in range(2):
        request.start_async(X)
        with pytest.raises(LookupError, match="mine") as raised:
            request.wait()
        assert raised.traceback[-1].name == "fail"
        request.wait()


def test_error_of_a_requests_callback_that_nobody_waited_for_goes_to_the_unraisable_hook(
    model: coinfer.CompiledModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: unraisable.append(args.exc_value))
    request = model.create_infer_request()

    def fail(item: int) -> None:
        raise ValueError(str(item))

    for item in range(3):
        request.set_callback(fail, item)
        request.start_async(X)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                request.set_callback(fail, item + 1)
                break
            except coinfer.RequestBusy:
                time.sleep(0.001)
    with pytest.raises(ValueError, match="2"):
        request.wait()
    assert [str(error) for error in unraisable] == ["0", "1"]


def test_request_is_started_again_in_its_callback(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()
    left = 5
    done = threading.Event()

    def again(userdata: Any) -> None:
        nonlocal left
        left -= 1
        if left > 0:
            request.start_async(request.get_output_tensor().data.copy())
        else:
            done.set()

    request.set_callback(again, None)
    request.start_async(X)
    assert done.wait(30)
    request.wait()
    np.testing.assert_array_equal(request.results[0], X + 5)


def test_wait_inside_the_own_callback_raises_instead_of_hanging(
    model: coinfer.CompiledModel,
) -> None:
    request = model.create_infer_request()

    def wait(userdata: Any) -> None:
        request.wait()

    request.set_callback(wait, None)
    request.start_async(X)
    with pytest.raises(coinfer.Error, match="callback"):
        request.wait()

    queue = coinfer.AsyncInferQueue(model, 1)
    queue.set_callback(lambda request, item: queue.wait_all())
    queue.start_async(X)
    with pytest.raises(coinfer.Error, match="callback"):
        queue.wait_all()


def test_queue_is_started_from_its_callback_while_a_request_is_idle(
    model: coinfer.CompiledModel,
) -> None:
    queue = coinfer.AsyncInferQueue(model, 2)
    seen: list[int] = []

    def again(request: coinfer.InferRequest, item: int) -> None:
        seen.append(item)
        if item < 5:
            queue.start_async(X, item + 1)

    queue.set_callback(again)
    queue.start_async(X, 0)
    for _ in range(10):
        queue.wait_all()
    assert seen == list(range(6))


def test_queue_is_started_by_the_end_of_userdata(model: coinfer.CompiledModel) -> None:
    queue = coinfer.AsyncInferQueue(model, 1)
    seen: list[object] = []
    queue.set_callback(lambda _, userdata: seen.append(type(userdata).__name__))

    class Last:
        def __del__(self) -> None:
            queue.start_async(X, "started by it")

    queue.start_async(X, Last())
    # The request forgets its last userdata now, and there is no other request.
    worker = threading.Thread(target=queue.start_async, args=(X, 3), daemon=True)
    worker.start()
    worker.join(30)
    assert not worker.is_alive()
    queue.wait_all()
    assert seen == ["Last", "int", "str"]


def test_request_or_queue_dropped_in_flight_finishes_its_callback(
    model: coinfer.CompiledModel,
) -> None:
    done = threading.Semaphore(0)
    for _ in range(20):
        request = model.create_infer_request()
        request.set_callback(lambda userdata: done.release(), None)
        request.start_async(X)
        del request
        queue = coinfer.AsyncInferQueue(model, 2)
        queue.set_callback(lambda request, item: done.release())
        queue.start_async(X)
        queue.start_async(X)
        del queue
    for _ in range(60):
        assert done.acquire(timeout=30)


def test_cancelled_items_are_told_by_wait_all() -> None:
    compiled = coinfer.Core().compile_model(slow(), "CPU", IN_F32)
    shape = [d.get_length() if d.is_static else 1 for d in compiled.input().partial_shape]
    queue = coinfer.AsyncInferQueue(compiled, 2)
    for _ in range(2):
        queue.start_async(np.zeros(shape, np.float32))
    for request in queue:
        request.cancel()
    with pytest.raises(coinfer.Cancelled):
        queue.wait_all()
    queue.start_async(np.zeros(shape, np.float32))
    queue.wait_all()


def test_queue_used_from_many_threads(model: coinfer.CompiledModel) -> None:
    queue = coinfer.AsyncInferQueue(model, 3)
    answers: list[float] = []
    queue.set_callback(lambda request, item: answers.append(item))

    def work(start: int) -> None:
        for item in range(start, start + 50):
            queue.start_async(X, item)

    threads = [threading.Thread(target=work, args=(n * 50,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue.wait_all()
    assert sorted(answers) == list(range(200))


def test_requests_of_a_queue_are_told_apart(model: coinfer.CompiledModel) -> None:
    queue = coinfer.AsyncInferQueue(model, 2)
    assert queue[0] == queue[0]
    assert queue[0] != queue[1]
    seen: list[coinfer.InferRequest] = []
    queue.set_callback(lambda request, item: seen.append(request))
    queue.start_async(X)
    queue.start_async(X)
    queue.wait_all()
    assert set(seen) == set(queue)
