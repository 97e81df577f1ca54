"""Tensors of requests: set, get, and wrong."""

from tests.python.parity.declare import different, tried, variants


def get_tensor_by_name(request):
    return request.get_tensor("x"), request.get_tensor("difference")


def get_tensor_by_port(sub, request):
    return request.get_tensor(sub.input(1)), request.get_tensor(sub.output(0))


@variants(key=["q", 0, 1.5, None, ""])
def get_tensor_wrong(request, key):
    return request.get_tensor(key)


def get_input_tensor_by_index(request):
    return request.get_input_tensor(0), request.get_input_tensor(1)


@variants(index=[5, -1, "x", 1.5])
def get_input_tensor_wrong(request, index):
    return request.get_input_tensor(index)


def get_input_tensor_alone(single, request):
    return single.create_infer_request().get_input_tensor(), tried(request.get_input_tensor)


def get_output_tensor_by_index(many):
    request = many.create_infer_request()
    return [request.get_output_tensor(i) for i in range(4)]


@variants(index=[5, -1, "difference"])
def get_output_tensor_wrong(request, index):
    return request.get_output_tensor(index)


def get_output_tensor_alone(request, many):
    return request.get_output_tensor(), tried(many.create_infer_request().get_output_tensor)


def tensors_of_a_new_request(request):
    return request.input_tensors, request.output_tensors


@different(says="tensors")
def inputs_and_outputs(request):
    return request.inputs, request.outputs


def set_tensor_by_name(ov, np, request, a, b):
    request.set_tensor("x", ov.Tensor(a))
    request.set_tensor("y", ov.Tensor(b))
    return request.infer()[0]


def set_tensor_by_port(ov, sub, request, a, b):
    request.set_tensor(sub.input(0), ov.Tensor(a))
    request.set_tensor(sub.input(1), ov.Tensor(b))
    return request.infer()[0]


@variants(key=["q", 0, 1.5, None])
def set_tensor_wrong_key(ov, request, a, key):
    request.set_tensor(key, ov.Tensor(a))


@variants(value=[None, 5, "text", [1.0]])
def set_tensor_wrong_value(request, value):
    request.set_tensor("x", value)


def set_tensor_of_array(request, a):
    request.set_tensor("x", a)


def set_tensor_is_zero_copy(ov, np, request, a):
    tensor = ov.Tensor(a, shared_memory=True)
    request.set_tensor("x", tensor)
    return np.shares_memory(request.get_tensor("x").data, a)


def set_tensor_for_an_output(ov, np, request, a, b):
    target = np.zeros((2, 3), np.float32)
    request.set_tensor("difference", ov.Tensor(target, shared_memory=True))
    request.infer([a, b])
    return target


def set_tensor_wrong_type(ov, request, a):
    request.set_tensor("x", ov.Tensor(a.astype("f8")))


def set_tensor_wrong_shape(ov, np, request):
    request.set_tensor("x", ov.Tensor(np.ones((1, 1), np.float32)))


def set_input_tensor_by_index(ov, request, a, b):
    request.set_input_tensor(0, ov.Tensor(a))
    request.set_input_tensor(1, ov.Tensor(b))
    return request.infer()[0]


def set_input_tensor_alone(ov, single, x2):
    request = single.create_infer_request()
    request.set_input_tensor(ov.Tensor(x2))
    return request.infer()[0]


def set_input_tensor_alone_of_two(ov, request, a):
    request.set_input_tensor(ov.Tensor(a))


@variants(index=[5, -1, "x"])
def set_input_tensor_wrong_index(ov, request, a, index):
    request.set_input_tensor(index, ov.Tensor(a))


def set_input_tensor_of_nothing(request):
    request.set_input_tensor()


def set_input_tensor_wrong_type(ov, request, a):
    request.set_input_tensor(0, ov.Tensor(a.astype("i8")))


def set_input_tensor_wrong_then_right(ov, request, a, b):
    failed = tried(request.set_input_tensor, 0, ov.Tensor(a.astype("i8")))
    request.set_input_tensor(0, ov.Tensor(a))
    return failed, request.infer({"y": b})[0]


def set_output_tensor(ov, np, request, a, b):
    target = np.zeros((2, 3), np.float32)
    request.set_output_tensor(0, ov.Tensor(target, shared_memory=True))
    request.infer([a, b])
    return target


def set_output_tensor_alone(ov, np, request, a, b):
    target = ov.Tensor(np.zeros((2, 3), np.float32))
    request.set_output_tensor(target)
    request.infer([a, b])
    return target.data


def set_output_tensor_then_results(ov, np, request, a, b):
    target = np.zeros((2, 3), np.float32)
    request.set_output_tensor(ov.Tensor(target, shared_memory=True))
    out = request.infer([a, b])[0]
    return out, np.shares_memory(out, target)


