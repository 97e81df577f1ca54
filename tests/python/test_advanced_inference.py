"""The ways of docs/advanced-inference.md, as programs that run under OpenVINO too: only the import
differs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

import coinfer
from tests.python import models

F32 = {"INFERENCE_PRECISION_HINT": "f32"}

#: What every program begins with: two inputs, one output, their difference.
BEGIN = """
import time
import numpy as np
import {module} as ov

core = ov.Core()
model = core.compile_model(core.read_model({model!r}), "CPU", {{"INFERENCE_PRECISION_HINT": "f32"}})
request = model.create_infer_request()
first, second, third, fourth = (np.full((1, 16), i, np.float32) for i in (1, 2, 4, 8))
found = []
"""

PROGRAMS = {
    "a model is called, and keeps its request": """
one = model({"input_0": first, "input_1": second})
two = model({"input_0": third, "input_1": fourth})
found += [one["difference"], two["difference"], one[model.output(0)]]
""",
    "inputs are shared": """
found.append(model({"input_0": first, "input_1": second}, share_inputs=True)[0])
found.append(request.infer({"input_0": first, "input_1": second}, share_inputs=True)[0])
found.append(np.shares_memory(request.get_input_tensor(0).data, first))
""",
    "inputs of a call are shared unless told otherwise": """
model([first, second])
first[:] = 5
found.append(model()[0])
""",
    "inputs of a call are copied when told": """
model([first, second], share_inputs=False)
first[:] = 6
found.append(model()[0])
""",
    "outputs are shared": """
view = request.infer({"input_0": first, "input_1": second}, share_outputs=True)[0]
found.append(np.shares_memory(view, request.get_output_tensor(0).data))
request.infer({"input_0": third, "input_1": second})
found.append(view)
""",
    "outputs are copied unless told otherwise": """
copy = request.infer({"input_0": first, "input_1": second})[0]
request.infer({"input_0": third, "input_1": second})
found += [copy, copy.flags.owndata]
""",
    "both flags together": """
both = {"share_inputs": False, "share_outputs": True}
view = model({"input_0": first, "input_1": second}, **both)[0]
first[:] = 9
found.append(view.copy())
found.append(model({"input_0": third, "input_1": second}, **both)[0])
found.append(view)
""",
    "what is shared and changed is what is computed": """
request.infer({"input_0": first, "input_1": second}, share_inputs=True)
first *= 10
found.append(request.infer()[0])
""",
    "an inference runs while the program does something else": """
def work(seconds):
    time.sleep(seconds)

request.start_async({"input_0": first, "input_1": second})
work(0.01)
request.wait()
found.append(request.get_output_tensor(0).data)
""",
    "the plain way does one after the other": """
results = request.infer({"input_0": first, "input_1": second})[0]
time.sleep(0.01)
found.append(results)
""",
    "inputs of start_async are shared": """
request.start_async({"input_0": first, "input_1": second}, share_inputs=True)
request.wait()
found.append(np.shares_memory(request.get_input_tensor(0).data, first))
found.append(request.get_output_tensor(0).data)
""",
    "what is returned later is read when it is needed": """
request.start_async({"input_0": first, "input_1": second})
request.wait()
later = request.get_output_tensor(0)
request.start_async({"input_0": third, "input_1": second})
request.wait()
found += [later.data, request.results[0]]
""",
    "models are chained by tensors": """
after = model.create_infer_request()
after.set_input_tensor(0, request.get_output_tensor(0))
after.set_input_tensor(1, ov.Tensor(fourth, shared_memory=True))
for value in (first, third):
    request.start_async({"input_0": value, "input_1": second})
    request.wait()
    after.start_async()
    after.wait()
    found.append(after.get_output_tensor(0).data.copy())
""",
    "inputs of a queue are shared": """
queue = ov.AsyncInferQueue(model, 2)
queue.set_callback(lambda one, i: found.append((i, one.get_output_tensor(0).data[0, 0].item())))
for i, value in enumerate((first, third, fourth)):
    queue.start_async({"input_0": value, "input_1": second}, i, share_inputs=True)
queue.wait_all()
found.sort()
""",
}
LISTED = "found = [x.tolist() if isinstance(x, np.ndarray) else x for x in found]\n"


@pytest.mark.parametrize("what", PROGRAMS)
def test_only_the_import_differs(
    run_in_peers: Callable[..., Any], tmp_path: Any, what: str
) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(models.two_inputs(), path)
    source = PROGRAMS[what] + LISTED
    ours: dict[str, Any] = {}
    exec(BEGIN.format(module="coinfer", model=str(path)) + source, ours)
    theirs = run_in_peers(
        BEGIN.format(module="openvino", model=str(path)) + source + "answer(found)"
    )
    assert [list(x) if isinstance(x, tuple) else x for x in ours["found"]] == theirs


@pytest.fixture
def model() -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(models.two_inputs().SerializeToString(), "CPU", F32)


@pytest.mark.parametrize("shared", [True, False])
def test_the_older_flag_means_share_inputs(model: coinfer.CompiledModel, shared: bool) -> None:
    x, y = (np.full((1, 16), i, np.float32) for i in (3, 1))
    request = model.create_infer_request()
    queue = coinfer.AsyncInferQueue(model, 1)
    inputs = {"input_0": x, "input_1": y}
    uses = [(request.infer, request), (request.start_async, request), (queue.start_async, queue[0])]
    for call, user in uses:
        with pytest.warns(DeprecationWarning, match="share_inputs"):
            call(inputs, shared_memory=shared)
        request.wait()
        queue.wait_all()
        assert np.shares_memory(user.get_input_tensor(0).data, x) == shared
    with pytest.warns(DeprecationWarning, match="share_inputs"):
        model(inputs, shared_memory=shared)
    x[:] = 7
    assert model()[0][0, 0] == (6 if shared else 2)


def test_the_newer_flag_warns_of_nothing(model: coinfer.CompiledModel) -> None:
    x = np.ones((1, 16), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model([x, x], share_inputs=True, share_outputs=True)


def test_start_async_returns_before_the_end() -> None:
    compiled = coinfer.Core().compile_model(models.slow(400).SerializeToString(), "CPU", F32)
    request = compiled.create_infer_request()
    request.start_async(np.eye(512, dtype=np.float32))
    request.cancel()  # only a run that goes on can be cancelled
    with pytest.raises(coinfer.Cancelled):
        request.wait()


def test_other_work_is_done_while_an_inference_goes_on() -> None:
    compiled = coinfer.Core().compile_model(models.slow(400).SerializeToString(), "CPU", F32)
    request = compiled.create_infer_request()
    ended: list[str] = []
    request.set_callback(ended.append, "ended")
    request.start_async(np.eye(512, dtype=np.float32))
    work = sum(range(1000))
    assert not request.wait_for(0)  # it goes on after the call, and after the work
    with pytest.raises(coinfer.RequestBusy):
        request.results  # noqa: B018
    assert ended == []
    request.wait()
    assert ended == ["ended"]
    assert work == 499500
    np.testing.assert_array_equal(request.results[0], request.infer()[0])
