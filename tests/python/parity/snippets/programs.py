"""Programs as people write them for OpenVINO, from file to result."""

from tests.python.parity.declare import tried, variants


def classification(ov, np, paths):
    core = ov.Core()
    model = core.read_model(model=paths["image"])
    ppp = ov.preprocess.PrePostProcessor(model)
    h, w = 8, 6
    ppp.input().tensor().set_shape([1, h, w, 3]).set_element_type(ov.Type.u8).set_layout(
        ov.Layout("NHWC")
    )
    ppp.input().preprocess().resize(ov.preprocess.ResizeAlgorithm.RESIZE_LINEAR)
    ppp.input().model().set_layout(ov.Layout("NCHW"))
    ppp.output().tensor().set_element_type(ov.Type.f32)
    model = ppp.build()
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    image = np.arange(h * w * 3, dtype=np.uint8).reshape(1, h, w, 3)
    results = compiled.infer_new_request({0: image})
    predictions = next(iter(results.values()))
    probs = predictions.reshape(-1)
    return np.argsort(probs)[-3:][::-1], probs


def async_queue_with_completion(ov, np, core, paths):
    compiled = core.compile_model(
        core.read_model(paths.read("sub")),
        "CPU",
        {ov.properties.hint.performance_mode: ov.properties.hint.PerformanceMode.THROUGHPUT},
    )
    queue = ov.AsyncInferQueue(compiled, 3)
    results = [None] * 10

    def callback(request, info):
        frame, index = info
        results[index] = request.get_output_tensor(0).data[:].copy() + frame * 0

    queue.set_callback(callback)
    for i in range(10):
        frame = np.full((2, 3), i, np.float32)
        queue.start_async({"x": frame, "y": frame * 0.5}, (1, i))
    queue.wait_all()
    return results, len(queue)


def input_shape_by_any_name(core, paths):
    model = core.read_model(paths.read("image"))
    layer = model.input(0)
    n, c, h, w = layer.shape
    return (
        n,
        c,
        h,
        w,
        layer.any_name,
        layer.get_any_name(),
        layer.names,
        list(layer.partial_shape),
        layer.element_type.to_dtype(),
    )


def dynamic_reshape(ov, np, core, paths):
    model = core.read_model(paths.read("image"))
    model.reshape({model.input(0).any_name: ov.PartialShape([-1, 3, ov.Dimension(1, 16), -1])})
    compiled = core.compile_model(model, "CPU")
    shapes = [compiled(np.ones(s, np.float32))[0].shape for s in [(1, 3, 4, 4), (2, 3, 16, 2)]]
    return (
        shapes,
        tried(compiled, np.ones((1, 3, 17, 2), np.float32)),
        model.is_dynamic(),
        str(model.input().partial_shape),
        compiled.input(0).partial_shape,
    )


def set_batch_needs_a_layout(ov, core, paths):
    model = core.read_model(paths.read("image"))
    found = tried(ov.set_batch, model, 4)
    model.get_parameters()[0].set_layout(ov.Layout("NCHW"))
    ov.set_batch(model, 4)
    return found, model.input().shape, ov.get_batch(model), model.parameters[0].layout


def layout_helpers(ov):
    layout = ov.Layout("NCHW")
    h = ov.layout_helpers
    return [
        (f.__name__, tried(f, layout))
        for f in (
            h.has_batch,
            h.batch_idx,
            h.has_channels,
            h.channels_idx,
            h.has_height,
            h.height_idx,
            h.has_width,
            h.width_idx,
            h.has_depth,
            h.depth_idx,
        )
    ]


@variants(
    name=[
        "GPU",
        "AUTO",
        "AUTO:CPU",
        "HETERO:CPU",
        "MULTI:CPU",
        "BATCH:CPU",
        "CPU.0",
        "cpu",
        "AUTO:GPU,CPU",
        "HETERO:GPU,CPU",
        "",
        "CPU.1",
    ]
)
def a_device(core, model, a, b, name):
    return core.compile_model(model, name)([a, b])[0]


def chained_calls(ov, paths, a, b):
    return ov.compile_model(paths["sub"])([a, b])[0]


def benchmark_loop(ov, np, core, paths):
    from datetime import timedelta

    compiled = core.compile_model(
        paths["sub"], "CPU", {"PERFORMANCE_HINT": "THROUGHPUT", "PERF_COUNT": "YES"}
    )
    requests = [
        compiled.create_infer_request()
        for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    ]
    for request in requests:
        for port in compiled.inputs:
            request.set_tensor(port, ov.Tensor(port.element_type, port.shape))
            request.get_tensor(port).data[:] = 1
    for request in requests:
        request.start_async()
    for request in requests:
        request.wait()
    info = requests[0].profiling_info[0]
    return (
        type(info.real_time) is timedelta,
        requests[0].latency > 0,
        requests[0].get_output_tensor().data,
    )


def queue_idle_loop(ov, sub, a, b):
    queue = ov.AsyncInferQueue(sub)
    for _ in range(5):
        index = queue.get_idle_request_id()
        queue[index].get_input_tensor(0).data[:] = a
        queue[index].get_input_tensor(1).data[:] = b
        queue.start_async()
    queue.wait_all()
    return len(queue) > 0, queue.is_ready()


