"""Answers like OpenVINO's: every snippet runs under both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.python.parity import snippets

PARTS = ["SHAPES", "TENSORS", "MODELS", "INFERENCE", "QUEUES"]
IN_PEERS = """
sys.path.insert(0, ".")
from tests.python.parity import snippets
answer(snippets.answers("openvino", given))
"""


@pytest.mark.parametrize("part", PARTS)
def test_same_answer_as_openvino(run_in_peers: Callable[..., Any], part: str) -> None:
    lines = snippets.lines(getattr(snippets, part))
    theirs = run_in_peers(IN_PEERS, lines)
    ours = snippets.answers("coinfer", lines)
    different = [
        f"{line}\n  openvino: {theirs_}\n  coinfer:  {ours_}"
        for line, theirs_, ours_ in zip(lines, theirs, ours, strict=True)
        if theirs_ != ours_
    ]
    assert not different, "\n".join(different)


def test_different_on_purpose(run_in_peers: Callable[..., Any]) -> None:
    lines = [line.split("  #")[0] for line in snippets.lines(snippets.DIFFERENT)]
    # Some end the process or read somebody's memory there.
    safe = [line for line in lines if line not in ("queue[7]", "Tensor(a, [100])")]
    theirs = run_in_peers(IN_PEERS, safe)
    ours = snippets.answers("coinfer", safe)
    assert [line for line, x, y in zip(safe, theirs, ours, strict=True) if x == y] == []
    for line in set(lines) - set(safe):
        assert snippets.answers("coinfer", [line])[0].endswith("Error")
