"""What was measured, as JSON for programs and Markdown for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.coordinator import Outcome

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


def time_text(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} us"
    return f"{seconds * 1e3:.2f} ms"


def case_markdown(outcome: Outcome, backends: Sequence[str]) -> list[str]:
    ours = backends[0]
    lines = [f"## {outcome.case.title}", ""]
    heads = [*backends, *(f"{ours} / {other}" for other in backends[1:])]
    lines += ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for what, series in outcome.series.items():
        cells = []
        for backend in backends:
            median = series.median(backend)
            if median is None:
                cells.append("–")
            elif what.startswith("await"):
                cells.append(f"{1 / median:,.0f} /s")
            else:
                cells.append(time_text(median))
        for other in backends[1:]:
            ratio = series.ratio(ours, other)
            cells.append("–" if ratio is None else f"{ratio:.2f}")
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    compile_cells = [time_text(outcome.loaded[b]["compile_seconds"]) for b in backends]
    memory_cells = [f"{outcome.memory[b]['peak_rss_mib']:.0f} MiB" for b in backends]
    blank = [""] * (len(backends) - 1)
    lines.append("| compile (once) | " + " | ".join(compile_cells + blank) + " |")
    lines.append("| peak RSS | " + " | ".join(memory_cells + blank) + " |")
    worst = ", ".join(f"{b} {d:.1e}" for b, d in list(outcome.deviation.items())[:-1])
    lines += ["", f"Largest |a-b| / max(|b|, rms(b)) to {backends[-1]}: {worst}.", ""]
    for backend in backends:
        settings = json.dumps(outcome.loaded[backend]["settings"])
        lines.append(f"- {backend} {outcome.versions[backend]}: `{settings}`")
    return [*lines, ""]


def markdown(
    outcomes: Sequence[Outcome], backends: Sequence[str], options: dict[str, Any], command: str
) -> str:
    about = machine()
    lines = [
        "# coinfer beside its peers",
        "",
        f"`{command}` on {about['cpu']}, {about['cpus']} CPUs ({', '.join(about['isa'])}), "
        f"Linux {about['kernel']}, Python {about['python']}. Times are the median over "
        f"{options['rounds']} rounds of {options['seconds']} s per runtime, interleaved; ratios "
        "are the median of the rounds' own ratios (below 1: coinfer is faster). Every runtime "
        f"has its own process and {options['threads']} threads; inputs change with each call.",
        "",
    ]
    for outcome in outcomes:
        lines += case_markdown(outcome, backends)
    return "\n".join(lines)


def write_json(
    path: Path, outcomes: Sequence[Outcome], options: dict[str, Any], command: str
) -> None:
    cases = [
        {
            "title": outcome.case.title,
            "model": str(outcome.case.path),
            "mode": outcome.case.mode,
            "inputs": outcome.case.inputs,
            "versions": outcome.versions,
            "loaded": outcome.loaded,
            "memory": outcome.memory,
            "deviation": outcome.deviation,
            "seconds": {what: series.rounds for what, series in outcome.series.items()},
        }
        for outcome in outcomes
    ]
    record = {"command": command, "machine": machine(), "options": options, "cases": cases}
    path.write_text(json.dumps(record, indent=1))
