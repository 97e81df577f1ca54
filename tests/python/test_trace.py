"""Traces: what they show, that Perfetto can read them, and that they are there at the end."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coinfer
from tests.python import models

PRELUDE = """
import asyncio, sys
import numpy as np
import coinfer
from tests.python import models
def load(model, **config): return coinfer.Core().compile_model(model, "CPU", models.IN_F32 | config)
add = load(models.one_add((4,)))
x = np.ones(4, np.float32)
"""

WORK = """
import uvloop
staged = load(models.non_zero())
slow = load(models.slow(50, 256), NUM_STREAMS=1)
many = np.zeros(slow.input(0).shape, np.float32)

async def awaits():
    await asyncio.gather(*(add.infer_async(x) for _ in range(8)))
for factory in (None, uvloop.new_event_loop):
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(awaits())

queue = coinfer.AsyncInferQueue(slow, 2)
queue.set_callback(lambda request, userdata: None)
for _ in range(4):
    queue.start_async(many)
queue.wait_all()

for _ in range(5):
    add(x)
staged(x)
request = slow.create_infer_request()
request.start_async(many)
request.wait()
sys.exit(3)
"""


def child(source: str, folder: Path, trace: str | None = None) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    # The child has another working folder, and relative paths another meaning.
    found = [
        str(Path(part).resolve()) for part in os.environ.get("PYTHONPATH", "").split(":") if part
    ]
    environment = {**os.environ, "PYTHONPATH": ":".join([str(root), *found])}
    environment.pop("COINFER_TRACE", None)
    if trace is not None:
        environment["COINFER_TRACE"] = trace
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + source],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=folder,
        env=environment,
    )


class Recorded:
    """A trace file, read: events by group of tracks; times in whole nanoseconds."""

    def __init__(self, path: Path) -> None:
        content = json.loads(path.read_text())
        self.dropped = content["otherData"]["dropped_events"]
        self.events = [e for e in content["traceEvents"] if e["ph"] != "M"]
        named = [e for e in content["traceEvents"] if e["ph"] == "M"]
        self.groups = {e["pid"]: e["args"]["name"] for e in named if e["name"] == "process_name"}
        self.tracks = {
            (e["pid"], e["tid"]): e["args"]["name"] for e in named if e["name"] == "thread_name"
        }
        for event in self.events:
            event["begin"] = round(event["ts"] * 1000)
            event["end"] = event["begin"] + round(event.get("dur", 0) * 1000)
            event["run"] = event["args"].get("run")

    def of(self, group: str, name: str | None = None) -> list[dict[str, Any]]:
        return [
            e
            for e in self.events
            if self.groups[e["pid"]] == group and (name is None or e["name"] == name)
        ]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("trace")
    done = child(WORK, folder, "run.json")
    assert (done.returncode, done.stderr) == (3, "")
    return Recorded(folder / "run.json")


def test_all_groups_have_named_tracks(recorded: Recorded) -> None:
    used = {recorded.groups[pid] for pid, _ in recorded.tracks}
    assert used == {"streams", "queue", "event loops", "callbacks", "callers"}
    assert {(e["pid"], e["tid"]) for e in recorded.events} == set(recorded.tracks)
    assert recorded.dropped == 0
    streams = {
        name for (pid, _), name in recorded.tracks.items() if recorded.groups[pid] == "streams"
    }
    assert len(streams) == len([p for p, _ in recorded.tracks if recorded.groups[p] == "streams"])


def test_every_run_has_one_span_on_a_stream(recorded: Recorded) -> None:
    runs = [e for e in recorded.of("streams") if e["name"] in ("one_add", "slow")]
    assert len(runs) == 2 * 8 + 5 + 4 + 1
    assert len({e["run"] for e in runs}) == len(runs)
    # A run of two stages may have a span for each, of one number.
    assert len({e["run"] for e in recorded.of("streams", "non_zero")}) == 1


def test_spans_of_a_track_nest(recorded: Recorded) -> None:
    by_track = defaultdict(list)
    for event in recorded.events:
        if event["ph"] == "X":
            by_track[event["pid"], event["tid"]].append(event)
    for events in by_track.values():
        open_spans: list[dict[str, Any]] = []
        for event in events:  # in the file's order: by begin, the longer one first
            while open_spans and open_spans[-1]["end"] <= event["begin"]:
                open_spans.pop()
            assert not open_spans or event["end"] <= open_spans[-1]["end"], event
            open_spans.append(event)


def test_events_are_in_the_order_of_their_times(recorded: Recorded) -> None:
    for phase in "Xi":
        begins = [e["begin"] for e in recorded.events if e["ph"] == phase]
        assert begins == sorted(begins)


def test_steps_lie_inside_their_run_and_name_their_node(recorded: Recorded) -> None:
    spans = recorded.of("streams")
    runs = {e["run"]: e for e in spans if e["name"] == "slow"}
    steps = [e for e in spans if e["run"] in runs and e["name"] != "slow"]
    by_run = defaultdict(list)
    for step in steps:
        run = runs[step["run"]]
        assert step["tid"] == run["tid"]
        assert run["begin"] <= step["begin"] <= step["end"] <= run["end"]
        assert "matmul" in step["args"]["node"]
        assert step["args"]["implementation"]
        by_run[step["run"]].append(step)
    assert set(by_run) == set(runs)
    for each in by_run.values():
        assert all(a["end"] <= b["begin"] for a, b in itertools.pairwise(each))


def test_every_run_waits_until_its_span_begins(recorded: Recorded) -> None:
    begin = {e["run"]: e["begin"] for e in recorded.of("queue") if e["ph"] == "b"}
    ends = defaultdict(list)
    for event in recorded.of("queue"):
        if event["ph"] == "e":
            ends[event["run"]].append(event["begin"])
    for run in recorded.of("streams", "one_add") + recorded.of("streams", "slow"):
        assert begin[run["run"]] <= run["begin"]
        assert ends[run["run"]] == [run["begin"]]


def test_callbacks_follow_their_runs(recorded: Recorded) -> None:
    callbacks = recorded.of("callbacks", "callback")
    ran = {e["run"]: e["end"] for e in recorded.of("streams", "slow")}
    assert len(callbacks) == 4
    assert all(ran[e["run"]] <= e["begin"] for e in callbacks)


def test_each_await_is_resolved_in_a_drain_of_its_loop(recorded: Recorded) -> None:
    resolved = recorded.of("event loops", "resolve")
    drains = recorded.of("event loops", "drain")
    assert len(resolved) == 16
    assert len({e["tid"] for e in resolved}) == 2
    for event in resolved:
        assert any(
            d["tid"] == event["tid"] and d["begin"] <= event["begin"] <= d["end"] for d in drains
        )
    ran = {e["run"]: e["end"] for e in recorded.of("streams", "one_add")}
    assert all(ran[e["run"]] <= e["begin"] for e in resolved)


def test_blocking_callers_are_shown(recorded: Recorded) -> None:
    calls = recorded.of("callers", "infer")
    assert len(calls) == 6
    runs = {e["run"]: e for e in recorded.of("streams", "one_add")}
    for call in calls:
        if run := runs.get(call["run"]):
            assert call["begin"] <= run["begin"] and run["end"] <= call["end"]


def test_without_a_request_for_one_there_is_no_file(tmp_path: Path) -> None:
    done = child("add(x)", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_a_trace_that_nobody_stops_is_written_at_the_end(tmp_path: Path) -> None:
    done = child("coinfer.trace('t.json'); add(x)", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(Recorded(tmp_path / "t.json").of("streams", "one_add")) == 1


def test_percent_p_is_the_process(tmp_path: Path) -> None:
    source = """
