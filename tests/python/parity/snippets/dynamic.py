"""Dynamic shapes, empty tensors and scalars."""

from tests.python.parity.declare import different, tried, variants


@variants(shape=[(2, 3), (1, 1), (5, 4)])
def dynamic_takes_any_length(dynamic, np, shape):
    x = np.ones(shape, np.float32)
    return dynamic([x, x])[0]


def dynamic_changes_from_run_to_run(dynamic, np):
    found = []
    for rows in (2, 5, 1, 2):
        x = np.full((rows, 2), rows, np.float32)
        found.append(dynamic([x, x * 0])[0])
    return found


def dynamic_unshared_changes(dynamic, np):
    request = dynamic.create_infer_request()
    found = []
    for rows in (2, 5, 1):
        x = np.full((rows, 2), rows, np.float32)
        found.append(request.infer([x, x * 0])[0])
    return found


@variants(shape=[(2,), (1, 2, 3)])
def dynamic_wrong_rank(dynamic, np, shape):
    x = np.ones(shape, np.float32)
    return dynamic([x, x])


def dynamic_wrong_static_length(rows, np):
    return rows(np.ones((2, 4), np.float32))


def dynamic_that_do_not_fit(dynamic, np):
    return dynamic([np.ones((2, 3), np.float32), np.ones((4, 5), np.float32)])


def dynamic_usable_after_that(dynamic, np, a, b):
    failed = tried(dynamic, [np.ones((2, 3), np.float32), np.ones((4, 5), np.float32)])
    return failed, dynamic([a, b])[0]


def dynamic_input_tensor_before(dynamic):
    return dynamic.create_infer_request().get_input_tensor(0).shape


def dynamic_output_tensor_before(dynamic):
    return dynamic.create_infer_request().get_output_tensor(0).shape


def dynamic_tensors_after(dynamic, a, b):
    request = dynamic.create_infer_request()
    request.infer([a, b])
    return request.get_input_tensor(0).shape, request.get_output_tensor(0).data


def dynamic_set_tensor(ov, dynamic, a, b):
    request = dynamic.create_infer_request()
    request.set_input_tensor(0, ov.Tensor(a))
    request.set_input_tensor(1, ov.Tensor(b))
    return request.infer()[0]


def dynamic_shape_of_input_tensor(dynamic):
    request = dynamic.create_infer_request()
    for i in range(2):
        request.get_input_tensor(i).shape = [2, 2]
        request.get_input_tensor(i).data[:] = i + 1
    return request.infer()[0]


def dynamic_output_tensor_given(ov, dynamic, a, b):
    target = ov.Tensor(ov.Type.f32, [2, 3])
    request = dynamic.create_infer_request()
    request.set_output_tensor(0, target)
    request.infer([a, b])
    return target.data


def dynamic_output_tensor_grows(ov, dynamic, a, b):
    target = ov.Tensor(ov.Type.f32, [1, 1])
    request = dynamic.create_infer_request()
    request.set_output_tensor(0, target)
    request.infer([a, b])
    return request.get_output_tensor(0).data


def dynamic_output_held_while_it_shrinks(dynamic, np):
    request = dynamic.create_infer_request()
    large = np.ones((4, 2), np.float32)
    request.infer([large, large])
    tensor = request.get_output_tensor(0)
    request.infer([large[:1], large[:1]])
    return tensor.shape, request.get_output_tensor(0).shape


@different(
    corrupts="When an output grows, views of the memory that it had dangle; here they live on.",
    memory=True,
)
def dynamic_view_while_it_grows(dynamic, np):
    request = dynamic.create_infer_request()
    small = np.full((1, 2), 3, np.float32)
    view = request.infer([small, small * 0], share_outputs=True)[0]
    large = np.ones((400, 2), np.float32)
    request.infer([large, large])
    return view


def dynamic_async(dynamic, a, b):
    request = dynamic.create_infer_request()
    request.start_async([a, b])
    request.wait()
    return request.results[0]


def dynamic_queue(ov, dynamic, np, seen):
    queue = ov.AsyncInferQueue(dynamic, 2)
    queue.set_callback(
        lambda request, item: seen.append((item, tuple(request.get_output_tensor(0).shape)))
    )
    for rows in (1, 4, 2):
        x = np.ones((rows, 3), np.float32)
        queue.start_async([x, x], rows)
    queue.wait_all()
    return sorted(seen)


@variants(shape=[(0, 3), (2, 0), (0, 0)])
def empty_input(dynamic, np, shape):
    x = np.zeros(shape, np.float32)
    return dynamic([x, x])[0]


