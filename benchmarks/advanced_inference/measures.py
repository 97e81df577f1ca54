"""Measurements of one runtime's ways of inference: seconds by way.

The ways of one measure take turns, so that a slow moment of the machine slows all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.backends import Array, OpenVinoApi

FOLDER = Path(__file__).resolve().parents[2] / "build" / "bench"


def turns(ways: dict[str, Callable[[], Any]], seconds: float) -> dict[str, float]:
    """Seconds a call of each way, the median of at least three calls of each."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(taken.values()))) < 3:
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - start)
    return {name: float(np.median(times)) for name, times in taken.items()}


def compiled(backend: OpenVinoApi, name: str) -> Any:
    path = FOLDER / f"{name}.onnx"
    return backend.runtime.Core().compile_model(str(path), "CPU", backend.settings)


def vector(size: int) -> Array:
    return np.random.default_rng(0).standard_normal(size // 4).astype(np.float32)


def reuse(backend: OpenVinoApi, seconds: float) -> dict[str, float]:
    model = backend.compiled
    request = model.create_infer_request()
    inputs = {name: np.ones((1, 16), np.float32) for name in "ab"}
    ways: dict[str, Callable[[], Any]] = {
        "compiled(inputs)": lambda: model(inputs),
        "request.infer(inputs)": lambda: request.infer(inputs),
        "infer_new_request(inputs)": lambda: model.infer_new_request(inputs),
    }
    return turns(ways, seconds)


def sharing(backend: OpenVinoApi, seconds: float, size: int) -> dict[str, float]:
    model = compiled(backend, f"plus_one_{size}")
    x = vector(size)

    def way(inputs: bool, outputs: bool) -> Callable[[], Any]:
        # One each: OpenVINO's requests keep what was shared once, and copy x to itself then.
        request = model.create_infer_request()
        return lambda: request.infer([x], share_inputs=inputs, share_outputs=outputs)

    ways = {
        "both copied": way(False, False),
        "inputs shared": way(True, False),
        "outputs shared": way(False, True),
        "both shared": way(True, True),
    }
    return turns(ways, seconds)


def hiding(backend: OpenVinoApi, seconds: float) -> dict[str, float]:
    request = compiled(backend, "slow_products").create_infer_request()
    x = np.eye(512, dtype=np.float32)
    request.infer([x])
    start = time.perf_counter()
    request.infer([x])
    work = time.perf_counter() - start

    def one_after_the_other() -> None:
        request.infer([x])
        time.sleep(work)

    def at_once() -> None:
        request.start_async([x])
        time.sleep(work)
        request.wait()

    ways: dict[str, Callable[[], Any]] = {
        "inference": lambda: request.infer([x]),
        "other work": lambda: time.sleep(work),
        "one after the other": one_after_the_other,
        "at once": at_once,
    }
    return turns(ways, seconds)


def postponed(backend: OpenVinoApi, seconds: float) -> dict[str, float]:
    model = compiled(backend, "many_outputs")
    request = model.create_infer_request()
    x = vector(4 << 20)

    def on_demand() -> Array:
        request.start_async([x], share_inputs=True)
        request.wait()
        return np.asarray(request.get_output_tensor(0).data)

    ways: dict[str, Callable[[], Any]] = {
        "infer(inputs)[0]": lambda: request.infer([x], share_inputs=True)[0],
        "get_output_tensor(0).data": on_demand,
    }
    return turns(ways, seconds)


def chaining(backend: OpenVinoApi, seconds: float) -> dict[str, float]:
    model = compiled(backend, f"plus_one_{16 << 20}")
    by_arrays = [model.create_infer_request() for _ in range(2)]
    by_tensors = [model.create_infer_request() for _ in range(2)]
    by_tensors[1].set_input_tensor(by_tensors[0].get_output_tensor(0))
    x = vector(16 << 20)

    def arrays() -> Array:
        return np.asarray(by_arrays[1].infer([by_arrays[0].infer([x])[0]])[0])

    def tensors() -> Array:
        for request, inputs in zip(by_tensors, ([x], None), strict=True):
            request.start_async(inputs)
            request.wait()
        return np.asarray(by_tensors[1].get_output_tensor(0).data)

    return turns({"by arrays": arrays, "by tensors": tensors}, seconds)


def measure(backend: OpenVinoApi, what: str, seconds: float) -> dict[str, float]:
    """Of a part of ``script/bench advanced``; `sharing:4096` has a size in bytes."""
    name, _, size = what.partition(":")
    if name == "sharing":
        return sharing(backend, seconds, int(size))
    return PARTS[name](backend, seconds)


PARTS: dict[str, Callable[[OpenVinoApi, float], dict[str, float]]] = {
    "reuse": reuse,
    "hiding": hiding,
    "postponed": postponed,
    "chaining": chaining,
}
NAMES = (*PARTS, "sharing")
