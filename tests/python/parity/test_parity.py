"""Answers like OpenVINO's: every snippet runs under both."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from tests.python.parity.answers import all_snippets, comparable
from tests.python.parity.compare import (
    FOLDER,
    PAGE,
    Compared,
    compare,
    contract,
    page,
    report,
    same,
)
from tests.python.parity.declare import Declared, Difference
from tests.python.parity.files import model_files
from tests.python.parity.world import World


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


def differing() -> list[tuple[Declared, Difference]]:
    return [(one, one.difference) for one in all_snippets() if one.difference]


def test_each_difference_has_one_reason() -> None:
    problems = {one.name: difference.problem() for one, difference in differing()}
    assert not {name: problem for name, problem in problems.items() if problem}


@pytest.mark.parametrize(
    ("difference", "problem"),
    [
        (Difference(), "0 reasons"),
        (Difference(says="idle", crashes="It returns."), "2 reasons"),
        (Difference(corrupts="Other values."), "the right values"),
        (Difference(corrupts="It reads.", right=lambda: 1, memory=True), "the right values"),
        (Difference(says="idle", memory=True), "does not speak of"),
    ],
)
def test_a_difference_without_one_checked_reason_is_found(
    difference: Difference, problem: str
) -> None:
    assert problem in str(difference.problem())


def test_the_contract_says_what_snippets_quote_and_each_sentence_is_quoted() -> None:
    quoted = {difference.says for _, difference in differing() if difference.says}
    assert quoted == set(contract())


def test_the_oracle_crashes_or_hangs_where_that_is_the_reason(compared: list[Compared]) -> None:
    wrong = [
        report(one)
        for one in compared
        if one.snippet.difference and one.snippet.difference.crashes
        for _, theirs in one.answers
        if theirs not in ("crashes", "hangs")
    ]
    assert not wrong, "\n".join(wrong)


def values(answer: Any) -> Any:
    """An answer without flags, and with strings as wide as they are."""
    if isinstance(answer, list) and answer[:1] == ["array"]:
        _, dtype, shape, _, items = answer
        return ["array", dtype[:2] if dtype[1] in "US" else dtype, shape, items]
    return answer


def test_our_values_are_right_where_the_oracle_corrupts(compared: list[Compared]) -> None:
    world = World(np, model_files(FOLDER))
    checked = 0
    for one in compared:
        right = one.snippet.difference and one.snippet.difference.right
        if right is None:
            continue
        given = {name: world[name] for name in inspect.signature(right).parameters}
        wanted = values(comparable(right(**given), "no runtime"))
        for ours, theirs in one.answers:
            assert same(values(ours), wanted), report(one)
            assert not same(values(theirs), wanted), report(one)
            checked += 1
    assert checked >= 6


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
