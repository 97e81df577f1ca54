"""What was measured, as JSON for programs and Markdown for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.coordinator import Case, Outcome, Series
from benchmarks.networks import summary

ISA_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def machine() -> dict[str, Any]:
    with open("/proc/cpuinfo") as info:
        pairs = (line.split(":", 1) for line in info if ":" in line)
        fields = {key.strip(): value.strip() for key, value in pairs}
    flags = fields.get("flags", "").split()
    return {
        "cpu": fields.get("model name", "unknown"),
        "cpus": len(os.sched_getaffinity(0)),
        "isa": [flag for flag in ISA_FLAGS if flag in flags],
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": os.getloadavg(),
    }


def text_of(what: str, number: float) -> str:
    """A number of that series, with its unit."""
    if what.startswith("growth") and what.endswith("bytes"):
        return f"{number / 2**20:.2f} MiB"
    if what == "peak RSS":
        return f"{number / 2**20:.0f} MiB"
    if what.endswith((", gain", ", mean size")):
        return f"{number:.2f}"
    if what.startswith(("await", "in_flight")) or what.endswith("awaits"):
        return f"{1 / number:,.0f} /s"
    return time_text(number)


def time_text(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} us"
    return f"{seconds * 1e3:.2f} ms"


def case_markdown(outcome: Outcome) -> list[str]:
    backends = list(outcome.versions)
    ours = backends[0]
    case = outcome.case
    length = f" of {case.seconds:g} s" if case.seconds else ""
    lines = [f"## {case.title}", "", f"Rounds: {case.rounds}{length}.", ""]
    heads = [*backends, *(f"{ours} / {other}" for other in backends[1:])]
    lines += ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for what, series in outcome.series.items():
        cells = []
        for backend in backends:
            median = series.median(backend)
            cells.append("–" if median is None else text_of(what, median))
        for other in backends[1:]:
            ratio = None if what.endswith("bytes") else series.ratio(ours, other)
            cells.append("–" if ratio is None else f"{ratio:.2f}")
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    compile_cells = [time_text(outcome.loaded[b]["compile_seconds"]) for b in backends]
    memory_cells = [f"{outcome.memory[b]['peak_rss_mib']:.0f} MiB" for b in backends]
    blank = [""] * (len(backends) - 1)
    if case.way != "start":
        lines.append("| compile (once) | " + " | ".join(compile_cells + blank) + " |")
        lines.append("| peak RSS | " + " | ".join(memory_cells + blank) + " |")
    lines.append("")
    if len(backends) > 1:
        worst = ", ".join(f"{b} {d:.1e}" for b, d in list(outcome.deviation.items())[:-1])
        lines += [f"Largest |a-b| / max(|b|, rms(b)) to {backends[-1]}: {worst}.", ""]
    for backend in backends:
        settings = json.dumps(outcome.loaded[backend]["settings"])
        lines.append(f"- {backend} {outcome.versions[backend]}: `{settings}`")
    return [*lines, ""]


def markdown(outcomes: Sequence[Outcome], options: dict[str, Any], command: str) -> str:
    about = machine()
    lines = [
        "# coinfer beside its peers",
        "",
        f"`{command}` on {about['cpu']}, {about['cpus']} CPUs ({', '.join(about['isa'])}), "
        f"Linux {about['kernel']}, Python {about['python']}. Numbers are the median over the "
        "rounds, which take the runtimes in turns; ratios are the median of the rounds' own "
        "ratios (below 1: coinfer is faster). Every runtime has its own process and "
        f"{options['threads']} threads; inputs change with each call.",
        "",
    ]
    lines += summary.markdown(outcomes)
    for outcome in outcomes:
        lines += case_markdown(outcome)
    return "\n".join(lines)


def write_json(
    path: Path, outcomes: Sequence[Outcome], options: dict[str, Any], command: str
) -> None:
    cases = [
        {
            "title": outcome.case.title,
            "network": outcome.case.network,
            "way": outcome.case.way,
            "model": str(outcome.case.path),
            "mode": outcome.case.mode,
            "rounds": outcome.case.rounds,
            "round_seconds": outcome.case.seconds,
            "inputs": outcome.case.inputs,
            "versions": outcome.versions,
            "loaded": outcome.loaded,
            "memory": outcome.memory,
            "deviation": outcome.deviation,
            "seconds": {what: series.rounds for what, series in outcome.series.items()},
        }
        for outcome in outcomes
    ]
    record: dict[str, Any] = {
        "command": command,
        "machine": machine(),
        "options": options,
        "cases": cases,
    }
    path.write_text(json.dumps(record, indent=1))


def read_json(path: Path) -> list[Outcome]:
    """What `write_json` wrote."""
    return [
        Outcome(
            Case(
                record["title"],
                Path(record["model"]),
                record["inputs"],
                {},
                mode=record["mode"],
                rounds=record["rounds"],
                seconds=record["round_seconds"],
                network=record["network"],
                way=record["way"],
            ),
            record["loaded"],
            record["memory"],
            record["versions"],
            record["deviation"],
            {what: Series(rounds) for what, rounds in record["seconds"].items()},
        )
        for record in json.loads(path.read_text())["cases"]
    ]
