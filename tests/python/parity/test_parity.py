"""Answers like OpenVINO's: every snippet runs under both."""

from __future__ import annotations

import pytest

from tests.python.parity.answers import all_snippets
from tests.python.parity.compare import PAGE, Compared, compare, page, report


@pytest.fixture(scope="module")
def compared() -> list[Compared]:
    return compare()


def test_nothing_differs_by_accident(compared: list[Compared]) -> None:
    different = [one for one in compared if one.snippet.difference is None and not one.equal]
    assert not different, "\n".join(map(report, different))


def test_what_differs_on_purpose_differs(compared: list[Compared]) -> None:
    """Else the declaration is to be taken back."""
    alike = [one for one in compared if one.snippet.difference and not one.all_differ]
    assert not alike, [one.snippet.name for one in alike]


def test_coinfer_neither_crashes_nor_hangs(compared: list[Compared]) -> None:
    ended = [
        one.snippet.name
        for one in compared
        for ours, _ in one.answers
        if isinstance(ours, str) and ours in ("crashes", "hangs")
    ]
    assert ended == []


def test_page_is_up_to_date(compared: list[Compared]) -> None:
    written = PAGE.read_text()
    assert page(compared) == written, "run python -m tests.python.parity.compare --write"


def test_there_are_many_snippets() -> None:
    names = [one.name for one in all_snippets()]
    assert len(names) == len(set(names)) >= 300
