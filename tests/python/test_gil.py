"""What releases the GIL: seen by a second Python thread."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import coinfer
from tests.python import models

SHAPE = (48, 1024, 1024)  # 192 MiB


class Ticker:
    """A thread that counts, and gives the GIL up at each turn."""

    def __init__(self) -> None:
        self.count = 0
        self.stopped = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while not self.stopped:
            self.count += 1
            time.sleep(0)


@pytest.fixture
def ticker() -> Iterator[Ticker]:
    """While Python itself switches threads on nobody's behalf."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    ticker = Ticker()
    try:
        yield ticker
    finally:
        ticker.stopped = True
        ticker.thread.join()
        sys.setswitchinterval(interval)


@pytest.fixture
def model() -> coinfer.CompiledModel:
    core = coinfer.Core()
    return core.compile_model(core.read_model(models.one_add(SHAPE)), "CPU")


Submit = Callable[[np.ndarray], object]


def starting(model: coinfer.CompiledModel) -> Submit:
    return model.create_infer_request().start_async


def starting_on_queue(model: coinfer.CompiledModel) -> Submit:
    return coinfer.AsyncInferQueue(model, 2).start_async


def making_a_tensor(_model: coinfer.CompiledModel) -> Submit:
    return lambda data: coinfer.Tensor(data, shared_memory=False)


LAYOUTS = ["contiguous", "strided", "cast"]


def large(layout: str) -> np.ndarray:
    data = np.zeros(SHAPE, np.float32 if layout != "cast" else np.float64)
    return data.transpose(0, 2, 1) if layout == "strided" else data


@pytest.mark.parametrize("prepare", [starting, starting_on_queue, making_a_tensor])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_copying_a_large_input_lets_other_threads_run(
    model: coinfer.CompiledModel,
    ticker: Ticker,
    prepare: Callable[[coinfer.CompiledModel], Submit],
    layout: str,
) -> None:
    data = large(layout)
    submit = prepare(model)
    before = ticker.count
    submit(data)
    assert ticker.count > before + 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_copying_at_an_await_lets_other_threads_run(
    model: coinfer.CompiledModel, ticker: Ticker, layout: str
) -> None:
    data = large(layout)

    async def main() -> None:
        before = ticker.count
        future = model.infer_async([data])
        after = ticker.count
        await future
        assert after > before + 1

    asyncio.run(main())


def test_a_small_input_keeps_the_gil(ticker: Ticker) -> None:
    """What the tests above see is the copy's doing."""
    core = coinfer.Core()
    model = core.compile_model(core.read_model(models.one_add((4,))), "CPU")
    tensor = model.create_infer_request().get_input_tensor(0)
    data = np.zeros(4, np.float32)
    before = ticker.count
    for _ in range(1000):
        tensor.copy_from(data)
    assert ticker.count == before
