"""Every operator of OpenVINO's opsets is read, or refused by its name; docs say which."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import ir_cases
import ir_control_flow_cases
import ir_more_cases
import ir_rare_cases
import ir_recurrent_cases
import ir_state_cases
import pytest
import reference

import coinfer

PAGE = Path(__file__).parents[2] / "docs" / "openvino-operators.md"

#: What is refused, and why.
REFUSED = {
    "BinaryConvolution": "its weights have one bit",
    "DeformablePSROIPooling": "no kernel",
    "ExperimentalDetectronROIFeatureExtractor": "no kernel",
    "Multinomial": "random; OpenVINO's numbers follow from no written rule",
    "RandomUniform": "random; its state goes on from one inference to the next",
}

HEAD = """# Operators of OpenVINO

Every operator of the opsets that `openvino` {version} has, with the opset it came with.
Restrictions of those that are read stand in [operators.md](operators.md). Generated; a test
compares. To write it anew: `COINFER_WRITE_DOCS=1 pytest tests/python/test_ir_operator_names.py`

| operator | opset | coinfer |
|---|---|---|
"""


def refused(name: str, opset: int) -> bool:
    """Whether a network of this operator alone is refused for the operator."""
    xml = (
        '<net name="one" version="11"><layers>'
        f'<layer id="0" name="layer" type="{name}" version="opset{opset}"/>'
        "</layers><edges/></net>"
    )
    with pytest.raises(coinfer.Error) as caught:
        coinfer.Core().read_model(xml.encode())
    text = str(caught.value)
    assert name in text or "no Result" in text
    return "the operator is not implemented" in text


#: Files of cases whose every model is compared with what OpenVINO computes, or, where it cannot,
#: with the operator's definition.
CASES = (
    ir_cases,
    ir_control_flow_cases,
    ir_more_cases,
    ir_rare_cases,
    ir_recurrent_cases,
    ir_state_cases,
)


@pytest.fixture(scope="module")
def since() -> dict[str, int]:
    """All operators, and the opset that each came with."""
    script = Path(__file__).parent / "ir_operator_names.py"
    done = subprocess.run(
        [reference.PEERS, script], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


def test_what_is_read_is_compared_with_openvino(
    since: dict[str, int], saved_by_openvino: Callable[[ModuleType], Path]
) -> None:
    compared = set()
    for cases in CASES:
        for path in saved_by_openvino(cases).glob("*.xml"):
            for layer in ElementTree.parse(path).iter("layer"):
                compared.add(str(layer.get("type")).lower())  # files have ReLU, builders Relu
    read = since.keys() - REFUSED.keys()
    assert [name for name in sorted(read) if name.lower() not in compared] == []


def test_every_operator_is_read_or_refused_by_name(since: dict[str, int]) -> None:
    assert {name for name, opset in since.items() if refused(name, opset)} == set(REFUSED)
    rows = (
        f"| {name} | {opset} | {'refused: ' + REFUSED[name] if name in REFUSED else 'read'} |\n"
        for name, opset in sorted(since.items())
    )
    version = subprocess.run(
        [reference.PEERS, "-c", "import openvino; print(openvino.__version__.split('-')[0])"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.strip()
    page = HEAD.format(version=version) + "".join(rows)
    if "COINFER_WRITE_DOCS" in os.environ:
        PAGE.write_text(page)
    assert PAGE.read_text() == page
