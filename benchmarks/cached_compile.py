"""How much quicker a second compilation is with CACHE_DIR, each in a process of its own.

python -m benchmarks.cached_compile [model.onnx] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

DEFAULT = Path(".models/vgg19-0-v1.onnx")

#: Prints the milliseconds of one compilation.
COMPILE = """
import sys, time
import coinfer
core = coinfer.Core()
if sys.argv[2]:
    core.set_property({"CACHE_DIR": sys.argv[2]})
start = time.perf_counter()
core.compile_model(sys.argv[1], "CPU")
print((time.perf_counter() - start) * 1e3)
"""


def compile_once(model: Path, cache: str) -> float:
    """Milliseconds of a compilation in a new process."""
    command = [sys.executable, "-c", COMPILE, str(model), cache]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cached_compile")
    parser.add_argument("model", nargs="?", type=Path, default=DEFAULT)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    without, first, second = [], [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as cache:
            without.append(compile_once(options.model, ""))
            first.append(compile_once(options.model, cache))
            second.append(compile_once(options.model, cache))
    for name, times in (("without", without), ("first", first), ("second", second)):
        print(f"{name:8} {statistics.median(times):8.1f} ms")
    print(f"second / without: {statistics.median(second) / statistics.median(without):.2f}")


if __name__ == "__main__":
    main()
