"""The ratios of a report as a picture: python -m benchmarks.networks.plot report.json

matplotlib lives in an environment of its own, .venv-bench (requirements/bench.txt).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks import report
from benchmarks.coordinator import ROOT
from benchmarks.networks import summary

PYTHON = ROOT / ".venv-bench" / "bin" / "python"


def draw(json_file: Path) -> bool:
    """Writes an SVG and a PNG beside the report; False where the environment is missing, and where
    no peer was measured."""
    if not PYTHON.exists() or not compared(json_file):
        return False
    command = [str(PYTHON), "-m", "benchmarks.networks.plot", str(json_file)]
    subprocess.run(command, check=True, cwd=ROOT)
    return True


def compared(json_file: Path) -> list[tuple[summary.Figure, list[summary.Row]]]:
    """The figures that have rows, with them."""
    outcomes = report.read_json(json_file)
    found = [(figure, summary.rows(outcomes, figure)) for figure in summary.FIGURES]
    return [(figure, rows) for figure, rows in found if rows and figure.what != "import"]


def main(json_file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "coinfer"
    from matplotlib import pyplot

    found = compared(json_file)
    longest = max(len(rows) for _, rows in found)
    columns = min(len(found), 3)
    lines = -(-len(found) // columns)
    picture, axes = pyplot.subplots(
        lines, columns, figsize=(5 * columns, (0.9 + 0.26 * longest) * lines), squeeze=False
    )
    for axis in axes.flat[len(found) :]:
        axis.remove()
    for axis, (figure, rows) in zip(axes.flat, found, strict=False):
        better = [row.ratio >= 1 if figure.rate else row.ratio <= 1 for row in rows]
        colours = ["tab:green" if good else "tab:red" for good in better]
        ratios = [row.ratio for row in rows]
        reach = [row.interval or (row.ratio, row.ratio) for row in rows]
        errors = [
            [max(0.0, ratio - low) for ratio, (low, _) in zip(ratios, reach, strict=True)],
            [max(0.0, high - ratio) for ratio, (_, high) in zip(ratios, reach, strict=True)],
        ]
        axis.barh([row.network for row in rows], ratios, color=colours, xerr=errors)
        axis.axvline(1, color="black", linewidth=0.8)
        axis.invert_yaxis()
        mean = summary.geometric_mean(ratios)
        goal = "more" if figure.rate else "less"
        axis.set_title(f"{figure.title}\ngeometric mean {mean:.2f}, {goal} is better", fontsize=9)
        axis.tick_params(labelsize=7)
        axis.set_xlabel("coinfer / better peer", fontsize=8)
    picture.tight_layout()
    picture.savefig(json_file.with_suffix(".svg"), metadata={"Date": None})
    picture.savefig(json_file.with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
