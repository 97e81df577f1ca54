"""The README's examples do what the README says, as they are written there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


def examples(root: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)


SHAPE = "<dim>1</dim><dim>16</dim>"
IR = f"""<?xml version="1.0"?><net name="readme" version="11"><layers>
<layer id="0" name="x" type="Parameter" version="opset1"><data shape="1,16" element_type="f32"/>
<output><port id="0" names="x">{SHAPE}</port></output></layer>
<layer id="1" name="one" type="Const" version="opset1">
<data element_type="f32" shape="1,16" offset="0" size="64"/>
<output><port id="0">{SHAPE}</port></output></layer>
<layer id="2" name="sum" type="Add" version="opset1"><input><port id="0"/><port id="1"/></input>
<output><port id="2" names="y">{SHAPE}</port></output></layer>
<layer id="3" name="r" type="Result" version="opset1"><input><port id="0"/></input></layer>
</layers><edges><edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/></edges></net>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the README's model.onnx and model.xml: y = x + 1."""
    one = numpy_helper.from_array(np.ones((1, 16), np.float32), "one")
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 16]) for name in "xy"]
    node = helper.make_node("Add", ["x", "one"], ["y"])
    graph = helper.make_graph([node], "readme", ports[:1], ports[1:], [one])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opsets), tmp_path / "model.onnx")
    (tmp_path / "model.xml").write_text(IR)
    (tmp_path / "model.bin").write_bytes(np.ones((1, 16), np.float32).tobytes())
    return tmp_path


def run(command: list[str | Path], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_blocking_example_prints_the_result(root: Path, folder: Path) -> None:
    source = next(text for text in examples(root, "python") if "asyncio" not in text)
    assert run([sys.executable, "-c", source], folder) == "2.0"


def test_the_example_of_an_ir_prints_the_result(root: Path, folder: Path) -> None:
    source = next(text for text in examples(root, "python") if "model.xml" in text)
    assert run([sys.executable, "-c", source], folder) == "42.0"


def test_the_asyncio_example_awaits_a_hundred_inferences(root: Path, folder: Path) -> None:
    source = next(text for text in examples(root, "python") if "asyncio" in text)
    assert run([sys.executable, "-c", source], folder) == str(float(sum(range(100)) + 100))


def test_mypy_finds_the_python_examples_strictly_typed(root: Path, tmp_path: Path) -> None:
    sources = examples(root, "python")
    assert len(sources) >= 3
    files = [tmp_path / f"example_{i}.py" for i in range(len(sources))]
    for file, source in zip(files, sources, strict=True):
        file.write_text(source)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            f"--cache-dir={tmp_path}/cache",
        ]
        + [str(file) for file in files],
        env={**os.environ, "MYPYPATH": str(root / "python")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"no issues found in {len(files)} source files" in done.stdout


def test_the_cpp_example_compiles_and_runs_with_the_command_given(root: Path, folder: Path) -> None:
    (source,) = examples(root, "cpp")
    (folder / "main.cpp").write_text(source)
    command = next(
        line.strip()
        for line in (root / "README.md").read_text().splitlines()
        if line.strip().startswith("clang++")
    )
    # The command is for the project's folder; here the source and the program lie elsewhere.
    command = command.replace("main.cpp", f"{folder}/main.cpp -o {folder}/main")
    done = subprocess.run(
        ["/bin/bash", "-c", command], cwd=root, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert run([folder / "main"], folder) == "42"


def test_every_link_of_the_documents_leads_somewhere(root: Path) -> None:
    documents = [root / "README.md", root / "CONTRIBUTING.md", *(root / "docs").rglob("*.md")]
    dead = [
        f"{document.relative_to(root)}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert dead == []
