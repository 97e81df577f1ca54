"""Both runtimes' answers side by side, and `docs/parity.md`.

.venv/bin/python -m tests.python.parity.compare            # what differs by accident
.venv/bin/python -m tests.python.parity.compare --write    # docs/parity.md
"""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.python.parity.answers import all_snippets
from tests.python.parity.declare import Declared, Difference
from tests.python.parity.files import model_files

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "parity.md"
CONTRACT = ROOT / "docs" / "contract.md"
FOLDER = ROOT / ".models" / "parity"


@dataclass
class Compared:
    """One snippet with a pair of answers, coinfer's and OpenVINO's, for each variant."""

    snippet: Declared
    answers: list[tuple[Any, Any]]

    @property
    def equal(self) -> bool:
        return all(same(ours, theirs) for ours, theirs in self.answers)

    @property
    def all_differ(self) -> bool:
        return not any(same(ours, theirs) for ours, theirs in self.answers)


def same(ours: Any, theirs: Any) -> bool:
    """Equal, where an exception only has to be an instance of the other's class."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return theirs["raises"][0] in ours["raises"]
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return type(ours) is type(theirs) and bool(ours == theirs)


PYTHONS = {"coinfer": sys.executable, "openvino": str(ROOT / ".venv-peers/bin/python")}
#: Times that OpenVINO is asked again: its queues hang now and then, and timing is not all ours.
AGAIN = 2

Answers = dict[str, list[Any]]


def ask(modules: list[str], paths: dict[str, str], only: list[str] | None) -> list[Answers]:
    """The modules' answers, each in its own environment and at the same time."""
    given = json.dumps({"paths": paths, "only": only})
    running = []
    for module in modules:
        command = [PYTHONS[module], "-m", "tests.python.parity.answers", module]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()
        running.append(process)
    answers = []
    for process in running:
        assert process.stdout is not None
        answers.append(json.loads(process.stdout.read()))
        assert process.wait() == 0
    return answers


def compare(only: list[str] | None = None) -> list[Compared]:
    """Run the snippets under both. Coinfer has to answer right at once, OpenVINO is asked again."""
    paths = model_files(FOLDER)
    ours, theirs = ask(["coinfer", "openvino"], paths, only)
    snippets = [one for one in all_snippets() if only is None or one.name in only]
    for left in range(AGAIN, -1, -1):
        compared = [
            Compared(one, list(zip(ours[one.name], theirs[one.name], strict=True)))
            for one in snippets
        ]
        differ = [c.snippet.name for c in compared if not c.equal and not c.snippet.difference]
        if not differ or not left:
            break
        theirs |= ask(["openvino"], paths, differ)[0]
    return compared


def told(answer: Any) -> str:
    """An answer in a few words."""
    if isinstance(answer, str):
        return answer if answer in ("crashes", "hangs", "corrupts memory") else "a result"
    return answer["raises"][0] if isinstance(answer, dict) else "a result"


def source(snippet: Declared) -> str:
    """The snippet's body on one line, as the table shows it."""
    lines = inspect.getsource(snippet.function).split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("def ")) + 1
    while not lines[start - 1].rstrip().endswith(":"):
        start += 1
    body = "; ".join(line.strip() for line in lines[start:] if line.strip())
    return re.sub(r":; ", ": ", body.removeprefix("return ")).replace("|", r"\|")


def contract() -> dict[str, str]:
    """The sentences of docs/contract.md by their keys."""
    return dict(re.findall(r"^- \*\*(.+?)\*\*: (.+)$", CONTRACT.read_text(), re.MULTILINE))


def why(difference: Difference) -> str:
    """The reason as the table shows it: its category, and what it says."""
    if difference.says:
        return f"contract, *{difference.says}*: {contract()[difference.says]}"
    if difference.crashes:
        return f"crashes: {difference.crashes}"
    return f"corrupts: {difference.corrupts}"


def page(compared: list[Compared]) -> str:
    """docs/parity.md."""
    on_purpose = [(one, one.snippet.difference) for one in compared if one.snippet.difference]
    reasons = {
        "because the [contract](contract.md) says so": sum(bool(d.says) for _, d in on_purpose),
        "because OpenVINO crashes or hangs": sum(bool(d.crashes) for _, d in on_purpose),
        "because it corrupts": sum(bool(d.corrupts) for _, d in on_purpose),
    }
    variants = sum(len(one.answers) for one in compared)
    rows = []
    for one, difference in on_purpose:
        ours = " · ".join(dict.fromkeys(told(pair[0]) for pair in one.answers))
        theirs = " · ".join(dict.fromkeys(told(pair[1]) for pair in one.answers))
        rows.append(
            f"| {one.snippet.name} | `{source(one.snippet)}` | {theirs} | {ours} "
            f"| {why(difference)} |"
        )
    return "\n".join(
        [
            "# Like OpenVINO, and where not",
            "",
            "Written by `python -m tests.python.parity.compare --write`; a test compares.",
            "",
            f"{len(compared)} snippets ({variants} with their variants) run under coinfer and "
            "under OpenVINO's Python API,",
            "each in a process of its own, on the same models. Compared are values, dtypes, "
            "shapes, flags of arrays,",
            "whether memory is shared, and classes of exceptions. "
            f"{len(compared) - len(on_purpose)} answer alike; {len(on_purpose)} differ on purpose:",
            ", ".join(f"{count} {reason}" for reason, count in reasons.items()) + ".",
            "",
            "| snippet | code | OpenVINO | coinfer | why |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def report(one: Compared) -> str:
    lines = [one.snippet.name]
    for case, (ours, theirs) in zip(one.snippet.cases, one.answers, strict=True):
        if not same(ours, theirs):
            lines += [f"  {case or ''}", f"    openvino: {theirs}", f"    coinfer:  {ours}"]
    return "\n".join(lines)


def main() -> None:
    write = "--write" in sys.argv
    compared = compare([name for name in sys.argv[1:] if name != "--write"] or None)
    for one in compared:
        if one.snippet.difference is None and not one.equal:
            print(report(one))
        if one.snippet.difference is not None and not one.all_differ:
            print(f"{one.snippet.name}: does not differ\n{one.answers}")
    if write:
        PAGE.write_text(page(compared))


if __name__ == "__main__":
    main()
