"""Where the time of a network goes, step by step: ``script/bench profile NETWORK…``.

A step's line has its time (the median of all runs), GFLOP/s, the share of the machine's peak (the
best of large products of matrices of the same type, measured in the same process), implementation,
layout, node.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence

from benchmarks.coordinator import ROOT
from benchmarks.networks.cases import NETWORKS

PLAN_BENCH = ROOT / "build" / "release" / "benchmarks" / "plan_bench"


def command(name: str, threads: int, seconds: float, precision: str) -> list[str]:
    """What measures the network of that name."""
    network = NETWORKS[name]
    path = network.path()
    shapes = []
    for port, spec in network.inputs(path).items():
        extents = [e[1] - 1 if isinstance(e, list) else e for e in spec["shape"]]
        shapes += ["--shape", f"{port}=" + ",".join(map(str, extents))]
    options = ["--threads", str(threads), "--seconds", str(seconds), "--table", "--peak"]
    options += ["--precision", precision]
    return [str(PLAN_BENCH), str(path), *shapes, *options]


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/bench profile")
    parser.add_argument("networks", nargs="+", choices=sorted(NETWORKS), metavar="network")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    options = parser.parse_args(argv)
    if not PLAN_BENCH.exists():
        parser.error("not built: cmake --build build/release --target plan_bench")
    for name in options.networks:
        done = subprocess.run(command(name, options.threads, options.seconds, options.precision))
        if done.returncode != 0:
            return done.returncode
    return 0
