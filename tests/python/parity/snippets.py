"""Snippets that must answer alike under OpenVINO and coinfer; runs in both environments.

An answer is the repr of the value, or the built-in class of the exception.
"""

from __future__ import annotations

import importlib
import re
import warnings
from typing import Any

SHAPES = """
Type.f32
str(Type.f32)
Type.f32 == "f32"
Type.f32 == np.float32
Type(np.float32)
Type("f32")
Type(float)
Type(bool)
Type(np.dtype("U3"))
Type(object)
Type(np.complex64)
Type.bf16.to_dtype()
Type.string.to_dtype()
Type.boolean.get_type_name()
Type.f32.size
Type.f32.bitwidth
Type.f32.is_real()
Type.boolean.is_integral()
Type.boolean.is_integral_number()
Type.u8.is_signed()
Type.i8.is_signed()
Type.boolean.is_signed()
Type.string.is_signed()
Type.u8.is_quantized()
Type.string.is_integral()
Type.i32.is_quantized()
Type.i64.is_quantized()
Type.string.size
Type.dynamic.is_integral_number()
Type.dynamic.is_dynamic()
Type.f32.compatible(Type.dynamic)
Type.f32.compatible(Type.f64)
Type.f32.merge(Type.dynamic)
{Type.f32: 1}[Type(np.float32)]
Shape([1, 2])
Shape()
Shape("[1,2]")
str(Shape([1, 2]))
Shape([1, 2]) == [1, 2]
Shape([1, 2]) == (1, 2)
Shape([1, 2]) == PartialShape([1, 2])
Shape([1, 2])[-1]
Shape([1, 2])[0:1]
list(Shape([1, 2]))
hash(Shape([1]))
Shape([-1])
Shape([1.5])
Shape(np.array([1, 2]))
Dimension()
Dimension(1, 4)
Dimension("1..4")
Dimension(3) == 3
Dimension(3).get_length()
Dimension(1, 4).get_length()
Dimension(-1).get_max_length()
Dimension(3).compatible(Dimension(1, 4))
Dimension(3).relaxes(Dimension(3))
len(Dimension(3))
int(Dimension(3))
Dimension(1, 4) == (1, 4)
PartialShape([1, -1, (1, 4), Dimension(2)])
PartialShape("[1,?,1..4]")
PartialShape([1, "?", "1..3"])
PartialShape.dynamic()
PartialShape.dynamic(rank=2)
PartialShape([1, -1]).to_shape()
PartialShape([1, 2]) == (1, 2)
PartialShape([1, -1]) == [1, -1]
PartialShape([1, 2]) == "[1,2]"
PartialShape([1, -1])[1]
PartialShape([1, -1])[3]
PartialShape([1, -1])[0:1]
list(PartialShape([1, -1]))
len(PartialShape.dynamic())
PartialShape([1, -1]).rank
PartialShape([1, (2, 4)]).get_min_shape()
PartialShape([1, -1]).get_max_shape()
PartialShape([1, (1, 2, 3)])
PartialShape([1, "x"])
PartialShape([1.5])
PartialShape([1]).refines(PartialShape([-1]))
PartialShape([1]).relaxes(PartialShape([-1]))
PartialShape([1, (1, -1)])
PartialShape()
"""

TENSORS = """
Tensor(a)
Tensor(a).shape
Tensor(a).data
tuple(Tensor(a).strides)
np.shares_memory(Tensor(a, shared_memory=True).data, a)
np.shares_memory(Tensor(a).data, a)
Tensor(a.T).data
Tensor(a.T, shared_memory=True)
Tensor(a[:, ::2], shared_memory=True)
Tensor(Type.f32, [2, 3])
Tensor(np.float32, Shape([2, 3]))
Tensor("float32", [2, 3])
Tensor([1, 2, 3])
Tensor([1.0, 2])
Tensor(["a", "bc"])
Tensor([[1, 2], [3, 4]]).shape
Tensor([True])
Tensor([])
Tensor([[1], [2, 3]])
Tensor(np.array(["ab", "c"])).bytes_data
Tensor(np.array(["ab", "c"])).str_data
Tensor(np.array(["ab", "c"])).byte_size
Tensor(a).bytes_data
Tensor(a, [3, 2]).data
Tensor(a, [24], Type.u8).data
Tensor(Tensor(a), [0, 1], [2, 3]).data
Tensor(Tensor(a), [0, 1], [2, 3]).is_continuous()
Tensor(Tensor(a), [0, 1], [2, 4])
Tensor(a).size
Tensor(a).element_type
Tensor(Type.bf16, [2]).data.dtype
Tensor(Type.boolean, [2]).data.dtype
Tensor(Type.dynamic, [1])
Tensor(Type.f32, [-1])
Tensor(a) == Tensor(a)
len(Tensor(a))
Tensor(np.array(3.0)).shape
Tensor(np.array([1 + 2j]))
Tensor(np.array([object()]))
Tensor(np.zeros((0, 3), np.float32)).data.shape
Tensor(Type.f32, [1]).copy_from([1.0, 2.0])
Tensor(a).copy_to(Tensor(Type.f64, [1]))
setattr(Tensor(a, shared_memory=True), "shape", [100])
setattr(Tensor(a), "shape", [100])
setattr(Tensor(["a", "b"]), "str_data", ["a", "b", "c"])
"""

