"""Ports of models and compiled models."""

from tests.python.parity.declare import different, tried, variants


def model_repr(model):
    return repr(model)


def compiled_repr(sub):
    return repr(sub)


def model_inputs(model):
    return model.inputs, [type(port).__name__ for port in model.inputs]


def compiled_inputs(sub):
    return sub.inputs, [type(port).__name__ for port in sub.inputs]


def model_outputs(model):
    return model.outputs


def compiled_outputs(many):
    return many.outputs


@variants(key=[0, 1, "x", "y"])
def model_input(model, key):
    return model.input(key)


@variants(key=[0, 1, "x", "y"])
def compiled_input(sub, key):
    return sub.input(key)


@variants(key=[5, -1, "q", "difference", 1.5, None, []])
def compiled_input_wrong(sub, key):
    return tried(sub.input, key)


@variants(key=[5, -1, "q", 1.5])
def model_input_wrong(model, key):
    return tried(model.input, key)


@variants(key=[0, "difference"])
def compiled_output(sub, key):
    return sub.output(key)


@variants(key=[5, "x", 1.5])
def compiled_output_wrong(sub, key):
    return tried(sub.output, key)


def compiled_only_input(single, sub):
    return single.input(), tried(sub.input)


def compiled_only_output(sub, many):
    return sub.output(), tried(many.output)


def model_only_input(core, paths):
    return core.read_model(paths["single"]).input()


def model_only_input_of_two(model):
    return model.input()


def port_names(sub):
    port = sub.input(0)
    return port.names, port.get_names(), port.any_name, port.get_any_name()


def port_type_and_shape(sub):
    port = sub.input(0)
    return port.element_type, port.get_element_type(), port.shape, port.get_shape()


def port_partial_shape(sub, dynamic):
    return sub.input(0).partial_shape, dynamic.input(0).get_partial_shape()


def port_shape_when_dynamic(dynamic):
    return dynamic.input(0).shape


def port_index(many):
    return [port.index for port in many.outputs], many.output(2).get_index()


def port_node(sub):
    node = sub.input("x").node
    return node.friendly_name, node.get_friendly_name(), sub.input("x").get_node().friendly_name


def port_equality(sub):
    return (
        sub.input("x") == sub.input(0),
        sub.input(0) == sub.input(1),
        sub.input(0) != sub.input(1),
    )


def port_equality_of_kinds(sub):
    return sub.input(0) == sub.output(0)


def port_equals_no_text(sub):
    return tried(lambda: sub.input(0) == "x")


def port_hash(sub):
    return hash(sub.input("x")) == hash(sub.inputs[0]), {sub.input(0): 1}[sub.input("x")]


def model_port_hash(model):
    return {model.input(0): 1}[model.input("x")]


def port_repr(sub, dynamic):
    return repr(sub.input(0)), repr(dynamic.output(0))


def model_port_repr(model):
    return repr(model.input(0))


def port_is_not_assignable(sub):
    sub.input(0).shape = [1]


def model_is_dynamic(core, model, paths):
    return model.is_dynamic(), core.read_model(paths["dynamic"]).is_dynamic()


def _name_in_the_file(paths):
    import onnx

    return onnx.load(paths["sub"]).graph.name


@different(
    corrupts="Every model of an ONNX file is named after the frontend; its own name, which the "
    "same bytes from memory have, is lost.",
    right=_name_in_the_file,
)
def model_friendly_name_of_a_file(core, paths):
    return core.read_model(paths["sub"]).friendly_name


def model_friendly_name(model):
    return model.get_friendly_name(), model.friendly_name


def request_ports(request):
    return request.model_inputs, request.model_outputs


def request_repr(request):
    return repr(request)


@different(says="inputs")
def model_port_as_key(sub, model, a, b):
    return sub({model.input(0): a, "y": b})[0]


def port_of_another_model_as_key(sub, single, a, b):
    return sub({single.input(0): a, "y": b})


@different(says="unknown input")
def output_port_as_input_key(sub, a):
    return sub({sub.output(0): a})