def enum_values(ov):
    p = ov.properties
    e = [
        p.hint.PerformanceMode.LATENCY,
        p.hint.ExecutionMode.ACCURACY,
        p.hint.Priority.HIGH,
        p.CacheMode.OPTIMIZE_SPEED,
        p.log.Level.INFO,
        p.device.Type.DISCRETE,
        ov.preprocess.ResizeAlgorithm.RESIZE_CUBIC,
        ov.preprocess.ColorFormat.BGR,
    ]
    return [(repr(x), str(x), x.name, x.value, int(x), x == int(x)) for x in e]


def streaming_state(ov, np, counter):
    request = counter.create_infer_request()
    out = []
    for i in range(3):
        out.append(request.infer([np.float32([i, 1])])[0])
    for state in request.query_state():
        out.append((state.name, state.state.data.copy()))
        state.state = ov.Tensor(np.float32([5, 5]))
    out.append(request.infer([np.float32([1, 1])])[0])
    request.reset_state()
    out.append(request.infer([np.float32([1, 1])])[0])
    return out


def export_to_a_stream(core, sub, a, b):
    import io

    stream = io.BytesIO()
    sub.export_model(stream)
    stream.seek(0)
    return core.import_model(stream, "CPU")([a, b])[0], type(sub.export_model()).__name__


def outputs_by_port(sub, a, b):
    out = sub.output(0)
    return (
        sub([a, b])[out],
        sub({sub.inputs[0]: a, sub.inputs[1]: b})[out],
        sub([a, b])[sub.outputs[0]],
    )


def outputs_zip(many, a):
    return (
        [(k.any_name, v.shape) for k, v in many(a).items()],
        many(a).to_tuple(),
        [tuple(n) for n in many(a).names()],
    )


def names_that_are_set(core, paths, np):
    model = core.read_model(paths.read("chain"))
    model.input().tensor.set_names({"data"})
    model.outputs[0].tensor.add_names({"extra"})
    compiled = core.compile_model(model, "CPU")
    return (
        compiled.input("data").names,
        sorted(compiled.output("extra").names),
        compiled({"data": np.float32([1, 2])})["extra"],
    )


def ports_compare(sub, model):
    return [
        sub.input(0) == sub.input(0),
        sub.input(0) == sub.input(1),
        hash(sub.input(0)) == hash(sub.input(0)),
        sub.input(0) == model.input(0),
        sub.input(0) != sub.input(1),
        {sub.input(0): 1}[sub.inputs[0]],
        sub.input(0) < sub.input(1) or sub.input(1) < sub.input(0),
        sub.input(0).get_index(),
        sub.output(0).index,
    ]


def shape_of_outputs_of_dynamic(dynamic):
    return [
        tried(lambda: dynamic.input(0).shape),
        tried(lambda: dynamic.output(0).get_shape()),
        dynamic.output(0).partial_shape,
    ]


def properties_that_can_be_read(core):
    for device in core.available_devices:
        for key in core.get_property(device, "SUPPORTED_PROPERTIES"):
            try:
                core.get_property(device, key)
            except TypeError:
                assert key == "COMPATIBILITY_CHECK"
    return core.get_property("CPU", "WEIGHTS_PATH")


def callback_of_a_request(request, a, b, seen):
    request.set_callback(lambda info: seen.append((info["n"], request.results[0])), {"n": 3})
    request.start_async([a, b])
    request.wait()
    return seen


def detection_with_named_outputs(ov, np, core, paths):
    model = core.read_model(paths.read("many"))
    model.reshape([4, 3])
    c = core.compile_model(model, "CPU")
    keys = [c.output("plus"), c.output(1), c.outputs[2]]
    r = c(np.ones((4, 3), np.float32))
    return (
        [r[k] for k in keys],
        {k.any_name: v.tolist() for k, v in r.items()},
        "plus" in r,
        keys[0] in r,
        7 in r,
        len(r),
        next(iter(r.keys())) == keys[0],
    )