def set_output_tensor_shared_results(ov, np, request, a, b):
    target = np.zeros((2, 3), np.float32)
    request.set_output_tensor(ov.Tensor(target, shared_memory=True))
    return np.shares_memory(request.infer([a, b], share_outputs=True)[0], target)


def set_output_tensor_wrong_type(ov, request, a):
    request.set_output_tensor(0, ov.Tensor(a.astype("i8")))


def set_output_tensor_wrong_shape(ov, np, request):
    request.set_output_tensor(0, ov.Tensor(np.zeros((7, 7), np.float32)))


def set_output_tensor_wrong_index(ov, request, a):
    request.set_output_tensor(5, ov.Tensor(a))


def set_output_tensor_the_input(ov, np, request, a, b):
    tensor = ov.Tensor(a)
    request.set_input_tensor(0, tensor)
    request.set_input_tensor(1, ov.Tensor(b))
    request.set_output_tensor(0, tensor)
    request.infer()
    return tensor.data


def set_tensors(ov, request, a, b):
    request.set_tensors({"x": ov.Tensor(a), "y": ov.Tensor(b)})
    return request.infer()[0]


def set_tensors_with_an_output(ov, np, request, a, b):
    target = np.zeros((2, 3), np.float32)
    shared = ov.Tensor(target, shared_memory=True)
    request.set_tensors({"x": ov.Tensor(a), "y": ov.Tensor(b), "difference": shared})
    request.infer()
    return target


def set_tensors_wrong_name(ov, request, a):
    request.set_tensors({"q": ov.Tensor(a)})


def set_tensors_wrong_value(request, a):
    request.set_tensors({"x": a})


def set_tensors_of_a_list(ov, request, a):
    request.set_tensors([ov.Tensor(a)])


def set_input_tensors_of_dict(ov, request, a, b):
    request.set_input_tensors({0: ov.Tensor(a), 1: ov.Tensor(b)})
    return request.infer()[0]


def set_input_tensors_wrong_index(ov, request, a):
    request.set_input_tensors({5: ov.Tensor(a)})


def set_output_tensors_of_dict(ov, np, request, a, b):
    target = np.zeros((2, 3), np.float32)
    request.set_output_tensors({0: ov.Tensor(target, shared_memory=True)})
    request.infer([a, b])
    return target


def set_output_tensors_wrong_index(ov, request, a):
    request.set_output_tensors({5: ov.Tensor(a)})


def write_input_data_in_place(request):
    request.get_input_tensor(0).data[:] = 3
    request.get_input_tensor(1).data[:] = 1
    return request.infer()[0]


def input_tensor_shape_may_not_change(request):
    request.get_input_tensor(0).shape = [1, 1]
    return tried(lambda: request.infer()[0].shape)


def infer_after_shape_of_input_changed_back(request, a, b):
    request.get_input_tensor(0).shape = [2, 3]
    return request.infer([a, b])[0]


def get_compiled_model(request, a, b):
    return request.get_compiled_model()([a, b])[0]


def request_outlives_the_model(core, paths, a, b):
    request = core.compile_model(paths["sub"], "CPU").create_infer_request()
    return request.infer([a, b])[0]


def requests_are_not_equal(sub, request):
    return request == sub.create_infer_request(), request == request


def request_is_not_constructible(ov):
    return ov.InferRequest()


def latency_is_a_float(request, a, b):
    request.infer([a, b])
    return type(request.latency).__name__, request.latency >= 0


def query_state_without_state(request):
    return len(request.query_state())


def reset_state_without_state(request):
    return request.reset_state()


def infer_positional_flags(request, a, b):
    return request.infer([a, b], True, True)[0]


def infer_too_many_positional(request, a, b):
    return request.infer([a, b], True, True, True)


def infer_unknown_argument(request, a, b):
    return request.infer([a, b], nonsense=1)


def infer_by_keywords(request, a, b):
    return request.infer(inputs={"x": a, "y": b}, share_inputs=True, share_outputs=True)[0]


def many_requests_of_one_model(sub, a, b):
    requests = [sub.create_infer_request() for _ in range(5)]
    return [request.infer([a * i, b])[0] for i, request in enumerate(requests)]


@different(says="shared_memory")
def older_flag(request, a, b):
    return request.infer([a, b], shared_memory=True)[0]


@different(says="shared_memory")
def older_flag_of_a_call(sub, a, b):
    return sub([a, b], shared_memory=False)[0]


def status_text(ov):
    return [str(getattr(ov.ProfilingInfo.Status, name)) for name in ("NOT_RUN", "EXECUTED")]


@different(says="callbacks")
def class_of_a_callbacks_exception(request, a, b):
    def callback(item):
        raise KeyError("from the callback")

    request.set_callback(callback, None)
    request.start_async([a, b])
    return tried(request.wait)
