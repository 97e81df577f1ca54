"""Batcher: requests that run together, on asyncio, asyncio in debug mode, and uvloop."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import coinfer
from tests.python import models
from tests.python.loops import Run, each_loop

FEATURES = 16


def compiled(model: object, **config: object) -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(coinfer.Core().read_model(model), "CPU", config)


@pytest.fixture
def mlp() -> coinfer.CompiledModel:
    return compiled(models.dynamic_mlp(features=FEATURES))


@pytest.fixture
def ragged() -> coinfer.CompiledModel:
    return compiled(models.two_inputs((None, None)))


@pytest.fixture
def slow() -> coinfer.CompiledModel:
    """``x`` [rows, 256] through a thousand layers."""
    model = models.slow(1000, 256)
    for port in (model.graph.input[0], model.graph.output[0]):
        port.type.tensor_type.shape.dim[0].dim_param = "rows"
    return compiled(model)


@pytest.fixture
def table() -> coinfer.CompiledModel:
    """Row ``index`` of a table of four; an index out of range is found while it runs."""
    node = helper.make_node("Gather", ["table", "index"], ["y"], "gather")
    values = numpy_helper.from_array(np.arange(8, dtype=np.float32).reshape(4, 2), "table")
    ports = [
        helper.make_tensor_value_info("index", TensorProto.INT64, ["rows"]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 2]),
    ]
    graph = helper.make_graph([node], "table", ports[:1], ports[1:], [values])
    opsets = [helper.make_opsetid("", 17)]
    return compiled(helper.make_model(graph, ir_version=8, opset_imports=opsets))


def x(seed: int, rows: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, FEATURES)).astype(np.float32)


def expected(model: coinfer.CompiledModel, given: np.ndarray) -> np.ndarray:
    return np.asarray(model.infer_new_request(given)[0])


def settled(wanted: Callable[[], bool], seconds: float = 20) -> bool:
    """Workers let go of what they ran just after its waiters were told."""
    until = time.monotonic() + seconds
    while not wanted() and time.monotonic() < until:
        gc.collect()
        time.sleep(0.001)
    return wanted()


@each_loop
def test_results_are_those_of_single_calls(run: Run, mlp: coinfer.CompiledModel) -> None:
    async def main() -> None:
        async with coinfer.Batcher(mlp, max_batch=8, max_delay_ms=5) as batcher:
            inputs = [x(i, 1 + i % 3) for i in range(50)]
            results = await asyncio.gather(*(batcher.infer_async(each) for each in inputs))
            for given, result in zip(inputs, results, strict=True):
                assert isinstance(result, coinfer.OVDict)
                np.testing.assert_allclose(result["probabilities"], expected(mlp, given), atol=1e-6)
            stats = batcher.stats
            assert stats["requests"] == 50
            assert stats["rows"] == sum(len(each) for each in inputs)
            assert stats["batches"] < 50
            assert stats["mean_size"] == pytest.approx(stats["rows"] / stats["batches"])

    run(main())


@each_loop
def test_all_kinds_of_inputs_serve(run: Run, ragged: coinfer.CompiledModel) -> None:
    a, b = np.float32([[3, 5]]), np.float32([[1, 1]])

    async def main() -> None:
        async with coinfer.Batcher(ragged) as batcher:
            results = await asyncio.gather(
                batcher.infer_async({"input_0": a, "input_1": b}),
                batcher.infer_async([a, b], share_inputs=True),
                batcher.infer_async({1: b.astype(np.float64), 0: [[3, 5]]}),
                batcher.infer_async((coinfer.Tensor(a), coinfer.Tensor(b))),
            )
            for result in results:
                np.testing.assert_array_equal(result["difference"], a - b)
            np.testing.assert_array_equal(a, [[3, 5]])

    run(main())


@each_loop
def test_requests_of_other_shapes_run_beside_each_other(
    run: Run, ragged: coinfer.CompiledModel
) -> None:
    async def one(batcher: coinfer.Batcher, i: int) -> None:
        shape = (1 + i % 2, 1 + i % 5)
        a = np.full(shape, i, np.float32)
        result = await batcher.infer_async([a, np.ones(shape, np.float32)])
        np.testing.assert_array_equal(result[0], a - 1)

    async def main() -> None:
        async with coinfer.Batcher(ragged, max_batch=16, max_delay_ms=5) as batcher:
            async with asyncio.TaskGroup() as group:
                for i in range(100):
                    group.create_task(one(batcher, i))
            # Each of the five shapes in a few batches.
            assert batcher.stats["batches"] < 60

    run(main())


@each_loop
def test_results_are_the_callers_own(run: Run, ragged: coinfer.CompiledModel) -> None:
    async def main() -> None:
        async with coinfer.Batcher(ragged, max_batch=4, max_delay_ms=5) as batcher:
            zeros = np.zeros((1, 4), np.float32)
            given = [np.full((1, 4), i, np.float32) for i in range(4)]
            results = await asyncio.gather(*(batcher.infer_async([a, zeros]) for a in given))
            results[0][0][:] = 99
            await asyncio.gather(*(batcher.infer_async([a + 7, zeros]) for a in given))
            for result, a in zip(results[1:], given[1:], strict=True):
                np.testing.assert_array_equal(result[0], a)
                base = result[0]
                while isinstance(base.base, np.ndarray):
                    base = base.base
                assert base.nbytes <= 16  # not a view of the whole batch

    run(main())


@each_loop
def test_bad_inputs_are_refused_at_the_call_and_neighbours_unharmed(
    run: Run, mlp: coinfer.CompiledModel
) -> None:
    async def main() -> None:
        async with coinfer.Batcher(mlp, max_batch=4, max_delay_ms=20) as batcher:
            good = batcher.infer_async(x(1))
            for bad in (np.zeros((1, 3), np.float32), x(1)[0], {"nope": x(1)}, None, x(1, 5)):
                with pytest.raises(coinfer.Error):
                    batcher.infer_async(bad)
            with pytest.raises(coinfer.Error, match="1 to 4"):
                batcher.infer_async(np.zeros((0, FEATURES), np.float32))
            with pytest.raises(TypeError):
                batcher.infer_async(object())
            with pytest.raises(ValueError, match="timeout"):
                batcher.infer_async(x(1), timeout=-1)
            np.testing.assert_allclose((await good)[0], expected(mlp, x(1)), atol=1e-6)
            assert batcher.stats["rows"] == 1

    run(main())


@each_loop
def test_of_a_failed_batch_only_the_bad_ones_fail(run: Run, table: coinfer.CompiledModel) -> None:
    async def main() -> None:
        async with coinfer.Batcher(table, max_batch=8, max_delay_ms=5) as batcher:
            wanted = [0, 1, 99, 2, 3, -99, 1, 0]
            futures = [batcher.infer_async(np.array([i])) for i in wanted]
            results = await asyncio.gather(*futures, return_exceptions=True)
            for i, result in zip(wanted, results, strict=True):
                if abs(i) == 99:
                    assert isinstance(result, coinfer.Error)
                    assert "gather" in str(result).lower()
                else:
                    np.testing.assert_array_equal(result[0], [[2 * i, 2 * i + 1]])
            assert batcher.stats["retries"] >= 2

    run(main())


@each_loop
def test_a_cancelled_request_drops_out(run: Run, mlp: coinfer.CompiledModel) -> None:
    async def main() -> None:
        async with coinfer.Batcher(mlp, max_batch=4, max_delay_ms=60_000) as batcher:
            futures = [batcher.infer_async(x(i)) for i in range(3)]
            assert futures[1].cancel()
            # One has left its place: it takes two more to fill the batch.
            futures += [batcher.infer_async(x(i)) for i in (3, 4)]
            results = await asyncio.gather(*futures, return_exceptions=True)
            assert isinstance(results[1], asyncio.CancelledError)
            for i in (0, 2, 3, 4):
                np.testing.assert_allclose(results[i][0], expected(mlp, x(i)), atol=1e-6)
            assert batcher.stats["rows"] == 4

    run(main())


@each_loop
def test_time_limits_and_cancelled_tasks(run: Run, slow: coinfer.CompiledModel) -> None:
    row = np.zeros((1, 256), np.float32)

    async def main() -> None:
        batcher = coinfer.Batcher(slow, max_batch=4, max_delay_ms=60_000)
        with pytest.raises(coinfer.DeadlineExceeded):
            await batcher.infer_async(row, timeout=0.01)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(batcher.infer_async(row), 0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await batcher.infer_async(row)
        task = asyncio.create_task(batcher.infer_async(row))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert batcher.stats["batches"] == 0
        # While they run: a batch of four of which all are cancelled.
        futures = [batcher.infer_async(np.zeros((1, 256), np.float32)) for _ in range(4)]
        while batcher.stats["batches"] == 0:
            await asyncio.sleep(0)
        for future in futures:
            future.cancel()
        await asyncio.wait(futures)
        shielded = asyncio.shield(batcher.infer_async(row))
        await batcher.aclose()
        assert (await shielded)[0].shape == (1, 256)

    run(main())


@each_loop
def test_closing_answers_what_is_in_flight_and_refuses_more(
    run: Run, mlp: coinfer.CompiledModel
) -> None:
    async def main() -> None:
        async with coinfer.Batcher(mlp, max_batch=32, max_delay_ms=60_000) as batcher:
            futures = [batcher.infer_async(x(i)) for i in range(5)]
        assert all(future.done() for future in futures)
        for i, future in enumerate(futures):
            np.testing.assert_allclose((await future)[0], expected(mlp, x(i)), atol=1e-6)
        with pytest.raises(coinfer.Error, match="closed"):
            batcher.infer_async(x(1))
        with pytest.raises(coinfer.Error, match="closed"):
            await batcher.__aenter__()
        await asyncio.gather(batcher.aclose(), batcher.aclose())

        left: list[coinfer.InferFuture] = []

        async def failing_body() -> None:
            async with coinfer.Batcher(mlp, max_delay_ms=60_000) as batcher:
                left.append(batcher.infer_async(x(1)))
                raise LookupError

        with pytest.raises(LookupError):
            await failing_body()
        assert left[0].done() and (await left[0])[0].shape == (1, 8)

    run(main())


@each_loop
def test_a_batcher_that_was_never_opened_or_closed_works(
    run: Run, mlp: coinfer.CompiledModel
) -> None:
    async def main() -> None:
        future = coinfer.Batcher(mlp, max_delay_ms=1).infer_async(x(3))
        gc.collect()
        np.testing.assert_allclose((await future)[0], expected(mlp, x(3)), atol=1e-6)

    run(main())


@each_loop
def test_opening_does_not_block_the_loop(run: Run, slow: coinfer.CompiledModel) -> None:
    async def main() -> None:
        turns = 0
        opening = asyncio.create_task(coinfer.Batcher(slow, max_batch=4).__aenter__())
        while not opening.done():
            await asyncio.sleep(0)
            turns += 1
        await (await opening).aclose()
        assert turns > 5

    run(main())


@each_loop
def test_loops_in_several_threads_share_one_batcher(run: Run, mlp: coinfer.CompiledModel) -> None:
    batcher = coinfer.Batcher(mlp, max_batch=8, max_delay_ms=1)
    failures: list[BaseException] = []

    async def client(first: int) -> None:
        for i in range(first, first + 30):
            results = await asyncio.gather(*(batcher.infer_async(x(i + k)) for k in range(3)))
            for k, result in enumerate(results):
                np.testing.assert_allclose(result[0], expected(mlp, x(i + k)), atol=1e-6)

    def thread(first: int) -> None:
        try:
            run(client(first))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=thread, args=(100 * i,)) for i in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []
    run(batcher.aclose())


@each_loop
def test_a_loop_that_ends_with_requests_in_flight(run: Run, mlp: coinfer.CompiledModel) -> None:
    batcher = coinfer.Batcher(mlp, max_batch=32, max_delay_ms=60_000)

    async def leave() -> None:
        for i in range(3):
            batcher.infer_async(x(i))

    run(leave())

    async def other() -> None:
        future = batcher.infer_async(x(9))
        await batcher.aclose()
        np.testing.assert_allclose((await future)[0], expected(mlp, x(9)), atol=1e-6)

    run(other())


def test_without_a_loop_it_says_so(mlp: coinfer.CompiledModel) -> None:
    batcher = coinfer.Batcher(mlp)
    with pytest.raises(RuntimeError, match="no running event loop"):
        batcher.infer_async(x(1))


@each_loop
def test_shared_inputs_live_as_long_as_they_are_read(run: Run, mlp: coinfer.CompiledModel) -> None:
    class Array(np.ndarray):
        pass

    def watched() -> tuple[np.ndarray, weakref.ref[Any]]:
        array = x(1).view(Array)
        return array, weakref.ref(array)

    async def main() -> None:
        batcher = coinfer.Batcher(mlp, max_batch=2, max_delay_ms=60_000)
        array, reference = watched()
        future = batcher.infer_async(array, share_inputs=True)
        del array
        gc.collect()
        assert reference() is not None
        future.cancel()
        assert settled(lambda: reference() is None)

        array, reference = watched()
        futures = [batcher.infer_async(array, share_inputs=True) for _ in range(2)]
        del array
        await asyncio.gather(*futures)
        assert settled(lambda: reference() is None)

        array, reference = watched()
        failing = coinfer.Batcher(mlp, max_batch=2, max_delay_ms=0)
        await failing.aclose()
        with pytest.raises(coinfer.Error):
            failing.infer_async(array, share_inputs=True)
        del array
        assert settled(lambda: reference() is None)
        await batcher.aclose()

    run(main())


@each_loop
def test_higher_priority_goes_first(run: Run, slow: coinfer.CompiledModel) -> None:
    row = np.zeros((1, 256), np.float32)

    async def main() -> None:
        # The stream is busy with a run of its own while all of these come.
        request = slow.create_infer_request()
        batcher = coinfer.Batcher(slow, max_batch=2, max_delay_ms=0)
        request.start_async(np.zeros((256, 256), np.float32))
        order: list[str] = []

        async def one(name: str, priority: int) -> None:
            await batcher.infer_async(row, priority=priority)
            order.append(name)

        tasks = [asyncio.ensure_future(one("low", 0)) for _ in range(4)]
        tasks += [asyncio.ensure_future(one("high", 5)) for _ in range(4)]
        await asyncio.gather(*tasks)
        assert order == ["high"] * 4 + ["low"] * 4
        request.wait()
        await batcher.aclose()

    run(main())


@each_loop
def test_a_stream_goes_through_a_batcher(run: Run, mlp: coinfer.CompiledModel) -> None:
    async def main() -> None:
        async with coinfer.Batcher(mlp, max_batch=8, max_delay_ms=2) as batcher:
            source = [x(i) for i in range(40)]
            async for item, results in coinfer.infer_stream(batcher, source, max_in_flight=16):
                np.testing.assert_allclose(results[0], expected(mlp, item), atol=1e-6)
            assert batcher.stats["mean_size"] > 1

    run(main())


def test_models_without_a_batch_axis_are_refused_by_name(mlp: coinfer.CompiledModel) -> None:
    for model, name in (
        (models.one_add((1, 16)), "input 0 'x'"),
        (models.multi_output((None, 3)), "output 2 'total'"),
    ):
        with pytest.raises(coinfer.Error, match=name):
            coinfer.Batcher(compiled(model))


def test_wrong_arguments_are_refused_by_name(mlp: coinfer.CompiledModel) -> None:
    for max_batch in (0, -1, 4097, 10**7, 2**63 - 1, 2**70, -(2**70)):
        with pytest.raises(ValueError, match=f"max_batch is {max_batch}; 1 to 4096 was expected"):
            coinfer.Batcher(mlp, max_batch)
    for wrong in (1.0, "8", None):
        with pytest.raises(TypeError, match=f"max_batch is an integer; {type(wrong).__name__} "):
            coinfer.Batcher(mlp, wrong)  # type: ignore[arg-type]
    for delay in (-1, -0.001, float("nan"), float("inf"), float("-inf"), 10**400):
        with pytest.raises(ValueError, match="max_delay_ms is "):
            coinfer.Batcher(mlp, max_delay_ms=delay)
    for wrong in ("a", None, [1]):
        with pytest.raises(TypeError, match=f"max_delay_ms is a number.*; {type(wrong).__name__} "):
            coinfer.Batcher(mlp, max_delay_ms=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a CompiledModel was expected, not str"):
        coinfer.Batcher("model.onnx")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="required positional argument: 'model'"):
        coinfer.Batcher()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_size'"):
        coinfer.Batcher(mlp, max_size=3)  # type: ignore[call-arg]
    coinfer.Batcher(mlp, np.int64(4096), np.float32(0.5))  # type: ignore[arg-type]


@each_loop
def test_outputs_that_have_other_rows_are_found_when_it_opens(run: Run) -> None:
    async def main() -> None:
        with pytest.raises(coinfer.Error, match="output 0 'indices' lacks the batch axis"):
            async with coinfer.Batcher(compiled(models.non_zero((None, 3)))):
                pass

    run(main())


def child(root: Path, source: str) -> tuple[int, str, str]:
    """Runs source text with `batcher` and `row` in a process of its own."""
    prelude = """
        import asyncio, os, sys
        import numpy as np
        import coinfer
        from tests.python import models

        row = np.zeros((1, 16), np.float32)
        model = coinfer.Core().read_model(models.dynamic_mlp())
        batcher = coinfer.Batcher(coinfer.Core().compile_model(model, "CPU", {}), 32, 60_000)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(source)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def test_exit_with_requests_that_wait_is_silent(root: Path) -> None:
    source = """
        async def main():
            batcher.infer_async(row)
            kept.append(batcher.infer_async(row))

        kept = []
        asyncio.run(main())
        sys.exit(7)
    """
    assert child(root, source) == (7, "", "")


def test_when_the_runtime_shuts_down_what_waits_fails(root: Path) -> None:
    source = """
        async def main():
            waiting = [batcher.infer_async(row) for _ in range(3)]
            coinfer._coinfer._shutdown()
            for future in waiting:
                try:
                    await asyncio.wait_for(future, 60)
                except coinfer.Error as error:
                    assert "shut down" in str(error), error
                    print("failed", flush=True)
            try:
                batcher.infer_async(row)
            except coinfer.Error:
                print("failed", flush=True)
            await asyncio.wait_for(batcher.aclose(), 60)
            os._exit(0)

        asyncio.run(main())
    """
    assert child(root, source) == (0, "failed\n" * 4, "")


def test_in_a_forked_child_it_names_the_remedy(root: Path) -> None:
    source = """
        async def main():
            batcher.infer_async(row)

        async def forked():
            for method in (lambda: batcher.infer_async(row), batcher._close):
                try:
                    await method()
                except coinfer.Error as error:
                    print("spawn" in str(error), flush=True)

        asyncio.run(main())
        process = os.fork()
        if process == 0:
            asyncio.run(forked())
            os._exit(0)
        assert os.waitpid(process, 0)[1] == 0
    """
    assert child(root, source) == (0, "True\nTrue\n", "")
