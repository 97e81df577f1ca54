"""The benchmarks run, compare like with like, and say what they ran with."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import onnx
import pytest

from benchmarks import __main__ as bench
from benchmarks.backends import BACKENDS, random_inputs
from benchmarks.bridge.cases import add_of_two
from benchmarks.bridge.measures import AWAIT_BENCH, cpp
from benchmarks.coordinator import Case, Outcome, Series, deviations
from benchmarks.networks import profile, summary
from benchmarks.worker import Worker
from tests.python import models


def test_ratios_are_taken_within_a_round() -> None:
    # A machine that slows down tenfold in the last round changes no ratio.
    series = Series([{"a": 2.0, "b": 1.0}, {"a": 2.2, "b": 1.1}, {"a": 20.0, "b": 10.0}])
    assert series.ratio("a", "b") == 2.0
    assert series.median("b") == 1.1
    assert series.median("c") is None


def test_deviation_is_relative_to_the_larger_of_value_and_rms() -> None:
    found = deviations({"mine": [[1.0, 0.01]], "theirs": [[1.0, 0.0]]})
    assert found["theirs"] == 0.0
    assert found["mine"] == pytest.approx(0.01 * 2**0.5)


def test_input_sets_differ_and_can_be_repeated() -> None:
    spec = {
        "x": {"shape": [1, 4], "dtype": "float32"},
        "ids": {"shape": [1, 4], "dtype": "int64", "low": 5, "high": 9},
    }
    first, again, second = (random_inputs(spec, seed) for seed in (0, 0, 1))
    assert (first["x"] == again["x"]).all()
    assert (first["x"] != second["x"]).any()
    assert first["ids"].dtype == "int64"
    assert ((first["ids"] >= 5) & (first["ids"] < 9)).all()


def test_overhead_is_measured_beside_both_peers(tmp_path: Path, peers_python: Path) -> None:
    output = tmp_path / "report"
    options = ["overhead", "--rounds", "1", "--seconds", "0.02", "--output", str(output)]
    assert bench.main(options) == 0
    record = json.loads(output.with_suffix(".json").read_text())
    blocking, many = record["cases"]
    assert set(blocking["seconds"]["call"][0]) == {"coinfer", "openvino", "onnxruntime"}
    assert set(many["seconds"]["queue:callback"][0]) == {"coinfer", "openvino"}
    assert max(blocking["deviation"].values()) < 1e-6
    assert blocking["loaded"]["coinfer"]["settings"]["INFERENCE_PRECISION_HINT"] == "f32"
    assert "| await:64 |" in output.with_suffix(".md").read_text()


def test_the_bridge_is_measured_beside_its_peers(tmp_path: Path, peers_python: Path) -> None:
    output = tmp_path / "report"
    cases = ["bridge:blocking", "bridge:many", "bridge:memory"]
    options = ["--rounds", "1", "--seconds", "0.01", "--awaits", "500", "--output", str(output)]
    assert bench.main([*cases, *options]) == 0
    record = json.loads(output.with_suffix(".json").read_text())
    blocking, many, memory = (case["seconds"] for case in record["cases"])
    assert set(blocking["infer_shared"][0]) == {"coinfer", "openvino"}
    assert set(many["await:16"][0]) == {"coinfer", "openvino", "onnxruntime"}
    assert set(many["await:16:uvloop"][0]) == {"coinfer"}
    assert memory["growth:500:uvloop, bytes"][0]["coinfer"] < 2**26
    text = output.with_suffix(".md").read_text()
    assert "| growth:500:asyncio, bytes |" in text and "MiB |" in text


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Worker:
    """One that has loaded a model of some milliseconds, in this process."""
    path = tmp_path_factory.mktemp("bench") / "slow.onnx"
    model = models.slow(100, 384)
    onnx.save(model, path)
    worker = Worker(BACKENDS["coinfer"]())
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    inputs = {model.graph.input[0].name: {"shape": shape, "dtype": "float32"}}
    worker.load(str(path), 2, "latency", inputs)
    return worker


@pytest.mark.shares_a_model
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_lateness_is_measured_while_awaits_are_in_flight(worker: Worker, loop: str) -> None:
    found = worker.measure(f"lag:4:{loop}", 0.1)
    assert 0 < found["p50"] <= found["p99"] <= found["longest"]
    assert found["awaits"] > 0


def test_a_batcher_is_measured_beside_single_awaits(tmp_path: Path) -> None:
    path = tmp_path / "mlp.onnx"
    onnx.save(models.dynamic_mlp(), path)
    worker = Worker(BACKENDS["coinfer"]())
    worker.load(str(path), 2, "latency", {"x": {"shape": [1, 16], "dtype": "float32"}})
    found = worker.measure("batched:8:uvloop", 0.05)
    assert found["gain"] == pytest.approx(found["unbatched awaits"] / found["batched awaits"])
    assert found["mean size"] > 1
    assert {case.mode for case in bench.chosen(["batcher"], 0)} == {"latency", "throughput"}


def test_ways_of_inference_are_measured_beside_openvino(tmp_path: Path, peers_python: Path) -> None:
    output = tmp_path / "report"
    parts = ["advanced:reuse", "advanced:postponed", "advanced:chaining"]
    assert bench.main([*parts, "--rounds", "1", "--seconds", "0.01", "--output", str(output)]) == 0
    (case,) = json.loads(output.with_suffix(".json").read_text())["cases"]
    found = case["seconds"]
    for what in ("reuse, infer_new_request(inputs)", "chaining, by tensors"):
        assert set(found[what][0]) == {"coinfer", "openvino"}


def test_hiding_latency_is_measured_beside_openvino(tmp_path: Path, peers_python: Path) -> None:
    output = tmp_path / "report"
    options = ["--rounds", "1", "--seconds", "0.01", "--output", str(output)]
    assert bench.main(["advanced:hiding", *options]) == 0
    (case,) = json.loads(output.with_suffix(".json").read_text())["cases"]
    for what in ("inference", "other work", "one after the other", "at once"):
        (found,) = case["seconds"][f"hiding, {what}"]
        assert set(found) == {"coinfer", "openvino"}
        assert min(found.values()) > 0


def test_sharing_is_measured_by_size(worker: Worker) -> None:
    chosen = bench.chosen(["advanced:sharing"], 0)
    assert [case.measures.keys() >= {"sharing:4096", "sharing:67108864"} for case in chosen] == [
        True
    ]
    found = worker.measure("sharing:4096", 0.01)
    assert set(found) == {"both copied", "inputs shared", "outputs shared", "both shared"}
    assert min(found.values()) > 0


@pytest.mark.shares_a_model
def test_a_cancel_is_timed_until_the_request_is_usable(worker: Worker) -> None:
    found = worker.measure("cancel", 0.1)
    assert 0 < found["p50"] <= found["p99"]
    worker.backend.start_and_wait(worker.inputs[0])


def test_the_awaits_of_c_plus_plus_are_measured() -> None:
    assert AWAIT_BENCH.exists(), "not built: run cmake --build build/release"
    found = cpp(str(add_of_two()), 0.01)
    assert 0 < found["direct"] < 1
    assert 0 < found["co_await"] < 1


def test_an_unknown_case_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["nosuch"])
    assert "no such case: nosuch" in capsys.readouterr().err


def test_an_interval_needs_six_rounds_and_leaves_the_extremes_out() -> None:
    rounds = [{"a": float(i), "b": 1.0} for i in range(1, 10)]
    assert Series(rounds[:5]).interval("a", "b") is None
    assert Series(rounds[:6]).interval("a", "b") == (1, 6)
    assert Series(rounds).interval("a", "b") == (2, 8)


def test_a_network_is_measured_in_all_ways(
    tmp_path: Path, peers_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.networks.plot.PYTHON", tmp_path / "none")
    output = tmp_path / "report"
    options = ["--rounds", "1", "--seconds", "0.01", "--output", str(output)]
    assert bench.main(["networks:gru", *options]) == 0
    ways = ["networks:one-add", "--ways", "latency", "--add"]
    assert bench.main([*ways, *options]) == 0
    cases = json.loads(output.with_suffix(".json").read_text())["cases"]
    assert [case["title"] for case in cases] == [
        *(f"GRU, {way}" for way in ("latency", "throughput", "start")),
        "one-add, latency",
    ]
    everyone = {"coinfer", "openvino", "onnxruntime"}
    for case, what in zip(cases[:3], ("latency", "in_flight:4", "peak RSS"), strict=True):
        assert set(case["seconds"][what][0]) == everyone
        assert max(case["deviation"].values()) < 1e-4
    assert cases[0]["loaded"]["onnxruntime"]["settings"]["io_binding"] in (True, False)
    text = output.with_suffix(".md").read_text()
    assert text.count("| geometric mean |") == len(summary.FIGURES)
    assert "| GRU | " in text and "| one-add | " in text


def test_without_a_peer_there_is_a_report_and_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.networks.plot.PYTHON", Path(sys.executable))
    output = tmp_path / "report"
    options = ["--rounds", "1", "--seconds", "0.01", "--backends", "coinfer"]
    assert bench.main(["networks:one-add", *options, "--output", str(output)]) == 0
    assert output.with_suffix(".md").exists()
    assert not output.with_suffix(".svg").exists()


def test_precision_may_be_left_to_the_runtimes(tmp_path: Path, peers_python: Path) -> None:
    output = tmp_path / "report"
    options = ["--ways", "latency", "--rounds", "1", "--seconds", "0.01", "--output", str(output)]
    peers = ["--backends", "coinfer,openvino", "--precision", "default"]
    assert bench.main(["networks:one-add", *options, *peers]) == 0
    (case,) = json.loads(output.with_suffix(".json").read_text())["cases"]
    ours, theirs = (
        case["loaded"][name]["settings"]["INFERENCE_PRECISION_HINT"]
        for name in ("coinfer", "openvino")
    )
    assert ours == theirs and ours.startswith("not given: ")


def test_extents_may_differ_between_input_sets() -> None:
    spec = {"x": {"shape": [1, [8, 640, 8]], "dtype": "float32"}}
    widths = [random_inputs(spec, seed)["x"].shape[1] for seed in range(20)]
    assert len(set(widths)) > 10
    assert all(width % 8 == 0 and 8 <= width < 640 for width in widths)


def test_the_better_peer_is_the_one_with_the_better_median() -> None:
    case = Case("n, throughput", Path("n"), {}, {}, network="n", way="throughput")
    rounds = [{"coinfer": 1.0, "openvino": 2.0, "onnxruntime": 4.0}] * 2
    versions = dict.fromkeys(rounds[0], "1")
    outcome = Outcome(case, {}, {}, versions, {}, {"in_flight:4": Series(rounds)})
    figure = next(one for one in summary.FIGURES if one.what == "in_flight")
    (row,) = summary.rows([outcome], figure)
    assert (row.peer, row.ratio, row.interval) == ("openvino", 2.0, None)  # more is better


def test_a_profile_names_every_step(capfd: pytest.CaptureFixture[str]) -> None:
    assert profile.PLAN_BENCH.exists(), "not built: run cmake --build build/release"
    assert bench.main(["profile", "gru", "--seconds", "0.05"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["us", "share", "GFLOP/s", "peak"]
    assert {line.split()[-1] for line in lines if " GRU " in line} == {"gru_0_0", "gru_2_0"}
    assert any("of the peak of" in line for line in lines)
