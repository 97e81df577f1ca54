"""The three runtimes behind one face; a worker process imports the one it is for."""

from __future__ import annotations

import asyncio
import importlib
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Inputs = dict[str, Array]
Mode = Literal["latency", "throughput"]


class Backend(ABC):
    """One runtime with one model loaded. Outputs are arrays in the model's order."""

    name: str
    version: str
    settings: dict[str, Any]

    @abstractmethod
    def load(self, path: str, threads: int, mode: Mode) -> None: ...

    @abstractmethod
    def call(self, inputs: Inputs) -> list[Array]:
        """The shortest blocking way."""

    def infer(self, inputs: Inputs) -> Any:
        """A blocking call of a request."""
        raise NotImplementedError

    def infer_shared(self, inputs: Inputs) -> Any:
        """The same with a list of inputs; neither they nor the outputs are copied."""
        raise NotImplementedError

    def quickest(self, inputs: Inputs) -> Any:
        """The blocking way that its documentation calls the quickest."""
        return self.infer_shared(inputs)

    def in_flight(self, at_once: int, inputs: list[Inputs], seconds: float) -> float:
        """Seconds an inference with `at_once` of them in flight."""
        raise NotImplementedError

    def start(self, inputs: Inputs) -> None:
        raise NotImplementedError

    def start_and_wait(self, inputs: Inputs) -> None:
        raise NotImplementedError

    def cancel(self) -> bool:
        """Stops what `start` started; once its request is idle. False when it had ended."""
        raise NotImplementedError

    def queue(self, count: int, inputs: list[Inputs], callback: bool) -> None:
        """`count` inferences through an AsyncInferQueue."""
        raise NotImplementedError

    def batcher(self) -> Any:
        """What joins awaits of the model."""
        raise NotImplementedError

    def awaiter(self, at_once: int) -> Callable[[Inputs], Any]:
        """What turns inputs into something to await, with up to `at_once` of them in flight."""
        raise NotImplementedError


class OpenVinoApi(Backend):
    """What coinfer and OpenVINO share: one API."""

    def __init__(self, module: str) -> None:
        self.name = module
        self.runtime = importlib.import_module(module)
        self.version = str(self.runtime.__version__)

    def load(self, path: str, threads: int, mode: Mode) -> None:
        self.settings = {
            "PERFORMANCE_HINT": mode.upper(),
            "INFERENCE_NUM_THREADS": threads,
        }
        # By default each runtime chooses for itself.
        precision = os.environ.get("BENCH_PRECISION", "f32")
        if precision != "default":
            self.settings["INFERENCE_PRECISION_HINT"] = precision
        if mode == "throughput":
            self.settings["NUM_STREAMS"] = threads
        self.compiled = self.runtime.Core().compile_model(path, "CPU", self.settings)
        if precision == "default":
            chosen = self.compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
            self.settings["INFERENCE_PRECISION_HINT"] = f"not given: {chosen}"
        self.request = self.compiled.create_infer_request()

    def call(self, inputs: Inputs) -> list[Array]:
        results = self.compiled(inputs)
        return [results[port] for port in self.compiled.outputs]

    def infer(self, inputs: Inputs) -> Any:
        return self.request.infer(inputs)

    def infer_shared(self, inputs: Inputs) -> Any:
        return self.request.infer(list(inputs.values()), share_inputs=True, share_outputs=True)

    def start(self, inputs: Inputs) -> None:
        self.request.start_async(inputs)

    def start_and_wait(self, inputs: Inputs) -> None:
        self.request.start_async(inputs)
        self.request.wait()

    def cancel(self) -> bool:
        self.request.cancel()
        try:
            self.request.wait()
        except RuntimeError:
            return True
        return False

    def queue(self, count: int, inputs: list[Inputs], callback: bool) -> None:
        queue = self.runtime.AsyncInferQueue(self.compiled)
        if callback:
            queue.set_callback(lambda request, userdata: None)
        for i in range(count):
            queue.start_async(inputs[i % len(inputs)])
        queue.wait_all()

    def in_flight(self, at_once: int, inputs: list[Inputs], seconds: float) -> float:
        queue = self.runtime.AsyncInferQueue(self.compiled, at_once)
        done = 0
        start = time.perf_counter()
        while time.perf_counter() < start + seconds:
            queue.start_async(inputs[done % len(inputs)], share_inputs=True)
            done += 1
        queue.wait_all()
        return (time.perf_counter() - start) / done


