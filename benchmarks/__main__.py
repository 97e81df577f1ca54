"""Measure coinfer beside OpenVINO and ONNX Runtime.

python -m benchmarks [overhead] [resnet50] [minilm] [bridge] [bridge:lag] … [batcher] [advanced]
                     [networks] [networks:mobilenet] … [--ways latency,throughput,start]
                     [--rounds 15] [--seconds 0.3] [--threads 2] [--awaits 1000000] [--add]
                     [--precision f32 | bf16 | default]
python -m benchmarks profile NETWORK… [--threads 2] [--precision f32]
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import batcher, models, report
from benchmarks.advanced_inference import cases as advanced
from benchmarks.bridge import cases as bridge
from benchmarks.coordinator import ENVIRONMENTS, Case, Outcome, WorkerError, run_case
from benchmarks.networks import cases as networks
from benchmarks.networks import plot, profile

NETWORKS = ("overhead", "resnet50", "minilm")
GROUPS: dict[str, Sequence[str]] = {
    "bridge": bridge.PARTS,
    "advanced": advanced.PARTS,
    "networks": tuple(networks.NETWORKS),
}
CASES = (
    *NETWORKS,
    *(
        name
        for group, parts in GROUPS.items()
        for name in (group, *(f"{group}:{p}" for p in parts))
    ),
    "batcher",
)


def chosen(names: Sequence[str], awaits: int, ways: Sequence[str] = networks.WAYS) -> list[Case]:
    """The cases with these names; `awaits` is of bridge:memory, `ways` of networks."""
    parts = {
        group: [part for part in all_parts if group in names or f"{group}:{part}" in names]
        for group, all_parts in GROUPS.items()
    }
    return [
        *models.cases(list(names)),
        *bridge.cases(parts["bridge"], awaits),
        *(batcher.cases() if "batcher" in names else []),
        *advanced.cases(parts["advanced"]),
        *networks.cases(parts["networks"], ways),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] == "profile":
        return profile.main(argv[1:])
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, help="instead of the case's own number")
    parser.add_argument("--seconds", type=float, help="per round and runtime, likewise")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["f32", "bf16", "default"], default="f32")
    parser.add_argument("--awaits", type=int, default=1_000_000, help="of bridge:memory")
    parser.add_argument("--ways", default=",".join(networks.WAYS), help="of networks: %(default)s")
    parser.add_argument("--add", action="store_true", help="to what the report holds already")
    parser.add_argument("--backends", default=",".join(ENVIRONMENTS), help="%(default)s")
    parser.add_argument("--output", type=Path, default=models.FOLDER / "report")
    options = parser.parse_args(argv)
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    backends = options.backends.split(",")
    if unknown := set(backends) - set(ENVIRONMENTS):
        parser.error(f"no such backend: {', '.join(sorted(unknown))}")
    ways = options.ways.split(",")
    if unknown := set(ways) - set(networks.WAYS):
        parser.error(f"no such way: {', '.join(sorted(unknown))}")

    os.environ["BENCH_PRECISION"] = options.precision  # which the workers read

    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    settings = {name: getattr(options, name) for name in ("threads", "awaits", "precision")}
    command = shlex.join(["script/bench", *argv])
    outcomes: list[Outcome] = []
    try:
        for case in chosen(options.cases or list(NETWORKS), options.awaits, ways):
            case.rounds = options.rounds or case.rounds
            case.seconds = case.seconds and (options.seconds or case.seconds)
            if any(able in backends for ables in case.measures.values() for able in ables):
                outcomes.append(run_case(case, backends, options.threads, progress))
    except WorkerError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    json_file = options.output.with_suffix(".json")
    if options.add and json_file.exists():
        new = {outcome.case.title for outcome in outcomes}
        old = [one for one in report.read_json(json_file) if one.case.title not in new]
        outcomes = [*old, *outcomes]
    text = report.markdown(outcomes, settings, command)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.with_suffix(".md").write_text(text)
    report.write_json(json_file, outcomes, settings, command)
    print(text)
    print(f"written: {options.output.with_suffix('.md')} and .json")
    if any(outcome.case.network for outcome in outcomes) and plot.draw(json_file):
        print(f"written: {json_file.with_suffix('.svg')} and .png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
