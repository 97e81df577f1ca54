"""Who sees whose memory, now and after the next inference."""

from tests.python.parity.declare import different, variants


def shared_input_is_the_tensor(np, request, a, b):
    request.infer([a, b], share_inputs=True)
    return np.shares_memory(request.get_input_tensor(0).data, a)


def unshared_input_is_not(np, request, a, b):
    request.infer([a, b])
    return np.shares_memory(request.get_input_tensor(0).data, a)


def shared_input_sees_changes(request, a, b):
    request.infer([a, b], share_inputs=True)
    a[:] = 10
    return request.infer()[0]


def unshared_input_does_not(request, a, b):
    request.infer([a, b])
    a[:] = 10
    return request.infer()[0]


def call_shares_by_default(sub, a, b):
    sub([a, b])
    a[:] = 10
    return sub()[0]


def call_unshared(sub, a, b):
    sub([a, b], share_inputs=False)
    a[:] = 10
    return sub()[0]


def cast_input_is_not_shared(request, a, b):
    wide = a.astype("f8")
    request.infer([wide, b], share_inputs=True)
    wide[:] = 10
    return request.infer()[0]


def strided_input_is_not_shared(request, np, b):
    wide = np.arange(12, dtype=np.float32).reshape(2, 6)
    request.infer([wide[:, ::2], b], share_inputs=True)
    wide[:] = 10
    return request.infer()[0]


@different(says="read-only")
def read_only_input_is_shared(np, request, read_only, b):
    request.infer([read_only, b], share_inputs=True)
    return np.shares_memory(request.get_input_tensor(0).data, read_only)


@different(says="unshared")
def unshared_after_shared(request, a, b):
    request.infer([a, b], share_inputs=True)
    request.infer([b, b])
    return a


@different(says="unshared")
def unshared_after_a_shared_start(request, a, b):
    request.start_async([a, b], share_inputs=True)
    request.wait()
    request.infer({"x": b})
    return a


@different(says="unshared")
def unshared_after_a_set_tensor(ov, request, a, b):
    request.set_tensor("x", ov.Tensor(a, shared_memory=True))
    request.infer([b, b])
    return a


def shared_after_unshared(request, a, b):
    request.infer([a, b])
    first = request.infer([b, b], share_inputs=True)[0]
    return first, request.infer()[0]


def one_array_shared_twice(sub, a):
    return sub([a, a])[0]


def overlapping_arrays(sub, np):
    memory = np.arange(9, dtype=np.float32)
    return sub([memory[:6].reshape(2, 3), memory[3:].reshape(2, 3)])[0]


def output_is_a_copy(np, request, a, b):
    out = request.infer([a, b])[0]
    return out, np.shares_memory(out, request.get_output_tensor().data)


def output_copy_stays(request, a, b):
    first = request.infer([a, b])[0]
    request.infer([b, b])
    return first


def output_copies_are_distinct(np, request, a, b):
    return np.shares_memory(request.infer([a, b])[0], request.infer([a, b])[0])


def shared_output_is_a_view(np, request, a, b):
    out = request.infer([a, b], share_outputs=True)[0]
    return out, np.shares_memory(out, request.get_output_tensor().data)


def shared_output_changes(request, a, b):
    first = request.infer([a, b], share_outputs=True)[0]
    request.infer([b, b])
    return first


def shared_output_of_a_call_changes(sub, a, b):
    first = sub([a, b], share_outputs=True)[0]
    sub([b, b])
    return first


def shared_output_is_writeable(request, a, b):
    out = request.infer([a, b], share_outputs=True)[0]
    out[:] = 5
    return request.get_output_tensor().data


def shared_output_changed_then_run(request, a, b):
    request.infer([a, b], share_outputs=True)[0][:] = 5
    return request.infer()[0]


def shared_output_outlives_the_request(sub, a, b):
    out = sub.create_infer_request().infer([a, b], share_outputs=True)[0]
    return out.copy()


def shared_output_outlives_the_model(core, paths, a, b):
    compiled = core.compile_model(paths["sub"], "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    out = compiled([a, b], share_outputs=True)[0]
    del compiled
    return out.copy()


def shared_outputs_of_all_kinds(many, a):
    return many(a, share_outputs=True).to_tuple()


def copied_outputs_of_all_kinds(many, a):
    return many(a).to_tuple()


def both_shared(sub, a, b):
    return sub([a, b], share_inputs=True, share_outputs=True)[0]


def neither_shared(sub, a, b):
    return sub([a, b], share_inputs=False, share_outputs=False)[0]


def output_tensor_data_changes(request, a, b):
    request.infer([a, b])
    data = request.get_output_tensor().data
    request.infer([b, b])
    return data


def output_tensor_is_the_same(np, request, a, b):
    before = request.get_output_tensor()
    request.infer([a, b])
    return np.shares_memory(before.data, request.get_output_tensor().data), before.data


def input_tensor_is_the_same(np, request):
    return np.shares_memory(request.get_input_tensor(0).data, request.get_tensor("x").data)


def output_fed_back(single, x2):
    out = single(x2, share_outputs=True)[0]
    return single(out)[0]


def output_tensor_as_input(single, x2):
    first, second = single.create_infer_request(), single.create_infer_request()
    first.infer(x2)
    second.set_input_tensor(first.get_output_tensor())
    return second.infer()[0]


def output_tensor_as_input_follows(single, x2):
    first, second = single.create_infer_request(), single.create_infer_request()
    second.set_input_tensor(first.get_output_tensor(0))
    results = []
    for value in (x2, x2 * 10):
        first.infer(value)
        results.append(second.infer()[0])
    return results


def two_requests_are_apart(sub, a, b):
    first, second = sub.create_infer_request(), sub.create_infer_request()
    one = first.infer([a, b], share_outputs=True)[0]
    second.infer([b, b])
    return one


def new_requests_are_apart(np, sub, a, b):
    first, second = sub.infer_new_request([a, b]), sub.infer_new_request([b, b])
    return first[0], second[0]


def shared_tensor_input_sees_changes(ov, request, a, b):
    request.infer([ov.Tensor(a, shared_memory=True), b], share_inputs=True)
    a[:] = 10
    return request.infer()[0]


def unshared_tensor_input_is_set(ov, np, request, a, b):
    tensor = ov.Tensor(a)
    request.infer([tensor, b])
    return np.shares_memory(request.get_input_tensor(0).data, tensor.data)


@variants(dtype=["f4", "f8"])
def unshared_many_times(request, np, b, dtype):
    return [request.infer([np.full((2, 3), i, dtype), b])[0] for i in range(3)]


def shared_input_array_may_be_dropped(sub, np, b):
    sub([np.full((2, 3), 4, np.float32), b])
    return sub({"y": b})[0]


def start_async_shares_when_told(request, a, b):
    request.start_async([a, b], share_inputs=True)
    request.wait()
    a[:] = 10
    request.start_async()
    request.wait()
    return request.results[0]


def start_async_copies_by_default(request, a, b):
    request.start_async([a, b])
    a[:] = 10
    request.wait()
    return request.results[0]