MODELS = """
model
model.inputs
model.input("x").any_name
model.is_dynamic()
model.get_friendly_name()
compiled
compiled.input("x")
compiled.input(5)
compiled.input("q")
compiled.input()
compiled.output()
compiled.input("x") == compiled.input(0)
hash(compiled.input("x")) == hash(compiled.inputs[0])
compiled.input("x").node.friendly_name
dynamic.inputs[0].shape
dynamic.inputs[0].partial_shape
compiled.get_property("NUM_STREAMS")
compiled.get_property("PERFORMANCE_HINT")
compiled.get_property("NETWORK_NAME")
compiled.get_property("EXECUTION_DEVICES")
compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
compiled.get_property("INFERENCE_PRECISION_HINT")
compiled.get_property("NO_SUCH")
compiled.set_property({"NUM_STREAMS": 3})
core.available_devices
core.get_property("CPU", "NO_SUCH")
core.read_model("/nowhere.onnx")
core.read_model(b"")
core.read_model(b"garbage")
core.read_model(5)
core.compile_model(model, "TPU")
core.compile_model(model, "CPU", {"NO_SUCH": 1})
"""

INFERENCE = """
compiled({"x": a, "y": b})
compiled([a, b])[0]
compiled((a, b))["z"]
compiled({0: a, 1: b})[compiled.output(0)]
compiled({compiled.input(0): a, "y": b})[0]
compiled({0: a, "q": b})
compiled({0: a, 5: b})
compiled([a, b, b])
compiled(a)
compiled([a, b], share_inputs=False, share_outputs=True)[0]
compiled({"x": a.astype("f8"), "y": b})[0]
compiled({"x": a.astype("i4"), "y": b})[0]
compiled({"x": a.T.copy().T, "y": b})[0]
compiled({"x": object(), "y": b})
compiled({"x": np.array([object()]), "y": b})
compiled({"x": None, "y": b})
compiled({"x": np.ones((3, 2), np.float32), "y": b})
compiled({"x": np.ones((2, 3, 1), np.float32), "y": b})
compiled({1.5: a})
compiled({"x": 3, "y": b})
compiled({"x": Tensor(a), "y": b})[0]
compiled({"x": Tensor(a.astype("f8")), "y": b})[0]
single(np.array([1, -2]))[0]
single(3)
single(Tensor(np.float32([1, -2])))[0]
single([np.float32([1, -2])])[0]
single((1.0, -2.0))
single(np.ones((1, 2), np.float32))
single({"x": np.array([True, False])})[0]
dynamic([a, b])[0]
dynamic([a[:1], b[:1]])[0]
compiled.infer_new_request([a, b])
request.infer({"x": a, "y": b})
request.infer([a, b]).names()
request.infer([a, b])[-1]
request.infer([a, b])[7]
request.infer([a, b])["q"]
"z" in request.infer([a, b])
request.infer([a, b]).to_dict()
request.infer([a, b]).to_tuple()
request.infer([a, b], True, True, True)
request.results
request.userdata
request.wait()
request.wait_for(0)
request.start_async([a, b])
request.wait()
request.input_tensors
request.get_tensor("x")
request.get_tensor("q")
request.get_tensor(compiled.output(0)).data
request.get_tensor(0)
request.get_input_tensor()
request.get_input_tensor(5)
request.set_input_tensor(0, Tensor(a.astype("f8")))
request.set_input_tensor(0, Tensor(np.ones((1, 1), np.float32)))
request.set_input_tensor(5, Tensor(a))
request.set_input_tensor(Tensor(a))
request.set_tensor("q", Tensor(a))
request.set_input_tensors({0: Tensor(a)})
request.set_tensors({"x": Tensor(a)})
request.set_output_tensors({0: Tensor(a.copy())})
request.query_state()
request.reset_state()
dynamic.create_infer_request().get_input_tensor(0).shape
dynamic.create_infer_request().get_output_tensor(0).shape
"""

