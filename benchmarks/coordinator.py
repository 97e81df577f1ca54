"""Worker processes side by side: every round measures each of them once, in changing order."""

from __future__ import annotations

import contextlib
import json
import math
import statistics
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = {"coinfer": ".venv", "openvino": ".venv-peers", "onnxruntime": ".venv-peers"}


class WorkerError(RuntimeError):
    """A runtime could not do what was asked."""


class WorkerProcess:
    def __init__(self, backend: str) -> None:
        self.backend = backend
        python = ROOT / ENVIRONMENTS[backend] / "bin" / "python"
        self.process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", backend],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.about = self._read()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"{self.backend}: worker ended with code {self.process.wait()}")
        return json.loads(line)

    def ask(self, do: str, **arguments: Any) -> Any:
        assert self.process.stdin is not None
        print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        answer = self._read()
        if "error" in answer:
            raise WorkerError(f"{self.backend}: {do}: {answer['error']}")
        return answer["ok"]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Case:
    """One model, measured in some ways by each runtime that has them."""

    title: str
    path: Path
    inputs: dict[str, Any]
    measures: dict[str, tuple[str, ...]]  # what -> backends
    mode: str = "latency"
    rounds: int = 15
    seconds: float = 0.3  # per round and runtime; 0 where the work is given, not the time
    warm_up: bool = True  # by a round that does not count
    network: str = ""  # of `script/bench networks`, which measures each in several ways
    way: str = ""


@dataclass
class Series:
    """One number a backend of every round: seconds, per inference where it is a rate, or bytes."""

    rounds: list[dict[str, float]] = field(default_factory=list)

    def median(self, backend: str) -> float | None:
        values = [r[backend] for r in self.rounds if backend in r]
        return statistics.median(values) if values else None

    def ratio(self, backend: str, to: str) -> float | None:
        """The median of the rounds' own ratios: a slow moment slows both sides of one."""
        values = [r[backend] / r[to] for r in self.rounds if backend in r and to in r]
        return statistics.median(values) if values else None

    def interval(self, backend: str, to: str) -> tuple[float, float] | None:
        """95 % of that median: between two of the sorted ratios, whatever their distribution
        (the sign test); None with fewer than six rounds.
        """
        values = sorted(r[backend] / r[to] for r in self.rounds if backend in r and to in r)
        count = len(values)
        outside = 0
        for rank in range(count // 2):
            outside += math.comb(count, rank)
            if outside * 2 / 2**count > 0.05:
                return (values[rank - 1], values[-rank]) if rank else None
        return None


@dataclass
class Outcome:
    case: Case
    loaded: dict[str, Any]
    memory: dict[str, Any]
    versions: dict[str, str]
    deviation: dict[str, float]
    series: dict[str, Series]


@contextlib.contextmanager
def workers(backends: list[str]) -> Iterator[dict[str, WorkerProcess]]:
    started: dict[str, WorkerProcess] = {}
    try:
        for backend in backends:
            started[backend] = WorkerProcess(backend)
        yield started
    finally:
        for worker in started.values():
            worker.close()


def deviations(outputs: dict[str, list[list[float]]]) -> dict[str, float]:
    """Of each backend from the last: the largest |a - b| / max(|b|, rms(b))."""
    reference = list(outputs)[-1]
    result = {}
    for backend, arrays in outputs.items():
        worst = 0.0
        for mine, theirs in zip(arrays, outputs[reference], strict=True):
            a, b = np.array(mine), np.array(theirs)
            scale = np.maximum(np.abs(b), np.sqrt(np.mean(b * b)) + 1e-30)
            worst = max(worst, float(np.max(np.abs(a - b) / scale)))
        result[backend] = worst
    return result


def by_part(what: str, results: dict[str, Any]) -> dict[str, dict[str, float]]:
    """A measurement with several numbers is several series: {series: {backend: number}}."""
    parts: dict[str, dict[str, float]] = {}
    for backend, result in results.items():
        named = result if isinstance(result, dict) else {"": result}
        for part, number in named.items():
            parts.setdefault(f"{what}, {part}" if part else what, {})[backend] = number
    return parts


def run_case(
    case: Case,
    backends: list[str],
    threads: int,
    progress: Callable[[str], None],
) -> Outcome:
    backends = [name for name in backends if any(name in able for able in case.measures.values())]
    if "start" in case.measures:
        return run_starts(case, backends, threads, progress)
    with workers(backends) as by_name:
        loaded = {
            name: worker.ask(
                "load", path=str(case.path), threads=threads, mode=case.mode, inputs=case.inputs
            )
            for name, worker in by_name.items()
        }
        deviation = deviations({name: worker.ask("outputs") for name, worker in by_name.items()})
        series: dict[str, Series] = {}
        for index in range(-1 if case.warm_up else 0, case.rounds):
            for what, able in case.measures.items():
                order = [name for name in backends if name in able]
                shift = index % len(order) if order else 0
                results = {
                    name: by_name[name].ask("measure", what=what, seconds=case.seconds)
                    for name in order[shift:] + order[:shift]
                }
                if index >= 0:
                    for part, numbers in by_part(what, results).items():
                        series.setdefault(part, Series()).rounds.append(numbers)
            progress(f"{case.title}: round {index + 1} of {case.rounds}")
        memory = {name: worker.ask("memory") for name, worker in by_name.items()}
        for name, worker in by_name.items():
            loaded[name]["settings"] = worker.ask("settings")
        versions = {name: worker.about["version"] for name, worker in by_name.items()}
    return Outcome(case, loaded, memory, versions, deviation, series)


def run_starts(
    case: Case, backends: list[str], threads: int, progress: Callable[[str], None]
) -> Outcome:
    """A process for each round and runtime: from its start to the first result."""
    outcome = Outcome(case, {}, {}, {}, {}, {})
    outputs = {}
    for index in range(case.rounds):
        shift = index % len(backends)
        numbers: dict[str, dict[str, float]] = {}
        for name in backends[shift:] + backends[:shift]:
            with workers([name]) as started:
                worker = started[name]
                outcome.loaded[name] = worker.ask(
                    "load",
                    path=str(case.path),
                    threads=threads,
                    mode=case.mode,
                    inputs=case.inputs,
                    input_sets=1,
                )
                parts = {
                    "import": worker.about["import_seconds"],
                    "compile": outcome.loaded[name]["compile_seconds"],
                    "first inference": worker.ask("first"),
                }
                outcome.memory[name] = worker.ask("memory")
                outcome.versions[name] = worker.about["version"]
                if index == 0:
                    outputs[name] = worker.ask("outputs")
            parts["peak RSS"] = outcome.memory[name]["peak_rss_mib"] * 2**20
            for part, number in parts.items():
                numbers.setdefault(part, {})[name] = number
        for part, by_backend in numbers.items():
            outcome.series.setdefault(part, Series()).rounds.append(by_backend)
        progress(f"{case.title}: round {index + 1} of {case.rounds}")
    outcome.versions = {name: outcome.versions[name] for name in backends}
    outcome.deviation = deviations({name: outputs[name] for name in backends})
    return outcome
