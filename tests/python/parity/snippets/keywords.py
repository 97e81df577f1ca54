"""Calls by the names of parameters, each overload's, and what overloads say to wrong values."""

from tests.python.parity.declare import tried, variants


@variants(
    named=[{}, {"index": 0}, {"tensor_name": "x"}, {"nme": 0}, {"index": 0, "tensor_name": "x"}]
)
def model_input(model, named):
    return model.input(**named)


@variants(named=[{}, {"index": 0}, {"tensor_name": "difference"}, {"index": 7}])
def model_output(model, named):
    return model.output(**named)


@variants(named=[{}, {"index": 1}, {"tensor_name": "y"}, {"nme": 0}])
def compiled_input(sub, named):
    return sub.input(**named)


@variants(named=[{}, {"index": 0}, {"tensor_name": "difference"}, {"key": 0}])
def compiled_output(sub, named):
    return sub.output(**named)


def inputs_of_none(model, sub):
    return tried(model.input, None), tried(sub.output, None)


@variants(named=[{"partial_shapes": {"x": [4, 3], "y": [4, 3]}}, {"shape": [4, 3]}, {}])
def reshape_of_many(model, named):
    model.reshape(**named)
    return model.output().shape


@variants(named=[{"partial_shape": [5]}, {"partial_shape": "[5]", "variables_shapes": {}}])
def reshape_of_one(core, paths, named):
    model = core.read_model(paths.read("single"))
    model.reshape(**named)
    return model.output().shape


@variants(key=[-1, 5, 1.5, None, "q"])
def reshape_of_a_wrong_input(model, key):
    model.reshape({key: [2, 3]})


@variants(value=["abc", 5, [1.5], None, [-7, 3]])
def reshape_to_a_wrong_shape(model, value):
    model.reshape({"x": value, "y": value})
    return model.input(0).partial_shape


def reshape_of_a_number(model):
    model.reshape(5)


def result_index(model):
    found = model.get_result_index
    return found(value=model.output(0)), found(result=model.results[0])


def sink_index(counter_model):
    return counter_model.get_sink_index(sink=counter_model.sinks[0])


@variants(named=[{"property": "ENABLE_MMAP"}, {"device_name": "CPU", "property": "NUM_STREAMS"}])
def get_property(core, named):
    return core.get_property(**named)


def get_property_with_arguments(core):
    found = core.get_property
    return found(device_name="CPU", name="NUM_STREAMS", arguments={}), found(
        "CPU", "NUM_STREAMS", {"A": 1}
    )


@variants(args=[["CPU", "NO_SUCH", {}], ["CPU", "NUM_STREAMS", 5]])
def get_property_with_wrong_arguments(core, args):
    return core.get_property(*args)


@variants(named=[{"properties": {"ENABLE_MMAP": False}}, {"property": ("ENABLE_MMAP", False)}])
def set_property(core, named):
    core.set_property(**named)
    return core.get_property("ENABLE_MMAP")


@variants(named=[{"properties": {"NUM_STREAMS": 2}}, {"property": ("NUM_STREAMS", 2)}])
def set_property_of_a_device(core, named):
    core.set_property(device_name="CPU", **named)
    return core.get_property("CPU", "NUM_STREAMS")


@variants(named=[{"properties": {}}, {"property": ("NUM_STREAMS", 1)}])
def set_property_of_a_compiled_model(sub, named):
    sub.set_property(**named)


def core_of_no_file(ov):
    return ov.Core(xml_config_file="").available_devices, ov.Core("").available_devices


@variants(file=["/nowhere/plugins.xml", 5])
def core_of_a_file(ov, file):
    ov.Core(file)


def get_tensor(model, sub, request):
    return (
        request.get_tensor(name="x"),
        request.get_tensor(port=sub.input(1)),
        request.get_tensor(port=model.output(0)),
        tried(request.get_tensor, nme="x"),
    )


def set_tensor(ov, sub, request, a, b):
    request.set_tensor(name="x", tensor=ov.Tensor(a))
    request.set_tensor(port=sub.input(1), tensor=ov.Tensor(b))
    return request.infer()[0]


def tensors_by_index(ov, request, a, b):
    request.set_input_tensor(index=0, tensor=ov.Tensor(a))
    request.set_input_tensor(index=1, tensor=ov.Tensor(b))
    request.infer()
    return request.get_input_tensor(index=1).data, request.get_output_tensor(index=0).data


def tensors_of_one_port(ov, np, single, x2):
    request = single.create_infer_request()
    out = np.zeros(2, np.float32)
    request.set_input_tensor(tensor=ov.Tensor(x2))
    request.set_output_tensor(tensor=ov.Tensor(out, shared_memory=True))
    request.infer()
    return out, tried(request.get_input_tensor, None)


@variants(how=["inputs", "tensors", "idx", "position"])
def input_tensors(ov, single, x2, how):
    request = single.create_infer_request()
    tensor = ov.Tensor(x2)
    if how == "inputs":
        request.set_input_tensors(inputs={0: tensor})
    elif how == "tensors":
        request.set_input_tensors(tensors=[tensor])
    elif how == "idx":
        request.set_input_tensors(idx=0, tensors=[tensor])
    else:
        request.set_input_tensors(0, [tensor])
    return request.infer()[0]


@variants(how=["name", "port", "position", "inputs"])
def tensors_by_name(ov, single, x2, how):
    request = single.create_infer_request()
    tensor = ov.Tensor(x2)
    if how == "name":
        request.set_tensors(tensor_name="x", tensors=[tensor])
    elif how == "port":
        request.set_tensors(port=single.input(0), tensors=[tensor])
    elif how == "position":
        request.set_tensors("x", [tensor])
    else:
        request.set_tensors(inputs={"x": tensor})
    return request.infer()[0]


