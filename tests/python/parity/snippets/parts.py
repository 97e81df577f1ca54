"""Models made of parts of models; sinks, results and variables added and taken away."""

from tests.python.parity.declare import different, tried, variants


def _chain(core, paths):
    model = core.read_model(paths.read("chain"))
    return model, {node.friendly_name: node for node in model.get_ops()}


def _seen(model):
    return (
        [port.any_name for port in model.inputs],
        [port.any_name for port in model.outputs],
        sorted(node.get_type_name() for node in model.get_ops()),
    )


def part_up_to_an_output(ov, core, paths, x2):
    model, nodes = _chain(core, paths)
    part = ov.Model([nodes["relu"].output(0)], model.parameters, "part")
    return part.friendly_name, _seen(part), core.compile_model(part, "CPU")(x2)[0]


def part_up_to_a_node(ov, core, paths):
    model, nodes = _chain(core, paths)
    return _seen(ov.Model([nodes["relu"]], model.parameters)), _seen(
        ov.Model(nodes["relu"], model.get_parameters(), "part")
    )


def part_with_all_results(ov, core, paths):
    model, _ = _chain(core, paths)
    made = ov.Model(model.results, model.parameters, "whole")
    return made.friendly_name, _seen(made), made.results[0].friendly_name


def part_of_outputs(ov, core, paths):
    model, nodes = _chain(core, paths)
    outputs = [*model.outputs, nodes["add"].output(0)]
    return _seen(ov.Model(outputs, model.parameters, "part"))


def part_by_names(ov, core, paths):
    model, _ = _chain(core, paths)
    return _seen(ov.Model(results=model.results, parameters=model.parameters, name="part"))


def part_with_an_empty_list_of_sinks(ov, core, paths):
    model, _ = _chain(core, paths)
    return _seen(ov.Model(model.results, [], model.parameters, "part"))


def part_of_an_input(ov, core, paths):
    model, nodes = _chain(core, paths)
    return _seen(ov.Model([nodes["x"].output(0)], model.parameters))


def part_without_its_parameter(ov, core, paths):
    nodes = _chain(core, paths)[1]
    return ov.Model([nodes["relu"].output(0)], [], "part")


def part_with_a_node_for_a_parameter(ov, core, paths):
    _, nodes = _chain(core, paths)
    return ov.Model([nodes["relu"].output(0)], [nodes["relu"]])


@variants(given=[(), (3,), ([], 3), ("name",), ([3], [])])
def part_of_wrong_things(ov, given):
    return ov.Model(*given)


def part_with_fewer_inputs(ov, model):
    return tried(ov.Model, model.outputs, model.parameters[:1])


def part_of_a_model_with_state(ov, counter_model):
    made = ov.Model(counter_model.results, counter_model.sinks, counter_model.parameters)
    other = ov.Model(counter_model.results, counter_model.parameters)
    return [(len(one.sinks), len(one.variables), _seen(one)) for one in (made, other)]


def part_with_variables(ov, core, counter_model, x2):
    made = ov.Model(
        counter_model.results,
        counter_model.sinks,
        counter_model.parameters,
        counter_model.variables,
        "counter",
    )
    request = core.compile_model(made, "CPU").create_infer_request()
    return [request.infer([x2])[0] for _ in range(2)]


def part_leaves_the_model(ov, core, paths):
    model, nodes = _chain(core, paths)
    ov.Model([nodes["relu"].output(0)], model.parameters)
    return _seen(model)


def part_is_the_same_model(ov, model):
    return ov.Model(model).inputs == model.inputs


def sink_is_removed(counter_model):
    counter_model.remove_sink(counter_model.sinks[0])
    return len(counter_model.sinks), len(counter_model.variables), _seen(counter_model)


def remove_sink_of_another_node(core, paths):
    model, nodes = _chain(core, paths)
    return model.remove_sink(nodes["relu"]), _seen(model)


def sink_index(counter_model):
    found = counter_model.get_sink_index
    return found(counter_model.sinks[0]), found(counter_model.results[0]), tried(found, 3)


@different(crashes="A result may be an output twice.")
def results_are_added_again(core, paths, x2):
    model, _ = _chain(core, paths)
    model.add_results(model.results)
    results = core.compile_model(model, "CPU")(x2)
    return _seen(model)[1], len(model.results), results[0], results[1]


def parameters_are_added_again(model):
    model.add_parameters(model.parameters)


def sinks_are_kept(counter_model):
    counter_model.add_sinks([])
    return len(counter_model.sinks)


@variants(method=["add_parameters", "add_results", "add_sinks", "add_variables"])
def nothing_is_added(model, method):
    return getattr(model, method)([])


@variants(method=["add_parameters", "add_results", "add_variables"])
def wrong_things_are_added(model, method):
    return getattr(model, method)([3])


def parameter_is_replaced_by_itself(model):
    model.replace_parameter(0, model.parameters[0])
    return _seen(model)


def parameter_is_replaced_out_of_range(model):
    model.replace_parameter(5, model.parameters[0])


def parameter_is_replaced_by_a_result(model):
    model.replace_parameter(0, model.results[0])