def empty_input_unshared(dynamic, np):
    x = np.zeros((0, 3), np.float32)
    return dynamic.create_infer_request().infer([x, x])[0]


def empty_input_reduced(rows, np):
    return rows(np.zeros((0, 3), np.float32))[0]


def empty_after_full(rows, np):
    request = rows.create_infer_request()
    full = request.infer(np.ones((2, 3), np.float32))[0]
    empty = request.infer(np.zeros((0, 3), np.float32))[0]
    return full, empty, request.infer(np.ones((1, 3), np.float32))[0]


def empty_cast(rows, np):
    return rows(np.zeros((0, 3), np.float64))[0]


def empty_tensor_as_input(ov, rows, np):
    return rows(ov.Tensor(np.zeros((0, 3), np.float32)))[0]


def empty_for_a_static_input(sub, np, b):
    return sub([np.zeros((0, 3), np.float32), b])


@different(
    corrupts="An output of no strings is an array of float64.",
    right=lambda np: np.array([], "U1"),
)
def empty_strings(strings, np):
    return strings(np.array([], "U1"))[0]


@different(
    corrupts="The width of the strings is not initialised, so that the process may end.",
    memory=True,
)
def empty_strings_as_bytes(strings, np):
    return strings(np.array([], "S1"), decode_strings=False)[0]


def empty_shared_outputs(rows, np):
    return rows(np.zeros((0, 3), np.float32), share_outputs=True)[0]


def scalar_model_ports(scalar):
    return scalar.input().shape, scalar.output().partial_shape


def scalar_model_tensors(scalar):
    request = scalar.create_infer_request()
    return request.get_input_tensor().shape, request.get_input_tensor().data.shape


def scalar_model_given_a_vector(scalar, np):
    return scalar(np.float32([1]))


def scalar_model_given_a_vector_unshared(scalar, np):
    return scalar.create_infer_request().infer(np.float32([1]))


def scalar_model_shared_output(scalar):
    return scalar(2.0, share_outputs=True)[0]


def scalar_output_of_many(many, a):
    return many(a)["total"], many(a)["total"].item()


def scalar_tensor_as_input(ov, np, scalar):
    return scalar(ov.Tensor(np.array(2, np.float32)))[0]


def scalar_written_in_place(scalar):
    request = scalar.create_infer_request()
    request.get_input_tensor().data[...] = 5
    return request.infer()[0]


def zero_d_for_one_element(np, core, paths):
    model = core.read_model(paths["single"])
    model.reshape([1])
    compiled = core.compile_model(model, "CPU")
    return compiled(np.array(3.0, np.float32))[0], compiled(3)[0]


@variants(shape=[[4, 3], "[4,3]", (4, 3), {0: [4, 3]}, {"x": (4, 3)}])
def reshape_of_one_input(core, paths, shape):
    model = core.read_model(paths["rows"])
    model.reshape(shape)
    return model.inputs, model.outputs


def reshape_to_dynamic(core, paths):
    model = core.read_model(paths["single"])
    model.reshape([-1])
    return model.is_dynamic(), model.inputs, model.outputs


def reshape_by_bounds(core, paths, np):
    model = core.read_model(paths["rows"])
    model.reshape([(1, 8), 3])
    compiled = core.compile_model(model, "CPU")
    return model.inputs, compiled(np.ones((2, 3), np.float32))[0]


def reshape_out_of_bounds(core, paths, np):
    model = core.read_model(paths["rows"])
    model.reshape([(1, 4), 3])
    return core.compile_model(model, "CPU")(np.ones((9, 3), np.float32))


def reshape_by_partial_shape(ov, core, paths):
    model = core.read_model(paths["rows"])
    model.reshape(ov.PartialShape([2, 3]))
    return model.inputs


def reshape_two_inputs_by_name(core, paths):
    model = core.read_model(paths["dynamic"])
    model.reshape({"x": [2, 3], "y": [2, 3]})
    return model.inputs, model.outputs


def reshape_two_inputs_by_port(core, paths):
    model = core.read_model(paths["dynamic"])
    model.reshape({model.input(0): [2, 3], model.input(1): [2, 3]})
    return model.inputs


def reshape_one_shape_for_two_inputs(model):
    model.reshape([2, 3])


@variants(shape=[{"q": [1]}, {5: [1]}, 5, None])
def reshape_wrong(core, paths, shape):
    core.read_model(paths["rows"]).reshape(shape)


def reshape_that_does_not_fit(core, paths):
    model = core.read_model(paths["dynamic"])
    model.reshape({"x": [2, 3], "y": [5, 7]})
