# ruff: noqa: E501
"""What errors say: one line that names the input, what came, and what was expected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import coinfer
from tests.python import models
from tests.python.parity.files import row_sums, subtract

TENSOR = (
    "Tensor() takes (array) or (other) or (list) or (port) or (image) or "
    "(type, shape) or (port, array) or (array, shared_memory=False) or (array, shape, type=None) or "
    "(other, begin, end)"
)

#: A wrong call, the class of its error, and the text.
pytestmark = pytest.mark.shares_a_model

TABLE = [
    ('compiled({"q": A, "y": B})', "Error", "the model has no input 'q'; it has 'x', 'y'"),
    ("compiled({5: A})", "Error", "the model has no input 5; it has 2 inputs: 'x', 'y'"),
    ("compiled({-1: A})", "Error", "the model has no input -1; it has 2 inputs: 'x', 'y'"),
    (
        "compiled({1.5: A})",
        "TypeError",
        "inputs are named by str, int or ConstOutput, not by float",
    ),
    (
        "compiled({compiled.output(0): A})",
        "Error",
        "output 'difference' (f32 [2,3]) is no input of this model; it has 'x', 'y'",
    ),
    ('compiled({"x": A, 0: A})', "Error", "input 'x' (f32 [2,3]) was given twice"),
    (
        'compiled({"x": None, "y": B})',
        "TypeError",
        "input 'x' (f32 [2,3]) takes numbers; NoneType was given",
    ),
    (
        'compiled({"x": object(), "y": B})',
        "TypeError",
        "input 'x' (f32 [2,3]) takes numbers; object was given",
    ),
    (
        'compiled({"x": "text", "y": B})',
        "TypeError",
        "input 'x' (f32 [2,3]) takes numbers; a <U4 scalar was given",
    ),
    (
        'compiled({"x": 1 + 2j, "y": B})',
        "TypeError",
        "input 'x' (f32 [2,3]) takes numbers; complex was given",
    ),
    (
        'compiled({"x": np.array([object()]), "y": B})',
        "TypeError",
        "input 'x' (f32 [2,3]) takes numbers; an object array of shape [1] was given",
    ),
    (
        'compiled({"x": np.array(["2020"], "M8[Y]"), "y": B})',
        "TypeError",
        "input 'x' (f32 [2,3]) takes numbers; a datetime64[Y] array of shape [1] was given",
    ),
    (
        'compiled({"x": np.ones((3, 2), np.float32), "y": B})',
        "Error",
        "input 'x' (f32 [2,3]) was given the shape [3,2]",
    ),
    (
        'compiled({"x": np.ones(6, np.float32), "y": B})',
        "Error",
        "input 'x' (f32 [2,3]) was given the shape [6]",
    ),
    ('compiled({"x": 3.0, "y": B})', "Error", "input 'x' (f32 [2,3]) was given a scalar"),
    (
        'compiled({"x": [[1, 2], [3]], "y": B})',
        "ValueError",
        "input 'x' (f32 [2,3]) was given a list of which numpy makes no array: its parts differ in length",
    ),
    (
        'compiled({"x": Tensor(A.astype("f8")), "y": B})',
        "Error",
        "input 'x' (f32 [2,3]) was given a tensor of type f64",
    ),
    (
        'compiled({"x": Tensor(A[:1]), "y": B})',
        "Error",
        "input 'x' (f32 [2,3]) was given the shape [1,3]",
    ),
    ("compiled([A, B, A])", "Error", "the model has 2 inputs, 3 were given; it has 'x', 'y'"),
    ("compiled([A, None])", "TypeError", "input 'y' (f32 [2,3]) takes numbers; NoneType was given"),
    (
        "compiled(A)",
        "Error",
        "one value (numpy.ndarray) was given to a model with 2 inputs: 'x', 'y'",
    ),
    (
        "compiled(object())",
        "TypeError",
        "inputs are a dict, a list, a tuple, an array, a Tensor, a number or a string; object was given",
    ),
    (
        "compiled(A, nonsense=1)",
        "TypeError",
        "CompiledModel() takes (inputs, share_inputs, share_outputs, decode_strings, shared_memory); nonsense=int was given",
    ),
    (
        "compiled(A, True, False, True)",
        "TypeError",
        "CompiledModel() takes at most 3 positional arguments, 4 were given",
    ),
    (
        "compiled(A, share_inputs=True, shared_memory=True)",
        "TypeError",
        "shared_memory is the older name of share_inputs; give one of them",
    ),
    (
        "dynamic(np.ones((2, 5), np.float32))",
        "Error",
        "input 'x' (f32 [?,3]) was given the shape [2,5]",
    ),
    ("dynamic(np.ones(3, np.float32))", "Error", "input 'x' (f32 [?,3]) was given the shape [3]"),
    (
        "strings(np.ones(2))",
        "Error",
        "input 'x' (string [?]) takes strings; a float64 array of shape [2] was given",
    ),
    ("strings(5)", "Error", "input 'x' (string [?]) takes strings; an int64 scalar was given"),
    ("strings(Tensor(A))", "Error", "input 'x' (string [?]) was given a tensor of type f32"),
    ('request.infer({"q": A})', "Error", "the model has no input 'q'; it has 'x', 'y'"),
    (
        "request.start_async([A, B], 1, False, 2)",
        "TypeError",
        "InferRequest.start_async() takes at most 3 positional arguments, 4 were given",
    ),
    ('request.wait_for("soon")', "TypeError", "wait_for() takes whole milliseconds, not str"),
    ("request.wait(5)", "TypeError", "InferRequest.wait() takes no arguments"),
    ("request.set_callback(5, None)", "TypeError", "a callback is callable; int is not"),
    (
        'request.get_tensor("q")',
        "Error",
        "the model has no tensor 'q'; it has 'x', 'y', 'difference'",
    ),
    ("request.get_tensor(0)", "TypeError", "a tensor is named by str or ConstOutput, not by int"),
    (
        "request.get_tensor(other.output(0))",
        "Error",
        "output 'y' (f32 [2]) is no port of this model",
    ),
    ("request.get_input_tensor()", "Error", "which input is meant? The model has 2: 'x', 'y'"),
    (
        "request.get_input_tensor(2)",
        "Error",
        "input 2 was asked for; the model 'subtracting' has 2",
    ),
    (
        "request.get_input_tensor(-1)",
        "TypeError",
        "there is no input -1; inputs are counted from 0",
    ),
    (
        "request.get_output_tensor(7)",
        "Error",
        "output 7 was asked for; the model 'subtracting' has 1",
    ),
    ('request.get_output_tensor("x")', "TypeError", "str is no index of an output"),
    (
        'request.set_tensor("q", Tensor(A))',
        "Error",
        "the model has no tensor 'q'; it has 'x', 'y', 'difference'",
    ),
    (
        'request.set_tensor("x", A)',
        "TypeError",
        "input 'x' (f32 [2,3]) takes a Tensor; numpy.ndarray was given",
    ),
    (
        'request.set_tensor("x", Tensor(A.astype("f8")))',
        "Error",
        "input 0 'x': a tensor of element type f64 came, f32 was expected",
    ),
    (
        "request.set_input_tensor(Tensor(A))",
        "Error",
        "which input is meant? The model has 2: 'x', 'y'",
    ),
    (
        "request.set_input_tensor(0, Tensor(A[:1]))",
        "Error",
        "input 0 'x': a tensor of shape [1,3] came, [2,3] was expected",
    ),
    ("request.set_input_tensor(3, Tensor(A))", "Error", "the model has no input 3; it has 2"),
    (
        "request.set_output_tensor(0, Tensor(A[:1]))",
        "Error",
        "output 0 'difference': a tensor of shape [1,3] came, [2,3] was expected",
    ),
    (
        'request.set_output_tensor(0, Tensor(A.astype("i4")))',
        "Error",
        "output 0 'difference': a tensor of element type i32 came, f32 was expected",
    ),
    (
        "request.set_tensors([Tensor(A)])",
        "TypeError",
        "set_tensors() takes a dict of Tensors, not list",
    ),
    (
        "request.set_input_tensors(5)",
        "TypeError",
        "set_input_tensors() takes a dict of Tensors, not int",
    ),
    (
        "request.set_output_tensors([Tensor(A)])",
        "TypeError",
        "set_output_tensors() takes a dict of Tensors, not list",
    ),
    (
        'request.set_input_tensors({"x": Tensor(A)})',
        "TypeError",
        "inputs are numbered here; an input is not called by str: see set_tensors",
    ),
    (
        'request.set_tensors("x", [Tensor(A), Tensor(A)])',
        "Error",
        "input 'x' (f32 [2,3]) takes a list with one Tensor, 2 were given: batches are not put together, see coinfer.Batcher",
    ),
    (
        "request.set_tensors({model.input(0): Tensor(A)})",
        "Error",
        "input 'x' (f32 [2,3]) is a Model's; set_tensors() takes the CompiledModel's",
    ),
    (
        'request.get_tensor(nme="x")',
        "TypeError",
        "InferRequest.get_tensor() takes (name) or (port); (nme=str) was given",
    ),
    (
        "request.set_input_tensor(0, tensr=Tensor(A))",
        "TypeError",
        "InferRequest.set_input_tensor() takes (index, tensor) or (tensor); (int, tensr=Tensor) was given",
    ),
    (
        'core.import_model(b"x", device="CPU")',
        "TypeError",
        "Core.import_model() takes (model_stream, device_name, config=None); (bytes, device=str) was given",
    ),
    (
        "preprocess.PrePostProcessor(model).input(nme=0)",
        "TypeError",
        "PrePostProcessor.input() takes (tensor_name) or (input_index) or (); (nme=int) was given",
    ),
    (
        "preprocess.PrePostProcessor(model).input(0).preprocess().mean(vale=1.0)",
        "TypeError",
        "PreProcessSteps.mean() takes (value) or (values); (vale=float) was given",
    ),
    (
        "properties.device.priorities(5)",
        "TypeError",
        "MULTI_DEVICE_PRIORITIES takes names of devices, not int",
    ),
    (
        'core.set_property({"COMPILED_BLOB": Tensor(A)})',
        "Error",
        "the property 'COMPILED_BLOB' is not known; SUPPORTED_PROPERTIES lists those that are",
    ),
    (
        "Core.read_model(x=1, y=2)",
        "TypeError",
        "unbound method Core.read_model() needs an argument",
    ),
    (
        "model.results[0].get_data(1)",
        "TypeError",
        "Node.get_data() takes (); (int) was given",
    ),
    (
        "PartialShape.dynamic(1, 2)",
        "TypeError",
        "PartialShape.dynamic() takes (rank=None); (int, int) was given",
    ),
    (
        "coinfer.zero_copy_report(req=request)",
        "TypeError",
        "coinfer.zero_copy_report() takes (request); (req=InferRequest) was given",
    ),
    (
        'Core("plugins.xml")',
        "Unsupported",
        "coinfer has no plugins to be listed in a file; its device is CPU",
    ),
    ("request.set_input_tensors({7: Tensor(A)})", "Error", "the model has no input 7; it has 2"),
    ("compiled.input()", "Error", "which input is meant? The model has 2: 'x', 'y'"),
    ('compiled.input("q")', "Error", "the model has no input 'q'; there are x, y"),
    ("compiled.input(2)", "Error", "input 2 was asked for; the model has 2"),
    ("compiled.input(1.5)", "TypeError", "float is no index of an input"),
    (
        'compiled.get_property("NO_SUCH")',
        "Error",
        "the property 'NO_SUCH' is not known; SUPPORTED_PROPERTIES lists those that are",
    ),
    (
        'compiled.set_property({"NUM_STREAMS": 2})',
        "Error",
        "a compiled model's properties cannot be set; give them to compile_model",
    ),
    ("model.reshape([2, 3])", "Error", "which input is meant? The model has 2: 'x', 'y'"),
    ('model.reshape({"q": [2, 3]})', "Error", "the model has no input 'q'; there are x, y"),
    (
        'model.reshape({"x": [2, 3], "y": [4, 5]})',
        "Error",
        "the shapes [2,3] and [4,5] do not broadcast (Sub 'difference')",
    ),
    (
        "model.reshape(5)",
        "TypeError",
        "int is no shape; it can be a PartialShape, Shape, list, tuple or str",
    ),
    (
        'model.reshape({"x": "abc"})',
        "Error",
        "input 'x' (f32 [2,3]): 'abc' is not a dimension, in the shape 'abc'",
    ),
    (
        'model.reshape({"y": 5})',
        "TypeError",
        "input 'y' (f32 [2,3]): int is no shape; it can be a PartialShape, Shape, list, tuple or str",
    ),
    (
        "model.reshape({-1: [2, 3]})",
        "Error",
        "there is no input -1; inputs are counted from 0",
    ),
    (
        "model.reshape({2: [2, 3]})",
        "IndexError",
        "the model has no input 2; it has 2 inputs",
    ),
    (
        "model.reshape(shape=[2, 3])",
        "TypeError",
        "Model.reshape() takes (partial_shape, variables_shapes={}) or (partial_shapes, variables_shapes={}); (shape=list) was given",
    ),
    (
        "model.input(None)",
        "TypeError",
        "Model.input() takes a name or an index, not None",
    ),
    (
        "model.results[0].input(0).replace_source_output(5)",
        "TypeError",
        "an Output of the model was expected, not int",
    ),
    ('results["q"]', "KeyError", "there is no output 'q'; there are ['difference']"),
    ("results[4]", "KeyError", "there is no output 4; there are ['difference']"),
    ("queue[2]", "IndexError", "the queue has 2 requests; there is no request 2"),
    ("queue[-1]", "TypeError", "the index of a request is an int >= 0; -1 was given"),
    ('queue.start_async({"q": A})', "Error", "the model has no input 'q'; it has 'x', 'y'"),
    ('queue.set_callback("text")', "TypeError", "a callback is callable; str is not"),
    (
        "AsyncInferQueue(compiled, -1)",
        "TypeError",
        "an AsyncInferQueue has a number of jobs >= 0, not -1",
    ),
    (
        "AsyncInferQueue(model)",
        "TypeError",
        "an AsyncInferQueue is made of a CompiledModel, not of Model",
    ),
    ("CompiledModel()", "TypeError", "CompiledModel is made by Core.compile_model()"),
    ("InferRequest()", "TypeError", "InferRequest is made by CompiledModel.create_infer_request()"),
    (
        'core.read_model("/nowhere/model.onnx")',
        "ModelFileError",
        "cannot read the model '/nowhere/model.onnx': '/nowhere/model.onnx' does not exist",
    ),
    ('core.read_model(b"")', "ModelFileError", "cannot read the model of 0 bytes: it is empty"),
    (
        'core.read_model(b"garbage")',
        "ModelFileError",
        "cannot read the model of 7 bytes: its ModelProto is truncated or damaged after 0 of 7 bytes",
    ),
    (
        "core.read_model(5)",
        "TypeError",
        "a model is a path, bytes, a BytesIO or an onnx.ModelProto, not int",
    ),
    (
        'core.compile_model(model, "TPU")',
        "Error",
        "the device 'TPU' is not available; there is CPU",
    ),
    ("core.compile_model(model, 5)", "TypeError", 'device_name is a str, e.g. "CPU", not int'),
    (
        'core.compile_model(model, "CPU", {"NO_SUCH": 1})',
        "Error",
        "the property 'NO_SUCH' is not known; SUPPORTED_PROPERTIES lists those that are",
    ),
    (
        'core.compile_model(model, "CPU", {"NUM_STREAMS": "many"})',
        "Error",
        "the property NUM_STREAMS cannot be 'many'; a number from 0 to 4096, AUTO or NUMA was expected",
    ),
    (
        'core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "FAST"})',
        "Error",
        "the property PERFORMANCE_HINT cannot be 'FAST'; one of LATENCY, THROUGHPUT, CUMULATIVE_THROUGHPUT was expected",
    ),
    ('core.compile_model(model, "CPU", 5)', "TypeError", "properties are a dict, not int"),
    (
        "core.compile_model(5)",
        "Error",
        "a model is a Model, a path, bytes, a BytesIO or an onnx.ModelProto; int was given",
    ),
    (
        'core.set_property("TPU", {"NUM_STREAMS": 1})',
        "Error",
        "the device 'TPU' is not available; there is CPU",
    ),
    (
        "Tensor()",
        "TypeError",
        TENSOR + "; () was given",
    ),
    ("Tensor(None)", "TypeError", "cannot make a tensor of NoneType"),
    (
        "Tensor(A.T, shared_memory=True)",
        "Error",
        "a float32 array of shape [3,2] cannot be shared with a tensor: it must be C-contiguous, aligned and of native byte order",
    ),
    (
        "Tensor(A, [100])",
        "Error",
        "a f32 tensor of shape [100] needs 400 bytes; the memory given has 24",
    ),
    ("Tensor(Type.f32, [-1])", "TypeError", "a shape has no negative numbers, -1 was given"),
    ("Tensor(Type.f32, 5)", "TypeError", "a shape is a sequence of integers, not int"),
    ("Tensor(Type.dynamic, [1])", "Error", "a tensor needs an element type; 'dynamic' is none"),
    (
        "Tensor(np.array([1j]))",
        "Error",
        "a complex128 array of shape [1] cannot be a tensor: tensors have no such type",
    ),
    (
        "Tensor(Tensor(A), [0, 1], [2, 4])",
        "Error",
        "the region [0,1] to [2,4] does not lie in the shape [2,3]",
    ),
    ("Tensor(Tensor(A), [0, 1])", "TypeError", "Tensor(other, begin, end): `end` is missing"),
    ("Tensor(A, nonsense=1)", "TypeError", TENSOR + "; (numpy.ndarray, nonsense=int) was given"),
    (
        "Tensor(compiled.input(0), np.zeros(2, np.float32))",
        "Error",
        "a float32 array of shape [2] is too small for input 'x' (f32 [2,3]): 8 bytes of 24",
    ),
    (
        "Tensor(A).copy_to(Tensor(Type.f64, [2, 3]))",
        "Error",
        "cannot copy a f32 tensor to a f64 tensor",
    ),
    (
        'Tensor(A).copy_from("text")',
        "TypeError",
        "copy_from() takes a Tensor, an array or a list, not str",
    ),
    (
        'Tensor(A).copy_from(A.astype("f8"))',
        "Error",
        "a float64 array of shape [2,3] cannot be copied to a f32 tensor",
    ),
    ("Tensor(A).bytes_data", "Error", "the tensor has the type f32, and no strings"),
    (
        'setattr(Tensor(A, shared_memory=True), "shape", [100])',
        "Error",
        "the tensor over foreign memory of 24 bytes cannot grow to 400 of shape [100]",
    ),
    (
        'setattr(Tensor(["a", "b"]), "str_data", ["a"])',
        "Error",
        "the tensor has 2 elements, 1 strings were given",
    ),
    (
        'setattr(Tensor(["a", "b"]), "str_data", np.ones(2))',
        "Error",
        "a string tensor takes str and bytes, not a float64 array of shape [2]",
    ),
    ("Shape([-1])", "TypeError", "a shape has no negative numbers, -1 was given"),
    ('Shape("[1,]")', "Error", "'[1,]' is no shape: a length is left out"),
    ("Shape([1, 2])[5]", "IndexError", "index 5 is out of range of a shape of rank 2"),
    ('PartialShape([1, "x"])', "Error", "'x' is not a dimension, in the shape 'x'"),
    ("PartialShape([1, -1]).to_shape()", "Error", "the shape [1,?] is dynamic"),
    (
        "PartialShape([1.5])",
        "TypeError",
        "float is no dimension; it can be an int, a str, a Dimension, or a tuple (least, most)",
    ),
    ("Dimension(1, 4).get_length()", "Error", "the dimension '1..4' has no fixed length"),
    ('Type("nonsense")', "TypeError", "data type 'nonsense' not understood"),
    ("Type(np.complex64)", "Error", "the dtype complex64 is not an element type of tensors"),
    ("Type.dynamic.to_dtype()", "IndexError", "the element type 'dynamic' has no dtype"),
    (
        "request.set_callback(print)",
        "TypeError",
        "InferRequest.set_callback() takes (callback, userdata); (builtin_function_or_method) was given",
    ),
    (
        "core.get_versions(5)",
        "TypeError",
        "Core.get_versions() takes (device_name); (int) was given",
    ),
    (
        "Tensor(A).copy_to(A)",
        "TypeError",
        "Tensor.copy_to() takes (target_tensor); (numpy.ndarray) was given",
    ),
    (
        "Shape(1, 2)",
        "TypeError",
        "Shape() takes (axis_lengths) or (shape) or (); (int, int) was given",
    ),
    (
        'core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": [1]})',
        "TypeError",
        "the property INFERENCE_NUM_THREADS cannot have items of type int",
    ),
    (
        "coinfer.save_model(model, 'model.xml')",
        "AttributeError",
        "module 'coinfer' has no attribute 'save_model': models are not written as OpenVINO IR; "
        "CompiledModel.export_model and CACHE_DIR keep what was compiled",
    ),
    (
        "coinfer.opset13.relu(model.input(0))",
        "AttributeError",
        "module 'coinfer' has no attribute 'opset13': models are read from ONNX and OpenVINO IR "
        "files, operators are not built one by one",
    ),
    (
        "coinfer.convert_model(ROWS, input=('x', Type.i32))",
        "Unsupported",
        "input 'x' is f32 in the file, i32 was asked for; preprocess.PrePostProcessor converts it",
    ),
    (
        "coinfer.convert_model(ROWS, input={'x': None})",
        "Unsupported",
        "input 'x' is None; a name, a shape, a Type, or a tuple of them was expected",
    ),
    (
        "model.input(0) < 1",
        "TypeError",
        "'<' not supported between instances of 'Output' and 'int'",
    ),
]


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the calls are made with: `compiled` computes x - y of [2,3], f32."""
    core = coinfer.Core()
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    b = np.ones((2, 3), np.float32)
    model = core.read_model(subtract([2, 3]).SerializeToString())
    compiled = core.compile_model(model, "CPU")
    return {
        **{name: getattr(coinfer, name) for name in coinfer.__all__},
        "coinfer": coinfer,
        "np": np,
        "core": core,
        "ROWS": row_sums().SerializeToString(),
        "A": a,
        "B": b,
        "model": model,
        "compiled": compiled,
        "other": core.compile_model(models.one_add([2]).SerializeToString(), "CPU"),
        "dynamic": core.compile_model(row_sums().SerializeToString(), "CPU"),
        "strings": core.compile_model(models.string_identity().SerializeToString(), "CPU"),
        "request": compiled.create_infer_request(),
        "queue": coinfer.AsyncInferQueue(compiled, 2),
        "results": compiled([a, b]),
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("call", "kind", "text"), TABLE, ids=[row[0] for row in TABLE])
def test_error_text(names: dict[str, Any], call: str, kind: str, text: str) -> None:
    with pytest.raises(Exception) as caught:
        eval(call, names)
    assert type(caught.value).__name__ == kind
    assert (caught.value.args[0] if kind == "KeyError" else str(caught.value)) == text
    assert "\n" not in text and "C++" not in text


