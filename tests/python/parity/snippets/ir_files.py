"""OpenVINO IR files: names of constants' tensors, and IR version 10.

`constants`: ``y = x * w`` and ``kept = w``, where the tensor of `w` is named `s` and `t`.
`version10`: the halves of x, f16 [4], whose tensor is `a`; that of the first half is `r`.
"""

from tests.python.parity.declare import variants


def _ports(ports):
    return [(port.names, port.element_type, port.partial_shape) for port in ports]


def a_constant_is_an_output(core, paths):
    model = core.read_model(paths["constants"])
    return _ports(model.outputs), [port.node.friendly_name for port in model.outputs]


@variants(name=["s", "t", "kept"])
def a_constant_is_found_by_the_name_of_its_tensor(core, paths, x2, name):
    results = core.compile_model(paths["constants"], "CPU")(x2)
    return results["y"], results[name]


@variants(name=["s", "t", "w"])
def an_output_is_added_by_the_name_of_a_constant(core, paths, name):
    model = core.read_model(paths["constants"])
    model.remove_result(model.results[1])
    added = model.add_outputs(name)
    return _ports(added), len(model.outputs)


def a_constant_keeps_its_friendly_name(core, paths):
    model = core.read_model(paths["constants"])
    (constant,) = [op for op in model.get_ops() if op.get_type_name() == "Constant"]
    constant.output(0).set_names({"u"})
    return constant.get_friendly_name(), constant.output(0).get_names()


def ports_of_version_10(core, paths):
    model = core.read_model(paths["version10"])
    return _ports(model.inputs), _ports(model.outputs), model.get_rt_info("version").value


@variants(name=["a", "x"])
def version_10_is_run_by_names_of_layers(core, paths, np, name):
    compiled = core.compile_model(paths["version10"], "CPU")
    results = compiled({name: np.float32([1, 2, 3, 4])})
    return results["r"], results["sp.0"], results["sp.1"], results["r"].dtype


def version_10_has_no_such_name(core, paths):
    return core.read_model(paths["version10"]).output("sp")
