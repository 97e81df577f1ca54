"""Prints every operator of OpenVINO's opsets with the opset that it came with, as JSON.

Run in the peers' environment. Names are those that the opsets' Python functions create.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import openvino

#: Operators without a Python function of their own.
OTHERS = {
    "Const": 1,
    "ExperimentalDetectronDetectionOutput": 6,
    "ExperimentalDetectronGenerateProposalsSingleImage": 6,
    "ExperimentalDetectronPriorGridGenerator": 6,
    "ExperimentalDetectronROIFeatureExtractor": 6,
    "ExperimentalDetectronTopKROIs": 6,
    "If": 8,
    "Loop": 5,
    "Parameter": 1,
    "TensorIterator": 1,
}


def main() -> None:
    since = dict(OTHERS)
    for folder in Path(openvino.__file__).parent.glob("opset*"):
        opset = int(folder.name.removeprefix("opset"))
        text = (folder / "ops.py").read_text()
        for name in re.findall(r'\.create\(\s*"(\w+)"', text):
            since[name] = min(opset, since.get(name, opset))
    assert len(since) > 150, "OpenVINO's package has another layout"
    print(json.dumps(since))


if __name__ == "__main__":
    main()
