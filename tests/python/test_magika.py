"""The Magika sample tells what the magika package itself tells, whichever way it runs."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coinfer
from samples.magika import identify, network
from samples.magika.features import ends_of, features, read_ends
from samples.magika.labels import label_of_few_bytes, label_of_scores
from samples.magika.walk import regular_files
from samples.magika.ways import Job, Run

pytestmark = pytest.mark.shares_a_model

SIZES = (0, 1, 2, 7, 8, 9, 100, 1023, 1024, 1025, 4095, 4096, 4097, 9000)

ASK_MAGIKA = """
import magika
found = magika.Magika().identify_paths(given)
answer([str(result.output.label) for result in found])
"""


def nothing() -> None:
    pass


def generated(folder: Path) -> list[Path]:
    """Contents that people do not write: noise, blanks at the ends, broken UTF-8, few bytes."""
    chance = random.Random(7)
    contents = {f"noise{size}": chance.randbytes(size) for size in SIZES}
    contents |= {f"blank{size}": b" \n\t\r"[: size % 5] * size for size in SIZES}
    contents |= {f"framed{size}": b"\n" * size + b"import os\n" * 3 + b" " * size for size in SIZES}
    contents |= {
        "utf8": "grün".encode(),
        "latin1": "grün".encode("latin-1"),
        "surrogate": b"\xed\xa0\x80",
        "overlong": b"\xc0\xaf",
        "cut": b"ab\xe2\x82",
        "seven": b"   {}   " + b" " * 5000,
        "late": b" " * 5000 + b"#include <vector>\nint main() {}\n",
        "elf": Path(sys.executable).resolve().read_bytes()[:20000],
        "zip": b"PK\x03\x04" + chance.randbytes(5000),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def paths(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    chance = random.Random(3)
    places = (Path("/usr/include"), Path(sysconfig.get_path("stdlib")))
    found = list(regular_files(root))
    for place in places:
        files = [path for path in regular_files(place) if path.suffix != ".pyc"]
        found += chance.sample(files, 120)
    return found + generated(tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="module")
def expected(paths: list[Path], run_in_peers: Callable[..., Any]) -> dict[Path, str]:
    labels = run_in_peers(ASK_MAGIKA, [str(path) for path in paths])
    return dict(zip(paths, labels, strict=True))


@pytest.fixture(scope="module")
def job(paths: list[Path]) -> Job:
    magika = network.load()
    compiled = coinfer.Core().compile_model(magika.path, "CPU", identify.CONFIG)
    return Job(compiled, magika, paths)


def run_uvloop(job: Job) -> Run:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(job.awaited(nothing))


WAYS: dict[str, Callable[[Job], Run]] = {
    "asyncio": lambda job: asyncio.run(job.awaited(nothing)),
    "uvloop": run_uvloop,
    "blocking": lambda job: job.blocking(nothing),
    "queue": lambda job: job.queued(nothing),
}


@pytest.mark.parametrize("way", WAYS)
def test_labels_are_those_of_the_magika_package(
    way: str, job: Job, expected: dict[Path, str]
) -> None:
    labels = WAYS[way](job).labels
    different = {
        str(path): (labels.get(path), label)
        for path, label in expected.items()
        if labels.get(path) != label
    }
    assert different == {}
    assert len(set(labels.values())) >= 12


def test_hundreds_of_awaits_are_in_flight_and_no_more_than_asked_for(job: Job) -> None:
    assert 200 <= asyncio.run(job.awaited(nothing, 256)).most_in_flight <= 256
    assert asyncio.run(job.awaited(nothing, 3)).most_in_flight <= 3


def test_the_cpp_sample_gives_the_same_labels(root: Path, expected: dict[Path, str]) -> None:
    program = root / "build/release/samples/magika_files"
    done = subprocess.run(
        [program, network.folder(), *expected], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{path}: {label}" for path, label in expected.items()]


def test_the_cpp_sample_names_a_file_that_it_cannot_read(root: Path, tmp_path: Path) -> None:
    program = root / "build/release/samples/magika_files"
    missing = tmp_path / "missing"
    done = subprocess.run(
        [program, network.folder(), *[__file__] * 40, missing],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert done.stderr == f"magika_files: cannot read {missing}\n"


@pytest.mark.parametrize("content", [b"", b"abc", b" " * 9000, b"\n\n\n\n\n\n\n\nshort\n"])
def test_too_few_bytes_never_reach_the_network(content: bytes) -> None:
    assert features(ends_of(content, 4096), network.load()) is None


def test_features_are_padded_towards_the_middle() -> None:
    row = features(ends_of(b"  123456789\n", 4096), network.load())
    assert row is not None
    assert row.shape == (1, 2048)
    assert bytes(row[0, :10].tolist()) == b"123456789\n"
    # The head keeps the white space behind it, the tail that before it.
    assert bytes(row[0, -11:].tolist()) == b"  123456789"
    assert (row[0, 10:-11] == 256).all()


def test_reading_both_ends_is_like_reading_it_all(tmp_path: Path) -> None:
    for size in SIZES:
        content = random.Random(size).randbytes(size)
        path = tmp_path / str(size)
        path.write_bytes(content)
        assert read_ends(path, 4096) == ends_of(content, 4096)


def test_an_unsure_network_answers_text_or_unknown() -> None:
    magika = network.load()
    scores = np.zeros(len(magika.labels), np.float32)
    for label, answer in (("python", "txt"), ("png", "unknown"), ("randombytes", "unknown")):
        scores[:] = 0
        scores[magika.labels.index(label)] = 0.3
        assert label_of_scores(scores, magika) == answer
    scores[:] = 0
    scores[magika.labels.index("randomtxt")] = 0.99
    assert label_of_scores(scores, magika) == "txt"
    assert label_of_few_bytes(ends_of(b"\xff", 4096)) == "unknown"


def test_hidden_and_generated_folders_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    for name in ("a.py", ".git/config", "build/x.o", "src/b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "a.py")
    names = [str(path.relative_to(tmp_path)) for path in regular_files(tmp_path)]
    assert names == ["a.py", "src/b.py"]
    assert len(list(regular_files(tmp_path, everything=True))) == 4


def test_the_demo_says_that_all_ways_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generated(tmp_path)
    assert identify.main([str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert output.count("equal") == 3
    assert "most in flight" in output


def test_the_demo_names_a_folder_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        identify.main(["/no/such/folder"])
    assert caught.value.code == 2
    assert "/no/such/folder is not a folder" in capsys.readouterr().err