QUEUES = """
queue
len(queue)
queue.is_ready()
queue.get_idle_request_id()
queue.userdata
queue.start_async([a, b], 1)
queue.start_async({"x": a, "y": b}, userdata=2)
queue.wait_all()
sorted(queue.userdata)
queue.set_callback(lambda request, item: seen.append(item))
queue.start_async([a, b], "item")
queue.wait_all()
seen
queue.start_async({"q": a})
queue.set_callback(5)
AsyncInferQueue(compiled, -1)
len(AsyncInferQueue(compiled))
request.set_callback(lambda item: seen.append(item), 7)
request.userdata
request.start_async([a, b])
request.wait()
request.start_async([a, b], 9)
request.wait()
seen
request.userdata
"""

#: Different on purpose; the reason is the contract's.
DIFFERENT = """
Shape([1, 2])[5]  # an IndexError, not somebody's memory
queue[7]  # an IndexError, not the end of the process
Tensor(a, [100])  # an error, not somebody's memory
compiled({"x": a.tolist(), "y": b})[0]  # lists are cast like arrays
compiled({"x": "text", "y": b})  # an object that is no number is a TypeError
single([1.0, -2.0])[0]  # lists are cast like arrays
single(memoryview(np.float32([1, -3])))[0]  # the buffer protocol is taken
compiled({model.input(0): a, "y": b})[0]  # a port of the model means the same input
Tensor(read_only, shared_memory=True).data.flags.writeable  # read-only memory is shared
request.infer([a, b])[1.5]  # a KeyError, as of other mappings
Tensor(a.astype(">f4")).data  # values, not bytes
"""


def lines(text: str) -> list[str]:
    return [line for line in text.strip().splitlines() if line]


def world(name: str) -> dict[str, Any]:
    """What the snippets see."""
    import numpy as np
    from onnx import TensorProto, helper

    ov = importlib.import_module(name)

    def add(shape: list[Any], inputs: list[str]) -> bytes:
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            [helper.make_node("Add", [inputs[0], inputs[-1]], ["z"], "add")],
            "adding",
            [info(port, TensorProto.FLOAT, shape) for port in inputs],
            [info("z", TensorProto.FLOAT, shape)],
        )
        opset = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()

    core = ov.Core()
    f32 = {"INFERENCE_PRECISION_HINT": "f32"}
    model = core.read_model(add([2, 3], ["x", "y"]))
    compiled = core.compile_model(model, "CPU", f32)
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    read_only = a.copy()
    read_only.flags.writeable = False
    return {
        "np": np,
        "core": core,
        "model": model,
        "compiled": compiled,
        "request": compiled.create_infer_request(),
        "queue": ov.AsyncInferQueue(compiled, 2),
        "single": core.compile_model(core.read_model(add([2], ["x"])), "CPU", f32),
        "dynamic": core.compile_model(core.read_model(add([None, "N"], ["x", "y"])), "CPU", f32),
        "a": a,
        "b": np.ones((2, 3), np.float32),
        "read_only": read_only,
        "seen": [],
        **{
            part: getattr(ov, part)
            for part in ["AsyncInferQueue", "Dimension", "PartialShape", "Shape", "Tensor", "Type"]
        },
    }


def answer(snippet: str, seen: dict[str, Any]) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = repr(eval(snippet, seen))
    except Exception as error:
        built_in = next(c for c in type(error).__mro__ if c.__module__ == "builtins")
        return built_in.__name__
    return re.sub(r"openvino\._pyopenvino\.|coinfer\.", "", value)


def answers(name: str, snippets: list[str]) -> list[str]:
    seen = world(name)
    return [answer(snippet, seen) for snippet in snippets]
