"""Blocking inference: models, requests, their tensors, errors and threads."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coinfer
from tests.python.models import dynamic_mlp, failing, multi_output, one_add, slow, two_inputs

X = np.arange(16, dtype=np.float32).reshape(1, 16)
CONFIG = {"INFERENCE_PRECISION_HINT": "f32"}


@pytest.fixture
def core() -> coinfer.Core:
    return coinfer.Core()


@pytest.fixture
def model(core: coinfer.Core) -> coinfer.CompiledModel:
    return core.compile_model(one_add(), "CPU", CONFIG)


@pytest.fixture
def slow_model(core: coinfer.Core) -> coinfer.CompiledModel:
    return core.compile_model(slow(), "CPU", CONFIG)


@pytest.fixture
def slow_input(slow_model: coinfer.CompiledModel) -> np.ndarray:
    shape = [d.get_length() if d.is_static else 1 for d in slow_model.input().partial_shape]
    return np.zeros(shape, np.float32)


def test_models_are_read_from_everything(core: coinfer.Core, tmp_path: Path) -> None:
    proto = one_add()
    raw = proto.SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(raw)
    for source in (proto, raw, bytearray(raw), io.BytesIO(raw), path, str(path)):
        read = core.read_model(source)
        assert [port.any_name for port in read.inputs] == ["x"]
        np.testing.assert_array_equal(core.compile_model(read)(X)[0], X + 1)
        np.testing.assert_array_equal(core.compile_model(source, "CPU")(X)[0], X + 1)
    np.testing.assert_array_equal(coinfer.compile_model(path)(X)[0], X + 1)


@pytest.mark.parametrize("source", [b"", b"garbage", "/nowhere/model.onnx", Path("/nowhere.onnx")])
def test_bad_models_are_model_file_errors(core: coinfer.Core, source: Any) -> None:
    with pytest.raises(coinfer.ModelFileError):
        core.read_model(source)
    with pytest.raises(RuntimeError):
        core.compile_model(source)


@pytest.mark.parametrize("source", [5, None, []])
def test_what_is_no_model_is_a_type_error(core: coinfer.Core, source: Any) -> None:
    with pytest.raises(TypeError, match="path"):
        core.read_model(source)


def test_unknown_devices_and_properties_are_named(core: coinfer.Core) -> None:
    with pytest.raises(RuntimeError, match="TPU"):
        core.compile_model(one_add(), "TPU")
    with pytest.raises(RuntimeError, match="NO_SUCH"):
        core.compile_model(one_add(), "CPU", {"NO_SUCH": 1})
    with pytest.raises(RuntimeError, match="NO_SUCH"):
        core.get_property("CPU", "NO_SUCH")
    with pytest.raises(RuntimeError, match="NUM_STREAMS"):
        core.compile_model(one_add(), "CPU", {"NUM_STREAMS": "many"})
    with pytest.raises(TypeError, match="NUM_STREAMS"):
        core.compile_model(one_add(), "CPU", {"NUM_STREAMS": object()})


def test_properties(core: coinfer.Core) -> None:
    from coinfer.properties import hint, inference_num_threads, num_streams, streams

    own = coinfer.Core()
    own.set_property("CPU", {hint.performance_mode: hint.PerformanceMode.THROUGHPUT})
    assert own.get_property("CPU", hint.performance_mode) == hint.PerformanceMode.THROUGHPUT
    own.set_property(num_streams(streams.Num(1)))
    compiled = own.compile_model(one_add(), "CPU", {hint.inference_precision: coinfer.Type.f32})
    assert compiled.get_property("PERFORMANCE_HINT") == "THROUGHPUT"
    assert compiled.get_property(num_streams) == 1
    assert compiled.get_property(hint.inference_precision) is coinfer.Type.f32
    assert compiled.get_property(inference_num_threads) >= 1
    assert "NUM_STREAMS" in compiled.get_property("SUPPORTED_PROPERTIES")
    assert own.available_devices == ["CPU"]
    assert own.get_versions("CPU")["CPU"].build_number == coinfer.__version__
    with pytest.raises(RuntimeError):
        compiled.set_property({"NUM_STREAMS": 2})


def test_ports(core: coinfer.Core, model: coinfer.CompiledModel) -> None:
    port = model.input("x")
    assert port == model.input(0) == model.input() == model.inputs[0]
    assert hash(port) == hash(model.inputs[0])
    assert port != model.output()
    assert (port.any_name, port.names, port.element_type) == ("x", {"x"}, coinfer.Type.f32)
    assert port.shape == [1, 16]
    assert repr(port) == "<ConstOutput: names[x] shape[1,16] type: f32>"
    assert model.output().node.get_friendly_name()
    for bad in (5, "nope"):
        with pytest.raises(RuntimeError, match=str(bad)):
            model.input(bad)
    two = core.compile_model(two_inputs())
    with pytest.raises(RuntimeError, match="2"):
        two.input()


def test_a_model_is_reshaped(core: coinfer.Core) -> None:
    read = core.read_model(dynamic_mlp())
    assert read.is_dynamic()
    shape = [4 if d.is_dynamic else d.get_length() for d in read.input().partial_shape]
    read.reshape(shape)
    assert not read.is_dynamic()
    assert read.input().shape == shape
    with pytest.raises(RuntimeError):
        read.reshape({"nope": [1]})
    with pytest.raises(RuntimeError):
        core.compile_model(read)(np.zeros([n + 1 for n in shape], np.float32))


def test_the_request_runs_with_what_is_set(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()
    request.set_input_tensor(coinfer.Tensor(X))
    np.testing.assert_array_equal(request.infer()["y"], X + 1)
    request.set_tensor("x", coinfer.Tensor(X * 2))
    np.testing.assert_array_equal(request.infer()["y"], X * 2 + 1)
    request.set_tensors({model.input(): coinfer.Tensor(X * 3)})
    np.testing.assert_array_equal(request.infer()["y"], X * 3 + 1)
    request.get_input_tensor().data[:] = 5
    request.infer()
    np.testing.assert_array_equal(request.get_output_tensor().data, np.full_like(X, 6))
    np.testing.assert_array_equal(request.results[0], np.full_like(X, 6))


def test_chaining_by_tensors_alone(model: coinfer.CompiledModel) -> None:
    first, second = model.create_infer_request(), model.create_infer_request()
    second.set_input_tensor(first.get_output_tensor(0))
    first.infer(X)
    second.infer()
    np.testing.assert_array_equal(second.get_output_tensor(0).data, X + 2)


def test_output_tensor_given_by_the_user_is_written(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()
    mine = np.zeros_like(X)
    request.set_output_tensor(coinfer.Tensor(mine, shared_memory=True))
    request.infer(X)
    np.testing.assert_array_equal(mine, X + 1)
    mine.flags.writeable = False
    with pytest.raises(RuntimeError, match="read-only"):
        request.set_output_tensor(coinfer.Tensor(mine, shared_memory=True))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda r: r.set_tensor("nope", coinfer.Tensor(X)), RuntimeError),
        (lambda r: r.get_tensor("nope"), RuntimeError),
        (lambda r: r.get_tensor(0), TypeError),
        (lambda r: r.get_input_tensor(5), RuntimeError),
        (lambda r: r.get_output_tensor(5), RuntimeError),
        (lambda r: r.set_input_tensor(5, coinfer.Tensor(X)), RuntimeError),
        (lambda r: r.set_input_tensor(coinfer.Tensor(X.T)), RuntimeError),
        (lambda r: r.set_input_tensor(coinfer.Tensor(X.astype(np.float64))), RuntimeError),
        (lambda r: r.set_input_tensor(X), TypeError),
    ],
)
def test_bad_tensors_are_refused_and_the_request_stays_usable(
    model: coinfer.CompiledModel, call: Callable[[Any], object], error: type[Exception]
) -> None:
    request = model.create_infer_request()
    with pytest.raises(error):
        call(request)
    np.testing.assert_array_equal(request.infer(X)[0], X + 1)


def test_argument_errors(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()
    with pytest.raises(TypeError, match="positional"):
        request.infer(X, True, True, True)
    with pytest.raises(TypeError, match="nope=int was given"):
        request.infer(X, nope=1)
    with pytest.raises(TypeError, match="two values for the argument 'inputs'"):
        request.infer(X, inputs=X)
    with pytest.warns(DeprecationWarning, match="share_inputs"):
        request.infer(X, shared_memory=True)
    with pytest.raises(TypeError, match="create_infer_request"):
        coinfer.InferRequest().infer()


def test_signatures_can_be_seen() -> None:
    import inspect

    signature = inspect.signature(coinfer.CompiledModel.__call__)
    assert list(signature.parameters) == [
        "self", "inputs", "share_inputs", "share_outputs", "decode_strings",
    ]  # fmt: skip
    assert signature.parameters["share_inputs"].default is True
    assert inspect.signature(coinfer.InferRequest.infer).parameters["share_inputs"].default is False
    assert "Raises" in inspect.getdoc(coinfer.InferRequest.infer)


def test_start_wait_and_idle_wait(model: coinfer.CompiledModel) -> None:
    request = model.create_infer_request()
    request.wait()
    assert not request.wait_for(0)  # none was started
    request.start_async(X, share_inputs=True)
    request.wait()
    request.wait()
    assert request.wait_for(0)
    np.testing.assert_array_equal(request.results[0], X + 1)
    assert request.latency >= 0


def test_a_request_in_flight_is_busy(
    slow_model: coinfer.CompiledModel, slow_input: np.ndarray
) -> None:
    request = slow_model.create_infer_request()
    request.start_async(slow_input)
    for call in (
        lambda: request.start_async(slow_input),
        lambda: request.infer(slow_input),
        lambda: request.get_output_tensor(0),
        lambda: request.set_input_tensor(coinfer.Tensor(slow_input)),
        lambda: request.results,
    ):
        with pytest.raises(coinfer.RequestBusy):
            call()
    assert request.userdata is None
    assert not request.wait_for(0)
    assert not request.wait_for(-(2**62))
    assert request.wait_for(2**63 - 1)
    request.infer(slow_input)


def test_cancel_then_reuse(slow_model: coinfer.CompiledModel, slow_input: np.ndarray) -> None:
    request = slow_model.create_infer_request()
    expected = request.infer(slow_input)[0]
    request.start_async(slow_input)
    request.cancel()
    with pytest.raises(coinfer.Cancelled):
        request.wait()
    np.testing.assert_array_equal(request.infer(slow_input)[0], expected)
    request.cancel()


def test_a_failed_inference_raises_once_and_the_request_stays_usable(core: coinfer.Core) -> None:
    compiled = core.compile_model(failing(), "CPU", CONFIG)
    port = compiled.input()
    shape = [d.get_length() if d.is_static else 2 for d in port.partial_shape]
    bad = np.full(shape, 1000, port.element_type.to_dtype())
    request = compiled.create_infer_request()
    texts = set()
    for _ in range(2):
        with pytest.raises(coinfer.Error) as raised:
            request.infer(bad)
        texts.add(str(raised.value))
        request.start_async(bad)
        with pytest.raises(coinfer.Error) as raised:
            request.wait()
        texts.add(str(raised.value))
        request.wait()
    assert len(texts) == 1
    request.infer(np.zeros(shape, port.element_type.to_dtype()))


def test_calls_from_many_threads(core: coinfer.Core) -> None:
    compiled = core.compile_model(multi_output((2, 3)), "CPU", CONFIG)
    wrong: list[object] = []

    def work(seed: int) -> None:
        x = np.random.default_rng(seed).normal(size=(2, 3)).astype(np.float32)
        for i in range(200):
            results = compiled(x + i)
            if not np.array_equal(results["plus"], x + i + 1):
                wrong.append(results)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_many_threads_wait_for_one_run(
    slow_model: coinfer.CompiledModel, slow_input: np.ndarray
) -> None:
    request = slow_model.create_infer_request()
    request.start_async(slow_input)
    done: list[bool] = []
    threads = [
        threading.Thread(target=lambda: done.append(request.wait() is None)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 4


def test_other_threads_run_while_a_model_computes(
    slow_model: coinfer.CompiledModel, slow_input: np.ndarray
) -> None:
    ticks = 0
    stop = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not stop.is_set():
            ticks += 1
            time.sleep(0)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        slow_model(slow_input)
        before = ticks
        for _ in range(3):
            slow_model(slow_input)
        assert ticks > before + 3
    finally:
        stop.set()
        thread.join()


def keep_running(request: coinfer.InferRequest, value: np.ndarray) -> None:
    for _ in range(1000):
        request.wait()
        request.start_async(value)


def test_control_c_interrupts_a_wait(
    slow_model: coinfer.CompiledModel, slow_input: np.ndarray
) -> None:
    request = slow_model.create_infer_request()
    queue = coinfer.AsyncInferQueue(slow_model, 2)
    for _ in range(2):
        queue.start_async(slow_input)
    request.start_async(slow_input)
    # Programs that a shell starts in the background ignore it, and so does Python then.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            keep_running(request, slow_input)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    if not request.wait_for(60_000):
        pytest.fail("the run did not end")
    queue.wait_all()


def test_import_starts_no_thread_and_loads_no_model_library() -> None:
    program = """
import os, sys
import coinfer
print(len(os.listdir('/proc/self/task')), 'onnx' in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=dict(os.environ, OPENBLAS_NUM_THREADS="1"),
        check=True,
    )
    assert done.stdout.split() == ["1", "False"]


def test_programs_for_openvino_run_unchanged() -> None:
    program = """
import coinfer
coinfer.install_as_openvino()
import numpy as np
import openvino as ov
import openvino.properties.hint as hints
from openvino import Core, AsyncInferQueue, Tensor
from openvino.runtime import Type
from tests.python.models import one_add
compiled = ov.Core().compile_model(
    one_add().SerializeToString(), "CPU", {hints.performance_mode: hints.PerformanceMode.LATENCY})
assert compiled(np.ones((1, 16), np.float32))[0].sum() == 32
assert ov.__name__ == "coinfer" and Type.f32 is ov.Type.f32
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
