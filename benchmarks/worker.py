"""A process that measures one runtime: a JSON command a line comes in, an answer goes out.

python -m benchmarks.worker coinfer|openvino|onnxruntime
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.advanced_inference import measures as advanced
from benchmarks.backends import BACKENDS, Backend, Inputs, OpenVinoApi, random_inputs
from benchmarks.batcher import batched
from benchmarks.bridge import measures

# Every call of a round gets other inputs than the one before it.
INPUT_SETS = 20

ON_A_LOOP = {**measures.ON_A_LOOP, "batched": batched}


class Worker:
    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.inputs: list[Inputs] = []
        self.path = ""

    def load(
        self,
        path: str,
        threads: int,
        mode: Any,
        inputs: dict[str, Any],
        input_sets: int = INPUT_SETS,
    ) -> Any:
        self.path = path
        start = time.perf_counter()
        self.backend.load(path, threads, mode)
        seconds = time.perf_counter() - start
        self.inputs = [random_inputs(inputs, seed) for seed in range(input_sets)]
        return {"compile_seconds": seconds, "settings": self.backend.settings}

    def first(self) -> float:
        """Seconds of the first inference."""
        start = time.perf_counter()
        self.backend.call(self.inputs[0])
        return time.perf_counter() - start

    def settings(self) -> Any:
        return self.backend.settings

    def outputs(self) -> Any:
        """What the first input set gives, for the comparison of results."""
        return [
            np.asarray(x, np.float64).ravel().tolist() for x in self.backend.call(self.inputs[0])
        ]

    def measure(self, what: str, seconds: float) -> Any:
        """Of one round: seconds per inference, the median over chunks, or several named numbers."""
        name, *details = what.split(":")
        if name in advanced.NAMES:
            assert isinstance(self.backend, OpenVinoApi)
            return advanced.measure(self.backend, what, seconds)
        if measure := ON_A_LOOP.get(name):
            loop = details[1] if len(details) > 1 else "asyncio"
            main = measure(self.backend, self.inputs, int(details[0]), seconds)
            return measures.run(loop, main)
        if name == "cancel":
            return measures.cancel(self.backend, self.inputs, seconds)
        if name == "cpp":
            return measures.cpp(self.path, seconds)
        if name == "in_flight":
            return self.backend.in_flight(int(details[0]), self.inputs, seconds)
        if name == "queue":
            return self._queue(details == ["callback"], seconds)
        function: Callable[[Inputs], Any] = {
            "call": self.backend.call,
            "latency": self.backend.quickest,
            "infer": self.backend.infer,
            "infer_shared": self.backend.infer_shared,
            "start_and_wait": self.backend.start_and_wait,
        }[name]
        return self._blocking(function, seconds)

    def _blocking(self, function: Callable[[Inputs], Any], seconds: float) -> float:
        function(self.inputs[0])
        start = time.perf_counter()
        function(self.inputs[1])
        once = time.perf_counter() - start
        # A chunk lasts long enough for the clock, and leaves room for several in a round.
        size = max(1, round(min(0.002, seconds / 3) / once))
        chunks: list[float] = []
        turn = itertools.cycle(self.inputs)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(chunks) < 3:
            chunk = list(itertools.islice(turn, size))
            start = time.perf_counter()
            for one in chunk:
                function(one)
            chunks.append((time.perf_counter() - start) / size)
        return float(np.median(chunks))

    def _queue(self, callback: bool, seconds: float) -> float:
        count = 500
        rounds: list[float] = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(rounds) < 2:
            start = time.perf_counter()
            self.backend.queue(count, self.inputs, callback)
            rounds.append((time.perf_counter() - start) / count)
        return float(np.median(rounds))

    def memory(self) -> Any:
        with open(f"/proc/{os.getpid()}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return {"peak_rss_mib": int(fields["VmHWM"].split()[0]) / 1024}


def main() -> None:
    # Whatever a runtime prints must not end up among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    start = time.perf_counter()
    backend = BACKENDS[sys.argv[1]]()
    ready = {"version": backend.version, "import_seconds": time.perf_counter() - start}
    worker = Worker(backend)

    def answer(value: Any) -> None:
        print(json.dumps(value), file=answers, flush=True)

    answer(ready)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer({"ok": getattr(worker, command.pop("do"))(**command)})
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
