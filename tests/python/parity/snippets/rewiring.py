"""What reads what in a model, changed; types of operators, symbols of dimensions."""

from tests.python.parity.declare import tried, variants


def _operation(model):
    """The one operation of `sub`: difference = x - y."""
    return model.output(0).node.input_value(0).node


def input_reads_another_tensor(core, model, a, b):
    _operation(model).input(1).replace_source_output(
        new_source_output=model.input(0).node.output(0)
    )
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([a, b])[0]


def result_reads_a_parameter(core, model, a, b):
    model.results[0].input(0).replace_source_output(model.parameters[1].output(0))
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([a, b])[0]


def input_reads_itself(core, model):
    """A cycle."""
    node = _operation(model)
    node.input(0).replace_source_output(node.output(0))
    core.compile_model(model, "CPU")


def input_reads_another_model(core, paths, model):
    other = core.read_model(paths.read("sub"))
    _operation(model).input(0).replace_source_output(other.parameters[0].output(0))
    model.validate_nodes_and_infer_types()


@variants(source=[1, None, "x"])
def input_reads_no_output(model, source):
    _operation(model).input(0).replace_source_output(source)


def tensor_is_replaced(core, model, a, b):
    first, second = model.parameters
    first.output(0).replace(replacement=second.output(0))
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([a, b])[0], len(first.output(0).get_target_inputs())


def tensor_is_replaced_by_itself(model):
    output = model.parameters[0].output(0)
    output.replace(output)
    return model.input(0).names


def operation_is_replaced(core, model):
    node = _operation(model)
    node.output(0).replace(model.parameters[0].output(0))
    names = {one.get_type_name() for one in model.get_ops()}
    return names, "difference" in model.input(0).names, "difference" in model.output(0).names


@variants(value=[1, None])
def tensor_is_replaced_by_no_output(model, value):
    model.parameters[0].output(0).replace(value)


def notes_on_ports(model):
    model.input(0).set_rt_info(3, "number")
    model.output(0).set_rt_info(value=[1, 2], key="list")
    port = _operation(model).input(0)
    port.set_rt_info("text", "key")
    return (
        model.input(0).rt_info["number"].value,
        model.output(0).get_rt_info()["list"].value,
        port.rt_info["key"].value,
    )


def notes_on_compiled_ports(sub):
    sub.input(0).set_rt_info(3, "number")


def type_info(ov, model):
    info = _operation(model).get_type_info()
    return (
        info.name,
        info.version_id,
        info == _operation(model).type_info,
        ov.DiscreteTypeInfo("Add", "opset1")
        == ov.DiscreteTypeInfo(name="Add", version_id="opset1"),
        ov.DiscreteTypeInfo("Add", "opset1") != ov.DiscreteTypeInfo("Subtract", "opset1"),
        tried(hash, info),
    )


def type_info_of_parameters_and_results(model):
    infos = [model.parameters[0].get_type_info(), model.results[0].get_type_info()]
    return [(info.name, info.version_id) for info in infos]


def tensors_of_a_node(model):
    node = _operation(model)
    return node.get_input_tensor(1).names, node.get_output_tensor(index=0).names


def variable_is_removed(core, counter_model):
    """It is still read."""
    counter_model.remove_variable(variable=counter_model.variables[0])
    core.compile_model(counter_model, "CPU")


def variable_of_another_model_is_removed(core, paths, counter_model, model):
    model.remove_variable(counter_model.variables[0])
    return len(model.variables)


@variants(value=[1, None, "total"])
def no_variable_is_removed(counter_model, value):
    counter_model.remove_variable(value)


def symbols(ov):
    one, dimension = ov.Symbol(), ov.Dimension()
    before = dimension.has_symbol(), dimension.get_symbol()
    dimension.set_symbol(symbol=one)
    return (
        before,
        dimension.has_symbol(),
        dimension.get_symbol() == one,
        dimension.get_symbol() == ov.Symbol(),
        bool(one),
        hash(one) == hash(one),
        dimension == ov.Dimension(),
    )


def symbols_of_shapes(ov):
    dimension = ov.Dimension()
    dimension.set_symbol(ov.Symbol())
    shape = ov.PartialShape([dimension, 3])
    again = ov.PartialShape(shape)
    shape[1] = dimension
    return (
        shape[0].get_symbol() == dimension.get_symbol(),
        shape.get_dimension(1).has_symbol(),
        again[0].has_symbol(),
        again[1].has_symbol(),
        [one.has_symbol() for one in shape],
    )


