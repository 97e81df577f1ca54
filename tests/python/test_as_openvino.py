"""`coinfer.install_as_openvino()`: rtmlib, which was written for OpenVINO, runs unchanged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from tests.python import models

ROOT = Path(__file__).resolve().parents[2]

#: Estimates poses in two boxes of an image; rtmlib reads, compiles and runs the model by openvino.
PROGRAM = """
import json, sys
import numpy as np
from rtmlib import RTMPose

image = np.random.default_rng(3).integers(0, 255, (120, 160, 3), dtype=np.uint8)
pose = RTMPose(sys.argv[1], model_input_size=(48, 64), backend="openvino")
keypoints, scores = pose(image, bboxes=[[0, 0, 160, 120], [30, 10, 90, 110]])
import openvino
answer = {"keypoints": keypoints.tolist(), "scores": scores.tolist()}
answer["by"] = openvino.Core.__module__
print("\\x1e" + json.dumps(answer))
"""
AS_OPENVINO = "import coinfer; coinfer.install_as_openvino()\n"


@pytest.fixture(scope="module")
def pose_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image [1,3,64,48] to distributions of 5 keypoints over the columns and rows, f32."""
    random = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray[Any, Any]:
        return random.standard_normal(shape).astype(np.float32)

    nodes = [
        helper.make_node(
            "Conv", ["image", "w1"], ["c1"], "stem", kernel_shape=[4, 4], strides=[4, 4]
        ),
        helper.make_node("Relu", ["c1"], ["r1"], "relu"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], "head", kernel_shape=[1, 1]),
        helper.make_node("Reshape", ["c2", "flat"], ["f"], "flatten"),
        helper.make_node("MatMul", ["f", "columns"], ["simcc_x"], "by_column"),
        helper.make_node("MatMul", ["f", "rows"], ["simcc_y"], "by_row"),
    ]
    weights = {
        "w1": normal(8, 3, 4, 4),
        "w2": normal(5, 8, 1, 1),
        "flat": np.int64([1, 5, 192]),
        "columns": normal(192, 96),
        "rows": normal(192, 128),
    }
    outputs = [("simcc_x", models.F32, [1, 5, 96]), ("simcc_y", models.F32, [1, 5, 128])]
    inputs = [("image", models.F32, [1, 3, 64, 48])]
    path = tmp_path_factory.mktemp("pose") / "pose.onnx"
    path.write_bytes(models.build("pose", nodes, inputs, outputs, weights).SerializeToString())
    return path


def run(python: str | Path, source: str, *arguments: object) -> Any:
    command = [str(python), "-c", source, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rpartition("\x1e")[2])


def test_a_pose_estimator_written_for_openvino(pose_model: Path, peers_python: Path) -> None:
    ours = run(sys.executable, AS_OPENVINO + PROGRAM, pose_model)
    theirs = run(peers_python, PROGRAM, pose_model)
    assert ours["by"].startswith("coinfer")
    assert theirs["by"].startswith("openvino")
    assert np.shape(ours["keypoints"]) == (2, 5, 2)
    # Both compute as they please, in bf16 where the machine has it.
    np.testing.assert_allclose(ours["keypoints"], theirs["keypoints"], rtol=1e-4)
    np.testing.assert_allclose(ours["scores"], theirs["scores"], rtol=3e-2)


def test_it_comes_too_late_after_the_real_one() -> None:
    source = (
        "import json, sys, types, coinfer\n"
        "sys.modules['openvino'] = types.ModuleType('openvino')\n"
        "try: coinfer.install_as_openvino()\n"
        "except coinfer.Error as error: print('\\x1e' + json.dumps(str(error)))"
    )
    assert "imported already" in run(sys.executable, source)


def test_older_imports_work() -> None:
    source = AS_OPENVINO + (
        "import json, openvino.runtime as ov\n"
        "from openvino.runtime import Core, Tensor, properties\n"
        "from openvino.properties import hint\n"
        "print('\\x1e' + json.dumps(ov.Core is Core))"
    )
    assert run(sys.executable, source) is True


def test_every_module_is_the_one_that_coinfer_has() -> None:
    program = (
        AS_OPENVINO
        + """
import coinfer.preprocess, coinfer.properties.hint
import openvino.preprocess, openvino.runtime.preprocess, openvino.properties.hint
from openvino import layout_helpers
from openvino.preprocess import PrePostProcessor
assert openvino.preprocess is openvino.runtime.preprocess is coinfer.preprocess
assert PrePostProcessor is coinfer.preprocess.PrePostProcessor
assert openvino.properties.hint is coinfer.properties.hint
assert layout_helpers is coinfer.layout_helpers
"""
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
