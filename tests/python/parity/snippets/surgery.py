"""Models changed before they are compiled, exported ones, layouts and DLPack."""

from tests.python.parity.declare import tried, variants


def add_outputs_by_name(core, paths, x2):
    model = core.read_model(paths.read("chain"))
    added = model.add_outputs("sum")
    results = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x2)
    return len(added), len(model.outputs), results[0], results["sum"]


def add_outputs_of_a_list(core, paths):
    model = core.read_model(paths.read("chain"))
    model.add_outputs(["sum", "positive"])
    return [port.any_name for port in model.outputs]


@variants(what=["q", ["sum", "q"]])
def add_outputs_unknown(core, paths, what):
    core.read_model(paths.read("chain")).add_outputs(what)


def add_outputs_of_a_number(core, paths):
    core.read_model(paths.read("chain")).add_outputs(5)


def model_parameters(model):
    return len(model.parameters), [one.friendly_name for one in model.get_parameters()]


def model_results(model):
    return len(model.results), len(model.get_results())


def model_ops_have_names(core, paths):
    names = [op.friendly_name for op in core.read_model(paths.read("chain")).get_ops()]
    return [name in names for name in ("x", "add", "relu")]


def model_clone_is_apart(core, paths):
    model = core.read_model(paths.read("rows"))
    other = model.clone()
    other.reshape([2, 3])
    return model.input().partial_shape, other.input().partial_shape


def model_deepcopy(core, paths):
    import copy

    return copy.deepcopy(core.read_model(paths.read("rows"))).inputs


def model_copy_is_refused(model):
    import copy

    return copy.copy(model)


def reshape_then_infer(core, paths, np):
    model = core.read_model(paths.read("rows"))
    model.reshape({"x": [2, 3]})
    compiled = core.compile_model(model, "CPU")
    return compiled.input().shape, compiled(np.ones((2, 3), np.float32))[0]


def reshape_then_wrong_input(core, paths, np):
    model = core.read_model(paths.read("rows"))
    model.reshape({"x": [2, 3]})
    return core.compile_model(model, "CPU")(np.ones((4, 3), np.float32))


def reshape_failed_leaves_the_model(core, paths):
    model = core.read_model(paths.read("dynamic"))
    failed = tried(model.reshape, {"x": [2, 3], "y": [5, 7]})
    return failed, model.inputs


def export_without_a_stream(sub):
    return type(sub.export_model()).__name__


def export_to_a_stream(core, sub, a, b):
    import io

    file = io.BytesIO()
    sub.export_model(file)
    file.seek(0)
    return core.import_model(file, "CPU")([a, b])[0]


def import_bytes(core, sub, a, b):
    return core.import_model(sub.export_model(), "CPU")([a, b])[0]


@variants(what=[b"", b"garbage"])
def import_wrong(core, what):
    return core.import_model(what, "CPU")


def query_model_names(core, model):
    return set(core.query_model(model, "CPU").values())


def runtime_model_of(sub):
    model = sub.get_runtime_model()
    return type(model).__name__, [port.element_type for port in model.inputs]


@variants(text=["NCHW", "N?HW", "N...C", "[N,C,H,W]", "NHWC", ""])
def layout_of_text(ov, text):
    return str(ov.Layout(text)), ov.Layout(text).empty


@variants(text=["NN", "N..", "[N", "n c"])
def layout_of_wrong_text(ov, text):
    return tried(lambda: str(ov.Layout(text)))


def layout_dimensions(ov):
    layout = ov.Layout("NCHW")
    return layout.has_name("C"), layout.get_index_by_name("H"), layout.has_name("D")


def layout_equality(ov):
    return ov.Layout("NCHW") == ov.Layout("NCHW"), ov.Layout("NCHW") == ov.Layout("NHWC")


def layout_of_an_unknown_name(ov):
    return ov.Layout("NCHW").get_index_by_name("D")


def layout_helpers(ov):
    layout = ov.Layout("NCHW")
    helpers = ov.layout_helpers
    return helpers.batch_idx(layout), helpers.channels_idx(layout), helpers.has_depth(layout)


def remove_result_then_names(core, paths):
    model = core.read_model(paths.read("many"))
    model.remove_result(model.results[1])
    return [(port.any_name, port.node.friendly_name) for port in model.outputs]


def names_of_port_nodes(sub):
    return [port.node.friendly_name for port in (*sub.inputs, *sub.outputs)]


def parameter_renamed(core, paths):
    model = core.read_model(paths.read("sub"))
    model.parameters[0].set_friendly_name("first")
    compiled = core.compile_model(model, "CPU")
    return [node.friendly_name for node in model.parameters], compiled.input(0).node.friendly_name


def tensor_of_a_port(core, paths):
    port = core.read_model(paths.read("sub")).input(0)
    port.get_tensor().set_names({"first"})
    return port.any_name, port.tensor.names, port.get_tensor().get_element_type()


def state_of_a_model_without(sub):
    return sub.query_state(), sub.reset_state()


def remove_a_result_as_parameter(core, paths):
    model = core.read_model(paths.read("sub"))
    return tried(model.remove_parameter, model.results[0])


@variants(name=["sub", "many", "dynamic", "strings"])
def types_of_operators(core, paths, name):
    helpers = ("Constant", "Range", "ShapeOf", "Squeeze")  # what reductions and broadcasts take
    ops = core.read_model(paths[name]).get_ops()
    return sorted({op.get_type_name() for op in ops if op.get_type_name() not in helpers})


@variants(name=["chain", "many", "sub"])
def operators_go_by_these_names(core, paths, name):
    kinds = {"Add", "Relu", "Multiply", "Subtract", "Greater", "ReduceSum", "Parameter", "Result"}
    model = core.read_model(paths.read(name))
    ops = [op for op in model.get_ordered_ops() if op.get_type_name() in kinds]
    return sorted((op.get_type_name(), op.get_friendly_name()) for op in ops)


def an_output_is_added_by_its_operators_name(core, paths, x2):
    model = core.read_model(paths.read("chain"))
    model.add_outputs([("y", 0), ("relu", 0)])
    return len(model.outputs), core.compile_model(model, "CPU")(x2)[0]
