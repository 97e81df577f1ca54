"""Variables that a request keeps between inferences: `counter`, ``sum = total + x``."""

from tests.python.parity.declare import tried, variants


def state_adds_up(counter, x2):
    request = counter.create_infer_request()
    return [request.infer(x2)["sum"] for _ in range(3)]


def state_is_queried(counter):
    return [
        (one.name, one.state.shape, one.state.element_type, one.state.data)
        for one in counter.create_infer_request().query_state()
    ]


def state_after_an_inference(counter, x2):
    request = counter.create_infer_request()
    request.infer(x2)
    return request.query_state()[0].state.data


def state_is_reset_by_the_request(counter, x2):
    request = counter.create_infer_request()
    request.infer(x2)
    request.reset_state()
    return request.query_state()[0].state.data, request.infer(x2)["sum"]


def state_is_reset_by_itself(counter, x2):
    request = counter.create_infer_request()
    request.infer(x2)
    request.query_state()[0].reset()
    return request.infer(x2)["sum"]


def state_is_set(counter, ov, np, x2):
    request = counter.create_infer_request()
    (total,) = request.query_state()
    total.state = ov.Tensor(np.float32([10, 20]))
    return request.infer(x2)["sum"], total.state.data


def state_of_another_shape_is_refused(counter, ov, np, x2):
    request = counter.create_infer_request()

    def set_and_infer():
        request.query_state()[0].state = ov.Tensor(np.float32([10, 20, 30]))
        request.infer(x2)

    return tried(set_and_infer)


def state_of_no_tensor_is_refused(counter):
    def set_state():
        counter.create_infer_request().query_state()[0].state = [1, 2]

    return tried(set_state)


def state_belongs_to_its_request(counter, x2):
    one, other = counter.create_infer_request(), counter.create_infer_request()
    one.infer(x2)
    return other.infer(x2)["sum"], one.infer(x2)["sum"]


def state_of_a_started_request(counter, x2):
    request = counter.create_infer_request()
    for _ in range(2):
        request.start_async(x2)
        request.wait()
    return request.get_output_tensor().data


def state_of_a_model_without_variables(request):
    request.reset_state()
    return request.query_state()


def model_variables(counter_model):
    return [
        (one.info.variable_id, one.info.data_shape, one.info.data_type)
        for one in counter_model.get_variables()
    ]


def model_variable_by_id(counter_model):
    return counter_model.get_variable_by_id("total").get_info().variable_id


def model_sinks(counter_model):
    return [
        (one.get_friendly_name(), one.get_type_name(), one.get_attributes())
        for one in counter_model.get_sinks()
    ]


def model_sink_reads(counter_model):
    (sink,) = counter_model.sinks
    return sink.get_input_size(), sink.input_value(0).get_node().get_friendly_name()


def model_without_variables(model):
    return model.get_variables(), model.get_sinks()


@variants(shape=[[3], (3,), "[3]", ["3"], [-1], [(1, 4)], "1..4", ["?"], "..."])
def reshape_gives_a_variable_its_shape(counter_model, shape):
    counter_model.reshape([3], {"total": shape})
    (total,) = counter_model.get_variables()
    return total.info.data_shape, counter_model.output(0).partial_shape


@variants(shape=[[3], "3", [-1], "?", "..."])
def reshaped_variables_are_kept(counter_model, core, np, shape):
    counter_model.reshape([3], {"total": shape})
    request = core.compile_model(counter_model, "CPU").create_infer_request()
    return [request.infer(np.float32([1, 2, 3]))["sum"] for _ in range(2)]


def reshape_of_variables_by_keyword(counter_model, ov):
    counter_model.reshape({"x": [3]}, variables_shapes={"total": ov.PartialShape([3])})
    return counter_model.get_variables()[0].info.data_shape


@variants(shapes=[{"other": [3]}, {"total": [2], "other": [3]}, {}])
def reshape_of_other_variables(counter_model, shapes):
    counter_model.reshape([-1], shapes)
    return counter_model.get_variables()[0].info.data_shape


def reshape_of_a_variable_alone(counter_model):
    counter_model.reshape([2], {"total": [3]})
    return counter_model.get_variables()[0].info.data_shape, counter_model.output(0).partial_shape


@variants(
    shapes=[{0: [3]}, {"total": 3}, {"total": 3.5}, {"total": None}, {"total": "abc"}, 5, None]
)
def reshape_of_variables_wrong(counter_model, shapes):
    error = tried(lambda: counter_model.reshape([3], shapes))
    return error, counter_model.input(0).partial_shape


def reshape_of_a_variable_that_does_not_fit(counter_model):
    error = tried(lambda: counter_model.reshape([3], {"total": [5]}))
    (total,) = counter_model.get_variables()
    return error, total.info.data_shape, counter_model.input(0).partial_shape