import os, subprocess
add(x)
pid = os.fork()
if pid == 0:
    sys.exit(0)  # the trace is the parent's
os.waitpid(pid, 0)
print(os.getpid())
"""
    done = child(source, tmp_path, "t-%p.json")
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == [f"t-{done.stdout.strip()}.json"]
    assert len(Recorded(next(tmp_path.iterdir())).of("streams", "one_add")) == 1


def test_a_path_of_the_environment_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    done = child("", tmp_path, "/nowhere/t.json")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "COINFER_TRACE" in last and "'/nowhere/t.json'" in last and "No such file" in last


@pytest.fixture
def add() -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(models.one_add((4,)), "CPU", {})


X = np.ones(4, np.float32)


def test_a_block_is_recorded_and_no_more(tmp_path: Path, add: coinfer.CompiledModel) -> None:
    add(X)
    with coinfer.trace(tmp_path / "t.json") as trace:
        for _ in range(3):
            add(X)
    add(X)
    trace.stop()
    assert len(Recorded(tmp_path / "t.json").of("streams", "one_add")) == 3


def test_one_trace_after_another_but_not_two_at_once(
    tmp_path: Path, add: coinfer.CompiledModel
) -> None:
    first = coinfer.trace(str(tmp_path / "first.json"))
    add(X)
    with pytest.raises(coinfer.Error, match=r"already.*first\.json"):
        coinfer.trace(tmp_path / "second.json")
    first.stop()
    with coinfer.trace(tmp_path / "second.json"):
        first.stop()  # again: nothing
        add(X)
    for name in ("first", "second"):
        assert len(Recorded(tmp_path / f"{name}.json").of("streams", "one_add")) == 1


def test_a_path_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(coinfer.Error, match=r"nowhere.*No such file"):
        coinfer.trace(tmp_path / "nowhere" / "t.json")
    with coinfer.trace(tmp_path / "t.json"):
        pass
    assert Recorded(tmp_path / "t.json").events == []


def test_a_disk_that_is_full_is_an_error() -> None:
    trace = coinfer.trace("/dev/full")
    with pytest.raises(coinfer.Error, match="could not be written to /dev/full"):
        trace.stop()


def test_a_cancelled_run_is_shown_as_far_as_it_came(tmp_path: Path) -> None:
    slow = coinfer.Core().compile_model(
        models.slow(200, 384), "CPU", {**models.IN_F32, "NUM_STREAMS": 1}
    )
    data = np.zeros(slow.input(0).shape, np.float32)
    first, second = slow.create_infer_request(), slow.create_infer_request()
    with coinfer.trace(tmp_path / "t.json"):
        first.start_async(data)
        second.start_async(data)
        for request in (second, first):
            request.cancel()
            with pytest.raises(coinfer.Cancelled):
                request.wait()
    recorded = Recorded(tmp_path / "t.json")
    waits = {e["run"] for e in recorded.of("queue") if e["ph"] == "e"}
    ran = {e["run"] for e in recorded.of("streams", "slow")}
    assert len(waits) == 2
    assert len(ran) <= 1 and ran <= waits