@variants(symbol=[1, "s"])
def symbol_of_something_else(ov, symbol):
    ov.Dimension().set_symbol(symbol)


def symbol_is_taken_away(ov):
    dimension = ov.Dimension()
    dimension.set_symbol(ov.Symbol())
    dimension.set_symbol(None)
    return dimension.has_symbol()


@variants(bounds=[(5, 2), (-5, 5), (-5, -3), (3, -1), (-1, 4)])
def dimension_of_odd_bounds(ov, bounds):
    dimension = ov.Dimension(*bounds)
    return str(dimension), dimension.is_dynamic, str(ov.PartialShape([bounds]))


@variants(length=[-7, -1, 0, 2**40])
def dimension_of_odd_length(ov, length):
    dimension = ov.Dimension(length)
    return str(dimension), dimension.is_static, str(ov.PartialShape([length, 2]))


@variants(text=["5..2", "-7", "..4", "3.."])
def dimension_of_odd_text(ov, text):
    return str(ov.Dimension(text)), str(ov.PartialShape(f"[{text},2]"))


@variants(what=["device.priorities", "device.properties", "hint.model", "hint.compiled_blob"])
def properties_of_wrong_values(ov, what):
    group, name = what.split(".")
    named = getattr(getattr(ov.properties, group), name)
    return named(), tried(named, 5)


def properties_of_other_devices(ov):
    p = ov.properties
    made = [
        p.device.priorities("CPU", "GPU"),
        p.device.properties({"CPU": {"NUM_STREAMS": 2}}, {"GPU": {}}),
        p.hint.activations_scale_factor(2),
        p.workload_type(p.WorkloadType.EFFICIENT),
        p.compilation_num_threads(3),
        p.intel_auto.schedule_policy(p.intel_auto.SchedulePolicy.ROUND_ROBIN),
        p.intel_auto.devices_utilization_threshold({"CPU": 3}),
        p.intel_auto.enable_startup_fallback(False),
        p.intel_auto.low_power_device("CPU"),
    ]
    names = [p.device.uuid(), p.device.luid(), p.device.gops(), p.device.thermal()]
    names += [p.device.pci_info(), p.max_batch_size(), p.optimal_batch_size()]
    names += [p.compatibility_check(), p.intel_auto.perf_curve_table()]
    plain = [v.value if type(v).__name__ == "OVAny" else v for _, v in made]
    return names, [name for name, _ in made], [getattr(v, "name", v) for v in plain]


_ELSEWHERE = ["MULTI_DEVICE_PRIORITIES", "DEVICE_UUID", "DEVICE_LUID", "DEVICE_GOPS"]
_ELSEWHERE += ["DEVICE_THERMAL", "DEVICE_PCI_INFO", "ACTIVATIONS_SCALE_FACTOR", "COMPILED_BLOB"]
_ELSEWHERE += ["MAX_BATCH_SIZE", "OPTIMAL_BATCH_SIZE", "COMPILATION_NUM_THREADS", "WORKLOAD_TYPE"]
_ELSEWHERE += ["SCHEDULE_POLICY", "LOW_POWER_DEVICE"]


@variants(name=_ELSEWHERE)
def properties_that_the_cpu_has_not(core, model, name):
    return (
        tried(core.get_property, "CPU", name),
        tried(core.set_property, {name: "1"}),
        tried(core.compile_model, model, "CPU", {name: "1"}),
    )


@variants(
    value=[{"CPU": {"NUM_STREAMS": 2}}, {"GPU": {"NO": 1}}, {"CPU": {"NO": 1}}, {"CPU": 1}, "x"]
)
def properties_by_device(core, model, value):
    compiled = core.compile_model(model, "CPU", {"DEVICE_PROPERTIES": value})
    return compiled.get_property("NUM_STREAMS") if "CPU" in value else None


def model_as_a_property(ov, core, model):
    return core.compile_model(model, "CPU", {ov.properties.hint.model(): model}) is not None


@variants(weights=[b"abc", b""])
def weights_of_a_path_as_bytes(core, paths, weights):
    return len(core.read_model(paths["counter"], weights).inputs)