class Coinfer(OpenVinoApi):
    def __init__(self) -> None:
        super().__init__("coinfer")

    def batcher(self) -> Any:
        return self.runtime.Batcher(self.compiled)

    def awaiter(self, at_once: int) -> Callable[[Inputs], Any]:
        return self.compiled.infer_async  # type: ignore[no-any-return]


class OpenVino(OpenVinoApi):
    def __init__(self) -> None:
        super().__init__("openvino")

    def awaiter(self, at_once: int) -> Callable[[Inputs], Any]:
        """A pool of requests; each completion's callback wakes the loop."""
        loop = asyncio.get_running_loop()
        idle = [self.compiled.create_infer_request() for _ in range(at_once)]

        def resolve(request: Any, future: asyncio.Future[Any]) -> None:
            idle.append(request)
            if not future.done():
                future.set_result(request.results)

        for request in idle:
            request.set_callback(lambda data: loop.call_soon_threadsafe(resolve, *data), None)

        def start(inputs: Inputs) -> asyncio.Future[Any]:
            future = loop.create_future()
            request = idle.pop()
            request.start_async(inputs, (request, future))
            return future

        return start


class OnnxRuntime(Backend):
    name = "onnxruntime"

    def __init__(self) -> None:
        self.runtime = importlib.import_module("onnxruntime")
        self.version = str(self.runtime.__version__)
        self.pool: ThreadPoolExecutor | None = None
        self.run: Callable[[Inputs], list[Array]] | None = None

    def load(self, path: str, threads: int, mode: Mode) -> None:
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = threads if mode == "latency" else 1
        options.inter_op_num_threads = 1
        self.settings = {
            "intra_op_num_threads": options.intra_op_num_threads,
            "inter_op_num_threads": 1,
            "callers": threads if mode == "throughput" else 1,
        }
        self.session = self.runtime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        self.names = [port.name for port in self.session.get_outputs()]
        self.threads = threads
        self.pool = ThreadPoolExecutor(threads)

    def call(self, inputs: Inputs) -> list[Array]:
        return list(self.session.run(None, inputs))

    def bound(self, inputs: Inputs) -> list[Array]:
        """By an IOBinding over the arrays' memory."""
        binding = self.session.io_binding()
        for name, array in inputs.items():
            binding.bind_cpu_input(name, array)
        for name in self.names:
            binding.bind_output(name)
        self.session.run_with_iobinding(binding)
        return [value.numpy() for value in binding.get_outputs()]

    def quickest(self, inputs: Inputs) -> Any:
        """With or without IOBinding, whichever took less at first."""
        if self.run is None:
            taken = {}
            for way in (self.call, self.bound):
                times = []
                for _ in range(6):
                    start = time.perf_counter()
                    way(inputs)
                    times.append(time.perf_counter() - start)
                taken[way] = min(times)
            self.run = min(taken, key=lambda way: taken[way])
            self.settings["io_binding"] = self.run == self.bound
        return self.run(inputs)

    def in_flight(self, at_once: int, inputs: list[Inputs], seconds: float) -> float:
        """As many callers as threads keep as many sessions' runs going as there are cores."""
        assert self.pool is not None
        start = time.perf_counter()

        def caller(first: int) -> int:
            done = 0
            while time.perf_counter() < start + seconds:
                self.session.run(None, inputs[(first + done) % len(inputs)])
                done += 1
            return done

        calls = [self.pool.submit(caller, first) for first in range(self.threads)]
        done = sum(call.result() for call in calls)
        return (time.perf_counter() - start) / done

    def awaiter(self, at_once: int) -> Callable[[Inputs], Any]:
        loop = asyncio.get_running_loop()
        return lambda inputs: loop.run_in_executor(self.pool, self.session.run, None, inputs)


BACKENDS: dict[str, Callable[[], Backend]] = {
    "coinfer": Coinfer,
    "openvino": OpenVino,
    "onnxruntime": OnnxRuntime,
}


def random_inputs(specification: dict[str, Any], seed: int) -> Inputs:
    """One set of inputs: {"name": {"shape": […], "dtype": …, "low": …, "high": …}}.

    An extent is a number, or [low, high, step] for another one with each seed.
    """
    generator = np.random.default_rng(seed)
    inputs: Inputs = {}
    for name, spec in specification.items():
        shape = [
            int(generator.choice(np.arange(*extent))) if isinstance(extent, list) else extent
            for extent in spec["shape"]
        ]
        if np.dtype(spec["dtype"]).kind == "i":
            values: Array = generator.integers(spec["low"], spec["high"], shape)
        else:
            values = generator.standard_normal(shape)
        inputs[name] = values.astype(spec["dtype"])
    return inputs
