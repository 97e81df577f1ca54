"""The same job in three ways: awaits, blocking calls, and a queue of requests with callbacks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import coinfer
from samples.magika.features import Ends, features, read_ends
from samples.magika.labels import label_of_few_bytes, label_of_scores
from samples.magika.network import Network

READERS = 4


@dataclass
class Run:
    """What one way of doing the job found, and what it took."""

    name: str
    labels: dict[Path, str] = field(default_factory=dict)
    inferences: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    read_seconds: float = 0.0
    features_seconds: float = 0.0
    inference_seconds: float = 0.0  # with at least one inference in flight
    wall_seconds: float = 0.0
    _busy_since: float = 0.0

    @property
    def files_per_second(self) -> float:
        return len(self.labels) / self.wall_seconds if self.wall_seconds else 0.0

    def begin(self) -> None:
        if self.in_flight == 0:
            self._busy_since = time.perf_counter()
        self.in_flight += 1
        self.inferences += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def end(self) -> None:
        self.in_flight -= 1
        if self.in_flight == 0:
            self.inference_seconds += time.perf_counter() - self._busy_since


Advance = Callable[[], None]


class Job:
    """The files, the network, and the steps that every way takes."""

    def __init__(self, compiled: coinfer.CompiledModel, network: Network, paths: Sequence[Path]):
        self.compiled = compiled
        self.network = network
        self.paths = paths

    def read(self, path: Path) -> tuple[Ends, float]:
        start = time.perf_counter()
        ends = read_ends(path, self.network.block_size)
        return ends, time.perf_counter() - start

    def row(self, run: Run, path: Path, ends: Ends) -> npt.NDArray[np.int32] | None:
        """The network's input; None when the label is already known, and noted."""
        start = time.perf_counter()
        row = features(ends, self.network)
        run.features_seconds += time.perf_counter() - start
        if row is None:
            run.labels[path] = label_of_few_bytes(ends)
        return row

    async def awaited(self, advance: Advance, in_flight: int = 256) -> Run:
        """One event loop, up to `in_flight` files between their first byte and their label."""
        run = Run("asyncio")
        loop = asyncio.get_running_loop()
        todo = iter(self.paths)

        async def worker(readers: ThreadPoolExecutor) -> None:
            for path in todo:
                ends, seconds = await loop.run_in_executor(readers, self.read, path)
                run.read_seconds += seconds
                row = self.row(run, path, ends)
                if row is not None:
                    run.begin()
                    try:
                        results = await self.compiled.infer_async(row, share_inputs=True)
                    finally:
                        run.end()
                    run.labels[path] = label_of_scores(results[0], self.network)
                advance()

        start = time.perf_counter()
        with ThreadPoolExecutor(READERS, "reader") as readers:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(in_flight, len(self.paths))):
                    group.create_task(worker(readers))
        run.wall_seconds = time.perf_counter() - start
        return run

    def blocking(self, advance: Advance) -> Run:
        """One file after the other."""
        run = Run("blocking")
        start = time.perf_counter()
        for path in self.paths:
            ends, seconds = self.read(path)
            run.read_seconds += seconds
            row = self.row(run, path, ends)
            if row is not None:
                run.begin()
                scores = self.compiled(row)[0]
                run.end()
                run.labels[path] = label_of_scores(scores, self.network)
            advance()
        run.wall_seconds = time.perf_counter() - start
        return run

    def queued(self, advance: Advance) -> Run:
        """A queue of requests; a callback takes each result."""
        run = Run("AsyncInferQueue")
        queue = coinfer.AsyncInferQueue(self.compiled)

        def finished(request: Any, path: Path) -> None:
            run.end()
            run.labels[path] = label_of_scores(request.get_output_tensor(0).data, self.network)
            advance()

        queue.set_callback(finished)
        start = time.perf_counter()
        for path in self.paths:
            ends, seconds = self.read(path)
            run.read_seconds += seconds
            row = self.row(run, path, ends)
            if row is None:
                advance()
            else:
                run.begin()
                queue.start_async(row, path)
        queue.wait_all()
        run.wall_seconds = time.perf_counter() - start
        return run