def test_after_all_that_everything_works(names: dict[str, Any]) -> None:
    expected = names["A"] - names["B"]
    for results in (
        names["compiled"]([names["A"], names["B"]]),
        names["request"].infer([names["A"], names["B"]]),
    ):
        np.testing.assert_array_equal(results[0], expected)


@pytest.mark.parametrize(("name", "kind"), [("w", "weights"), ("b", "biases")])
def test_weights_of_another_type_are_refused(name: str, kind: str) -> None:
    """They would be read as the input's type, behind their end when that is wider."""
    weights: dict[str, np.ndarray[Any, Any]] = {
        "w": np.ones((16, 16, 3, 3), np.float32),
        "b": np.ones(16, np.float32),
    }
    weights[name] = weights[name].astype(np.float16)
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], "conv", pads=[1, 1, 1, 1])
    port = (TensorProto.FLOAT, [1, 16, 12, 12])
    graph = helper.make_graph(
        [node],
        "mixed",
        [helper.make_tensor_value_info("x", *port)],
        [helper.make_tensor_value_info("y", *port)],
        [numpy_helper.from_array(value, key) for key, value in weights.items()],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    text = rf"{kind} of type f16 do not fit an input of type f32 \(Conv"
    with pytest.raises(coinfer.Error, match=text):
        coinfer.Core().compile_model(coinfer.Core().read_model(model.SerializeToString()), "CPU")


def test_the_table_is_long() -> None:
    assert len({row[0] for row in TABLE}) >= 60
