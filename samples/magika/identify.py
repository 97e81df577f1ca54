"""Tell the content type of every file in a folder, with hundreds of inferences awaited at once.

python -m samples.magika.identify [folder] [--in-flight 256] [--all] [--uvloop]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import coinfer
from samples import model_wheels
from samples.magika import network as magika_network
from samples.magika.walk import regular_files
from samples.magika.ways import Job, Run

CONFIG = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("folder", nargs="?", type=Path, default=model_wheels.ROOT)
    parser.add_argument("--in-flight", type=int, default=256, help="files at once (%(default)s)")
    parser.add_argument("--all", action="store_true", help="hidden and generated folders too")
    parser.add_argument("--uvloop", action="store_true", help="run on uvloop")
    options = parser.parse_args(argv)
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is not a folder")
    if options.in_flight < 1:
        parser.error("--in-flight must be at least 1")
    return options


def run_loop(options: argparse.Namespace, job: Job, advance: Callable[[], None]) -> Run:
    if options.uvloop:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(job.awaited(advance, options.in_flight))
    return asyncio.run(job.awaited(advance, options.in_flight))


def types_table(run: Run) -> Table:
    title = f"{len(run.labels)} files, {len(set(run.labels.values()))} types"
    table = Table(title=title, box=box.SIMPLE)
    table.add_column("type")
    table.add_column("files", justify="right")
    for label, count in Counter(run.labels.values()).most_common():
        table.add_row(label, str(count))
    return table


def ways_table(runs: Sequence[Run]) -> Table:
    table = Table(title="the same files in three ways", box=box.SIMPLE)
    columns = (
        "",
        "files/s",
        "seconds",
        "read",
        "features",
        "inference",
        "most in flight",
        "labels",
    )
    for heading in columns:
        table.add_column(heading, justify="right" if heading not in ("", "labels") else "left")
    for run in runs:
        same = sum(run.labels[path] == label for path, label in runs[0].labels.items())
        verdict = (
            "equal" if run.labels == runs[0].labels else f"{same} of {len(runs[0].labels)} equal"
        )
        seconds = (run.wall_seconds, run.read_seconds, run.features_seconds, run.inference_seconds)
        table.add_row(
            run.name,
            f"{run.files_per_second:,.0f}",
            *(f"{value:.3f}" for value in seconds),
            str(run.most_in_flight),
            verdict,
        )
    return table


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments(argv)
    console = Console() if sys.stdout.isatty() else Console(width=100)
    network = magika_network.load()
    compiled = coinfer.Core().compile_model(network.path, "CPU", CONFIG)
    paths = list(regular_files(options.folder, options.all))
    if not paths:
        console.print(f"no readable files in {options.folder}")
        return 0
    job = Job(compiled, network, paths)

    columns = (TextColumn("{task.description:>16}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:

        def bar(name: str) -> Callable[[], None]:
            task = progress.add_task(name, total=len(paths))
            return lambda: progress.advance(task)

        runs = [
            run_loop(options, job, bar("asyncio")),
            job.blocking(bar("blocking")),
            job.queued(bar("AsyncInferQueue")),
        ]
    console.print(types_table(runs[0]))
    console.print(ways_table(runs))
    console.print(
        "read, features and inference in seconds: read is summed over the reading threads, "
        "inference is the time with at least one in flight",
        style="dim",
    )
    return 0 if all(run.labels == runs[0].labels for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
