"""Tables over all networks: each figure beside the better peer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.coordinator import Outcome

OURS = "coinfer"


@dataclass(frozen=True)
class Figure:
    title: str
    way: str
    what: str  # how its series' name begins
    rate: bool = False  # inferences a second: more is better
    bytes: bool = False


FIGURES = (
    Figure("Latency", "latency", "latency"),
    Figure("Throughput, 4 in flight", "throughput", "in_flight", rate=True),
    Figure("asyncio, 16 awaits in flight", "throughput", "await:16", rate=True),
    Figure("asyncio, 64 awaits in flight", "throughput", "await:64", rate=True),
    Figure("Compile", "start", "compile"),
    Figure("First inference", "start", "first inference"),
    Figure("Peak memory of load, compile and one inference", "start", "peak RSS", bytes=True),
    Figure("Import", "start", "import"),
)


@dataclass(frozen=True)
class Row:
    network: str
    medians: dict[str, float]  # by backend, seconds or bytes
    peer: str  # the better one
    ratio: float  # ours to the better peer's; of rates, where more is better
    interval: tuple[float, float] | None


def rows(outcomes: Sequence[Outcome], figure: Figure) -> list[Row]:
    """Of the networks that were measured with coinfer and a peer."""
    result = []
    for outcome in outcomes:
        if outcome.case.way != figure.way:
            continue
        for what, series in outcome.series.items():
            medians = {b: series.median(b) for b in outcome.versions}
            known = {b: value for b, value in medians.items() if value is not None}
            peers = [b for b in known if b != OURS]
            if not what.startswith(figure.what) or OURS not in known or not peers:
                continue
            peer = min(peers, key=lambda b: known[b])
            order = (peer, OURS) if figure.rate else (OURS, peer)
            ratio = series.ratio(*order)
            assert ratio is not None
            interval = series.interval(*order)
            result.append(Row(outcome.case.network, known, peer, ratio, interval))
    return result


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def cell(figure: Figure, value: float) -> str:
    if figure.rate:
        return f"{1 / value:,.1f} /s"
    if figure.bytes:
        return f"{value / 2**20:.0f} MiB"
    return f"{value * 1e3:.3f} ms" if value < 1e-2 else f"{value * 1e3:.1f} ms"


def table(outcomes: Sequence[Outcome], figure: Figure) -> list[str]:
    found = rows(outcomes, figure)
    if not found:
        return []
    backends = list(dict.fromkeys(b for row in found for b in row.medians))
    goal = "more is better" if figure.rate else "less is better"
    heads = ["network", *backends, "coinfer / better peer", "95 %"]
    lines = [f"### {figure.title} ({goal})", "", "| " + " | ".join(heads) + " |"]
    lines.append("|---" * len(heads) + "|")
    for row in found:
        numbers = [cell(figure, row.medians[b]) if b in row.medians else "–" for b in backends]
        interval = f"{row.interval[0]:.2f}–{row.interval[1]:.2f}" if row.interval else "–"
        cells = [row.network, *numbers, f"{row.ratio:.2f} ({row.peer})", interval]
        lines.append("| " + " | ".join(cells) + " |")
    mean = f"{geometric_mean([row.ratio for row in found]):.2f}"
    blank = [""] * len(backends)
    lines.append("| " + " | ".join(["geometric mean", *blank, mean, ""]) + " |")
    return [*lines, ""]


def markdown(outcomes: Sequence[Outcome]) -> list[str]:
    """Nothing when no network was measured."""
    found = [line for figure in FIGURES for line in table(outcomes, figure)]
    if not found:
        return []
    about = (
        "The better peer is the one with the better median; the ratio is the median of the rounds' "
        "own ratios to it, with its 95 % interval (sign test) where there are six rounds or more."
    )
    return ["## Networks", "", about, "", *found]