@variants(value=["[]", "[t, t]", "t", "[5]", "(t,)", "5"])
def wrong_batches(ov, single, x2, value):
    request = single.create_infer_request()
    given = eval(value, {"t": ov.Tensor(x2)})
    return tried(request.set_input_tensors, 0, given), tried(request.set_tensors, "x", given)


@variants(value=["[]", "[t, t]", "(t,)", "5", "{1: t}", "{'x': t}", "{1.5: t}", "{-1: t}"])
def wrong_input_tensors(ov, single, x2, value):
    request = single.create_infer_request()
    return tried(request.set_input_tensors, eval(value, {"t": ov.Tensor(x2)}))


@variants(value=["[t]", "5", "{'y': t}", "{7: t}"])
def wrong_output_tensors(ov, single, x2, value):
    request = single.create_infer_request()
    return tried(request.set_output_tensors, eval(value, {"t": ov.Tensor(x2)}))


@variants(key=["model.input(0)", "model.output(0)", "-1", "9"])
def set_tensors_by_a_wrong_key(ov, model, request, a, key):
    request.set_tensors({eval(key, {"model": model}): ov.Tensor(a)})


def copy_from(ov, np, a, b):
    tensor = ov.Tensor(np.zeros((2, 3), np.float32))
    tensor.copy_from(source=a)
    first = tensor.data.copy()
    tensor.copy_from(source_tensor=ov.Tensor(b))
    return first, tensor.data


@variants(named=["array", "shared", "shape", "type", "list", "port", "region"])
def tensor(ov, np, sub, a, named):
    if named == "array":
        return ov.Tensor(array=a)
    if named == "shared":
        return ov.Tensor(array=a, shared_memory=True)
    if named == "shape":
        return ov.Tensor(array=a, shape=[3, 2]), ov.Tensor(array=a, shape=[6], type=ov.Type.i32)
    if named == "type":
        return ov.Tensor(type=ov.Type.f32, shape=[2]).shape
    if named == "list":
        return ov.Tensor(list=[1, 2])
    if named == "port":
        return ov.Tensor(port=sub.input(0)).shape, ov.Tensor(port=sub.input(0), array=a)
    return ov.Tensor(other=ov.Tensor(a), begin=[0, 1], end=[2, 2])


@variants(named=[{"shape": [2]}, {"array": [1], "nme": 2}, {"shared_memory": True}])
def tensor_of_wrong_names(ov, named):
    return ov.Tensor(**named)


@variants(named=[{"dimension": 4}, {"str": "1..4"}, {"min_dimension": 1, "max_dimension": 3}])
def dimension(ov, named):
    return ov.Dimension(**named)


@variants(named=[{"min_dimension": 1}, {"length": 1}, {"dimension": None}])
def dimension_of_wrong_names(ov, named):
    return ov.Dimension(**named)


@variants(named=[{"axis_lengths": [1, 2]}, {"shape": "[1,2]"}, {"dims": [1]}])
def shape(ov, named):
    return ov.Shape(**named)


@variants(named=[{}, {"tensor_name": "x"}, {"input_index": 0}, {"index": 0}])
def preprocess_input(ov, core, paths, named):
    processor = ov.preprocess.PrePostProcessor(core.read_model(paths.read("single")))
    return processor.input(**named) is not None


@variants(named=[{}, {"tensor_name": "y"}, {"output_index": 0}, {"index": 0}])
def preprocess_output(ov, core, paths, named):
    processor = ov.preprocess.PrePostProcessor(core.read_model(paths.read("single")))
    return processor.output(**named) is not None


@variants(named=[{"value": 2.0}, {"values": [1.0]}, {"vale": 1.0}])
def preprocess_mean_and_scale(ov, core, paths, x2, named):
    processor = ov.preprocess.PrePostProcessor(core.read_model(paths.read("single")))
    processor.input().tensor().set_layout(ov.Layout("C"))
    steps = processor.input().preprocess()
    return tried(steps.mean, **named) is not None and tried(steps.scale, **named) is not None


def preprocess_convert_layout(ov, model, core, a, b):
    processor = ov.preprocess.PrePostProcessor(model)
    processor.input(0).tensor().set_shape([3, 2])
    processor.input(0).preprocess().convert_layout(dims=[1, 0])
    processor.output(0).postprocess().convert_layout(dims=[1, 0])
    compiled = core.compile_model(processor.build(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([a.T.copy(), b])[0]


@variants(args=[[], [3]])
def preprocess_resize_of_one_length(ov, model, args):
    processor = ov.preprocess.PrePostProcessor(model)
    steps = processor.input(0).preprocess()
    return steps.resize(ov.preprocess.ResizeAlgorithm.RESIZE_LINEAR, *args) is not None


@variants(named=[{}, {"device": "CPU"}])
def import_needs_a_device(core, named):
    return core.import_model(b"x", **named)


def query_needs_a_device(core, model):
    return core.query_model(model)


def no_extensions_are_added(core):
    return core.add_extension([]), core.add_extension(extensions=[])


def compiled_model_of_another(ov, sub, a, b):
    return ov.CompiledModel(other=sub)([a, b])[0], ov.CompiledModel(sub, None)([a, b])[0]


@variants(given=["x", None, 5])
def compiled_model_of_something_else(ov, given):
    return ov.CompiledModel(given)


def layout_and_strides(ov):
    return ov.Layout(layout_str="NC"), tuple(ov.Strides(axis_strides=[1, 2])), ov.Layout()
