"""Every operator of OpenVINO's opsets is read, or refused by its name; docs say which."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

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


def test_every_operator_is_read_or_refused_by_name() -> None:
    script = Path(__file__).parent / "ir_operator_names.py"
    done = subprocess.run(
        [reference.PEERS, script], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    since: dict[str, int] = json.loads(done.stdout)
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