def yolo_preprocess(ov, np, core, paths):
    P = ov.preprocess
    model = core.read_model(paths.read("image"))
    ppp = P.PrePostProcessor(model)
    ppp.input(0).tensor().set_layout(ov.Layout("NHWC")).set_element_type(
        ov.Type.u8
    ).set_color_format(P.ColorFormat.BGR).set_spatial_dynamic_shape()
    ppp.input("x").preprocess().convert_color(P.ColorFormat.RGB).convert_element_type(
        ov.Type.f32
    ).resize(P.ResizeAlgorithm.RESIZE_NEAREST, 4, 4).mean([123.675, 116.28, 103.53]).scale(
        [58.395, 57.12, 57.375]
    )
    ppp.input(0).model().set_layout(ov.Layout("NCHW"))
    ppp.output("y").tensor().set_layout(ov.Layout("NHWC"))
    ppp.output(0).model().set_layout(ov.Layout("NCHW"))
    c = core.compile_model(ppp.build(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return (
        c(np.arange(2 * 5 * 3, dtype=np.uint8).reshape(1, 2, 5, 3))[0],
        c.input().partial_shape,
        c.output().partial_shape,
    )


def model_from_a_list_reshape(core, paths):
    m = core.read_model(paths.read("sub"))
    m.reshape({0: [1, 3], 1: [1, 3]})
    a = m.output(0).shape
    m.reshape({m.inputs[0]: [5, 3], m.input("y"): [1, 3]})
    return a, m.output(0).shape


def add_outputs_and_read(ov, np, core, paths):
    m = core.read_model(paths.read("chain"))
    new = m.add_outputs("positive")
    more = m.add_outputs(["sum"])
    c = core.compile_model(m, "CPU")
    return (
        [o.any_name for o in new],
        [o.any_name for o in more],
        list(c(np.float32([-3, 4])).values()),
    )


def infer_request_reuse(np, request, a, b):
    request.set_tensor("x", request.get_tensor("y"))
    request.get_tensor("y").data[:] = b
    request.infer()
    return request.results[0]


def set_tensors_by_dict(ov, request, a, b):
    request.set_tensors({"x": ov.Tensor(a), 1: ov.Tensor(b)})
    request.infer()
    first = request.get_output_tensor().data.copy()
    request.set_input_tensors({0: ov.Tensor(b), 1: ov.Tensor(a)})
    request.infer()
    return first, request.get_output_tensor(0).data


def output_into_own_memory(ov, np, request, a, b):
    mine = np.zeros((2, 3), np.float32)
    request.set_output_tensor(0, ov.Tensor(mine, shared_memory=True))
    request.infer([a, b])
    request.set_output_tensors({0: ov.Tensor(mine, shared_memory=True)})
    request.infer([b, a])
    return mine, np.shares_memory(mine, request.get_output_tensor(0).data)


def cache_dir_set(ov, core, paths, a, b):
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as d:
        core.set_property({"CACHE_DIR": d})
        one = core.compile_model(paths["sub"], "CPU")
        two = core.compile_model(paths["sub"], "CPU")
        return (
            len(os.listdir(d)) > 0,
            two([a, b])[0],
            two.get_property("LOADED_FROM_CACHE"),
            one.get_property("LOADED_FROM_CACHE"),
        )


def set_property_forms(ov, core):
    p = ov.properties
    core.set_property("CPU", {p.hint.performance_mode: p.hint.PerformanceMode.LATENCY})
    core.set_property({p.enable_profiling: True})
    return (
        core.get_property("CPU", "PERFORMANCE_HINT"),
        core.get_property("CPU", p.enable_profiling),
        core.get_property("CPU", p.hint.performance_mode),
    )


def request_of_a_dead_model(core, paths, a, b):
    import gc

    request = core.compile_model(paths["sub"], "CPU").create_infer_request()
    gc.collect()
    return request.infer([a, b])[0], request.get_compiled_model().inputs


def queue_results_after(ov, sub, a, b):
    q = ov.AsyncInferQueue(sub, 2)
    for i in range(2):
        q.start_async([a, b * i], userdata=i)
    q.wait_all()
    return [(r.userdata, r.get_output_tensor().data) for r in q], q.userdata


def queue_bound_method(ov, sub, a, b):
    class Collector:
        def __init__(self):
            self.found = {}

        def on(self, request, key):
            self.found[key] = request.output_tensors[0].data.copy()

    c = Collector()
    q = ov.AsyncInferQueue(sub, 2)
    q.set_callback(c.on)
    for i in range(4):
        q.start_async({0: a, 1: b * i}, f"f{i}")
    q.wait_all()
    return dict(sorted(c.found.items()))


@variants(value=["FP32", "BF16", "FP16", "F32", "float32", "f64"])
def precision_by_its_older_name(core, model, value):
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": value})
    return type(compiled.get_property("INFERENCE_PRECISION_HINT")).__name__


@variants(value=["yes", "Yes", "no", "True", "on", "off", "false", "maybe"])
def texts_of_a_boolean(core, model, value):
    return core.compile_model(model, "CPU", {"PERF_COUNT": value}).get_property("PERF_COUNT")


def scalars_in_a_list(scalar, np):
    return scalar([np.float32(1)])[0], scalar((np.float32(2),))[0], scalar([np.array(2.5)])[0]


def constants_of_a_model(core, np, paths):
    model = core.read_model(paths["chain"])
    constants = [node for node in model.get_ops() if node.get_type_name() == "Constant"]
    return sorted(
        (
            node.get_friendly_name(),
            node.get_data().tolist(),
            node.data.flags.writeable,
            node.get_vector().tolist(),
            node.get_byte_size(),
            list(node.get_shape()),
            node.get_element_type().to_string(),
        )
        for node in constants
    )


def constants_are_not_written(core, np, paths, x2):
    model = core.read_model(paths["chain"])
    for node in model.get_ops():
        if node.get_type_name() == "Constant":
            tried(node.data.fill, 100)
            node.get_vector()[:] = 100
    return core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x2)[0]


def parameters_say_what_they_are(model):
    return [
        (node.get_friendly_name(), node.element_type, node.partial_shape, list(node.get_shape()))
        for node in model.get_parameters()
    ]
