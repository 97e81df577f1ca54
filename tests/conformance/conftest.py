"""A table of what is not run, and why, at the end of the tests."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.conformance.nodes import node_cases


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    cases = node_cases().values()
    counts = Counter(case.unsupported for case in cases if case.unsupported is not None)
    terminalreporter.section("operator tests of ONNX")
    for reason, count in sorted(counts.items()):
        terminalreporter.line(f"{count:5}  not supported: {reason}")
    terminalreporter.line(f"{len(cases) - counts.total():5}  run")
