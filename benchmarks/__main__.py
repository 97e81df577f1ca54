"""Measure coinfer beside OpenVINO and ONNX Runtime.

python -m benchmarks [overhead] [resnet50] [minilm] [--rounds 15] [--seconds 0.3] [--threads 2]
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import models, report
from benchmarks.coordinator import ENVIRONMENTS, WorkerError, run_case

CASES = ("overhead", "resnet50", "minilm")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.3, help="per round and runtime")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--backends", default=",".join(ENVIRONMENTS), help="%(default)s")
    parser.add_argument("--output", type=Path, default=models.FOLDER / "report")
    options = parser.parse_args(argv)
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    backends = options.backends.split(",")
    if unknown := set(backends) - set(ENVIRONMENTS):
        parser.error(f"no such backend: {', '.join(sorted(unknown))}")

    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    settings = {name: getattr(options, name) for name in ("rounds", "seconds", "threads")}
    command = shlex.join(["script/bench", *(sys.argv[1:] if argv is None else argv)])
    outcomes = []
    try:
        for case in models.cases(options.cases or list(CASES)):
            outcomes.append(run_case(case, backends, **settings, progress=progress))
    except WorkerError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = report.markdown(outcomes, backends, settings, command)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.with_suffix(".md").write_text(text)
    report.write_json(options.output.with_suffix(".json"), outcomes, settings, command)
    print(text)
    print(f"written: {options.output.with_suffix('.md')} and .json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
