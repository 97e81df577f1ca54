"""What keeps memory alive, and that nothing leaks."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import coinfer
from tests.python.loops import WithoutReader
from tests.python.models import IN_F32, one_add, slow

X = np.arange(16, dtype=np.float32).reshape(1, 16)


class Array(np.ndarray):
    """An array that can be watched."""


def watched() -> tuple[np.ndarray, weakref.ref[Any]]:
    array = X.copy().view(Array)
    return array, weakref.ref(array)


def gone(reference: weakref.ref[Any], seconds: float = 10) -> bool:
    """A worker lets go of a run just after its waiters were told, by a pending call."""
    gc.collect()
    until = time.monotonic() + seconds
    while reference() is not None and time.monotonic() < until:
        time.sleep(0.001)
        gc.collect(1)
    return reference() is None


@pytest.fixture
def model() -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(one_add(), "CPU", {})


def test_shared_input_lives_as_long_as_it_is_set(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()
    array, reference = watched()
    request.infer(array, share_inputs=True)
    del array
    assert not gone(reference, 0.05)
    np.testing.assert_array_equal(request.infer()[0], X + 1)
    request.infer(X, share_inputs=True)
    assert gone(reference)


def test_shared_input_is_released_with_the_request(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()
    array, reference = watched()
    request.start_async(array, share_inputs=True)
    request.wait()
    del array, request
    assert gone(reference)


def test_shared_input_of_a_dropped_request_lives_until_its_run_is_over() -> None:
    compiled = coinfer.Core().compile_model(slow(), "CPU", IN_F32)
    shape = [d.get_length() if d.is_static else 1 for d in compiled.input().partial_shape]
    array = np.zeros(shape, np.float32).view(Array)
    reference = weakref.ref(array)
    request = compiled.create_infer_request()
    request.start_async(array, share_inputs=True)
    assert request.wait_for(0) or reference() is not None
    del array, request
    assert gone(reference)


def test_unshared_input_is_not_kept(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()
    array, reference = watched()
    request.infer(array)
    del array
    assert gone(reference)


def test_views_outlive_request_and_model() -> None:
    compiled = coinfer.Core().compile_model(one_add(), "CPU", {})
    view = compiled(X, share_outputs=True)[0]
    data = compiled.create_infer_request().get_output_tensor(0).data
    del compiled
    gc.collect()
    np.testing.assert_array_equal(view, X + 1)
    assert data.shape == (1, 16)


def test_callbacks_and_userdata_are_released(model: coinfer.CompiledModel) -> None:
    class Data:
        pass

    data = Data()
    reference = weakref.ref(data)
    request = model.create_infer_request()
    request.set_callback(lambda userdata: None, data)
    request.start_async(X)
    request.wait()
    del data, request
    assert gone(reference)


def test_failed_parses_leak_no_references(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()
    array = X.copy()
    bad = {"x": array, "nope": array}
    before = sys.getrefcount(array)
    for _ in range(100):
        with pytest.raises(RuntimeError):
            request.infer(bad, share_inputs=True)
    gc.collect()
    assert sys.getrefcount(array) == before


def test_many_calls_do_not_grow_the_process(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()
    queue = coinfer.AsyncInferQueue(model, 2)
    queue.set_callback(lambda request, item: None)
    large = np.zeros((1, 16), np.float32)

    def work() -> None:
        for i in range(2000):
            model({"x": large})
            request.infer([X.astype(np.float64)], share_outputs=True)
            _ = request.get_output_tensor().data
            request.start_async(X, share_inputs=True)
            request.wait()
            queue.start_async(X, i)
            with pytest.raises(RuntimeError):
                model({"nope": X})
        queue.wait_all()

    work()
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        work()
    gc.collect()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 2048, f"{grown} KiB more"


class Application:
    """What programs make of it: an object that owns what calls it back."""

    def __init__(self, model: coinfer.CompiledModel, kind: str) -> None:
        self.calls = 0
        self.runner: Any
        if kind == "queue":
            self.runner = coinfer.AsyncInferQueue(model, 2)
            self.runner.set_callback(self.called)
        elif kind == "callback":
            self.runner = model.create_infer_request()
            self.runner.set_callback(self.called, None)
        else:
            self.runner = model.create_infer_request()
            self.runner.set_callback(print_nothing, self)

    def called(self, *_arguments: Any) -> None:
        self.calls += 1


def print_nothing(*_arguments: Any) -> None:
    """A callback that holds nothing."""


@pytest.mark.parametrize("kind", ["queue", "callback", "userdata"])
def test_a_cycle_through_a_callback_is_collected(model: coinfer.CompiledModel, kind: str) -> None:
    application = Application(model, kind)
    reference = weakref.ref(application)
    application.runner.start_async(X)
    application.runner.wait_all() if kind == "queue" else application.runner.wait()
    del application
    assert gone(reference)


def test_a_cycle_with_a_run_in_flight_lives_until_its_callback_returned() -> None:
    core = coinfer.Core()
    model = core.compile_model(core.read_model(slow(400, 128)), "CPU", IN_F32)
    request = model.create_infer_request()
    calls: list[int] = []
    request.set_callback(lambda owner: calls.append(len([owner])), request)
    reference = weakref.ref(request)
    request.start_async([np.zeros(model.input(0).shape, np.float32)])
    del request
    gc.collect()
    assert reference() is not None or calls == [1]
    until = time.monotonic() + 30
    while not calls and time.monotonic() < until:
        time.sleep(0.001)
    assert calls == [1]
    assert gone(reference)


def test_a_subclass_of_a_request_is_collected(model: coinfer.CompiledModel) -> None:
    class Queue(coinfer.AsyncInferQueue):
        def made_known(self) -> weakref.ref[Any]:
            self.me = self
            self.set_callback(lambda *_: self)
            return weakref.ref(self)

    reference = Queue(model, 1).made_known()
    assert gone(reference)


class Owner:
    """An object that an attribute of what it owns refers to."""

    def __init__(self, owned: Any) -> None:
        self.owned = owned
        owned.owner = self


def owned(kind: str) -> Any:
    core = coinfer.Core()
    model = core.compile_model(core.read_model(one_add((None, 16))), "CPU")
    make: dict[str, Callable[[], Any]] = {
        "model": lambda: model,
        "batcher": lambda: coinfer.Batcher(model),
        "native batcher": lambda: coinfer._coinfer._Batcher(model),
        "request": model.create_infer_request,
        "queue": lambda: coinfer.AsyncInferQueue(model, 1),
    }
    return make[kind]()


@pytest.mark.parametrize("kind", ["model", "batcher", "native batcher", "request", "queue"])
def test_a_cycle_through_an_attribute_is_collected(kind: str) -> None:
    owner = Owner(owned(kind))
    reference = weakref.ref(owner)
    gc.collect()
    assert owner.owned.owner is owner  # collecting what is in use changes nothing
    del owner
    assert gone(reference)


def test_a_cycle_through_a_batcher_that_was_used_is_collected() -> None:
    async def main() -> weakref.ref[Any]:
        model = owned("model")
        async with coinfer.Batcher(model, 4, 0) as batcher:
            owner = Owner(batcher)
            model.owner = batcher
            future = batcher.infer_async(X)
            reference = weakref.ref(owner)
            del owner
            gc.collect()
            assert batcher.owner.owned is batcher  # type: ignore[attr-defined]
            np.testing.assert_array_equal((await future)[0], X + 1)
        return reference

    assert gone(asyncio.run(main()))


def test_a_loop_that_drops_its_call_lets_go_of_the_results() -> None:
    core = coinfer.Core()
    model = core.compile_model(core.read_model(one_add((1, 16))), "CPU")
    loop = WithoutReader()

    async def main() -> None:
        model.infer_async([X])

    def wait_for_the_call(_: object) -> None:
        """In the loop's last turn: what comes into its queue now is never called."""
        until = time.monotonic() + 10
        while not loop._ready and time.monotonic() < until:
            time.sleep(0.001)
        loop.stop()

    task = loop.create_task(main())
    task.add_done_callback(wait_for_the_call)
    loop.run_forever()
    loop.close()
