"""Runtime info: notes on models, nodes and tensors."""

from tests.python.parity.declare import tried, variants


@variants(value=["text", 3, 1.5, True, [1, 2], ["a", "b"], {"below": 1}])
def of_a_model(model, value):
    model.set_rt_info(value, ["noted", "here"])
    kept = model.get_rt_info(["noted", "here"])
    return type(kept).__name__, kept.value, kept == value, kept.astype(str)


def of_a_model_in_a_map(model):
    notes = model.rt_info
    notes["one"] = "x"
    notes["two"] = 2
    del notes["one"]
    return "one" in model.rt_info, model.get_rt_info("two").value, len(model.get_rt_info())


def of_a_model_below_one_another(model):
    model.set_rt_info("v", ["a", "b"])
    model.set_rt_info(3, ["a", "c"])
    below = model.rt_info["a"]
    return sorted(below), below["b"].value, below["c"] == 3, model.get_rt_info("a").value


def of_a_model_unknown(model):
    return tried(model.get_rt_info, "nothing"), model.has_rt_info("nothing")


def of_a_model_replaced(model):
    model.set_rt_info("v", ["a", "b"])
    model.set_rt_info(1, "a")
    return model.get_rt_info("a").value, model.has_rt_info(["a", "b"])


def of_a_model_are_cloned(model):
    model.set_rt_info(1, "a")
    other = model.clone()
    other.set_rt_info(2, "a")
    return model.get_rt_info("a").value, other.get_rt_info("a").value


def of_a_node(core, paths):
    model = core.read_model(paths.read("chain"))
    node = next(one for one in model.get_ops() if one.friendly_name == "relu")
    node.rt_info["text"] = "x"
    node.get_rt_info()["number"] = 2
    again = next(one for one in model.get_ops() if one.friendly_name == "relu").rt_info
    return list(again), again["text"].value, again["number"] == 2, "nothing" in again


def of_a_node_are_its_own(core, paths):
    model = core.read_model(paths.read("chain"))
    nodes = {one.friendly_name: one for one in model.get_ops()}
    nodes["relu"].rt_info["text"] = "x"
    return len(nodes["add"].rt_info), len(nodes["relu"].output(0).rt_info)


def of_a_node_removed(model):
    notes = model.get_parameters()[0].rt_info
    notes["a"] = 1
    del notes["a"]
    return len(notes), bool(notes), tried(notes.__delitem__, "a")


@variants(value=[1.5, [1], None, {}])
def of_a_node_of_a_wrong_kind(model, value):
    return tried(model.get_parameters()[0].rt_info.__setitem__, "a", value)


def of_an_input_of_a_model(model):
    model.inputs[0].rt_info["a"] = 1
    return [
        list(of.rt_info)
        for of in (model.input(0), model.get_parameters()[0].output(0), model.get_parameters()[0])
    ]


def of_an_output_of_a_model(core, paths):
    model = core.read_model(paths.read("chain"))
    model.outputs[0].rt_info["a"] = 1
    result = model.get_results()[0]
    source = result.input(0).get_source_output()
    return [list(of.rt_info) for of in (model.output(0), source, result, result.input(0))]


def of_a_nodes_input(core, paths):
    model = core.read_model(paths.read("chain"))
    node = next(one for one in model.get_ops() if one.friendly_name == "add")
    node.input(1).rt_info["a"] = 1
    return [list(one.rt_info) for one in node.inputs()], list(node.input(1).get_rt_info())


def of_a_compiled_models_input(core, model):
    model.inputs[0].rt_info["a"] = 1
    compiled = core.compile_model(model, "CPU")
    return [list(port.rt_info) for port in compiled.inputs], compiled.input(0).rt_info["a"] == 1


def a_layout_is_a_note(ov, core, paths):
    model = core.read_model(paths.read("image"))
    model.get_parameters()[0].set_layout(ov.Layout("NCHW"))
    notes = model.input().rt_info
    return (
        list(notes),
        notes["layout_0"].astype(str),
        "layout_0" in model.get_parameters()[0].rt_info,
    )


def a_layout_of_a_result_is_a_note(ov, core, paths):
    model = core.read_model(paths.read("chain"))
    model.get_results()[0].set_layout(ov.Layout("N"))
    result = model.get_results()[0]
    return list(result.input(0).rt_info), list(model.output().rt_info)


@variants(value=["text", 3, 1.5, True, [1, 2], ["a"], {"a": 1}, (1, 2)])
def any_holds(ov, value):
    held = ov.OVAny(value)
    return held.value, held.get(), held == value, held == ov.OVAny(value), held == "other"


@variants(
    value=["text", "12", " 7 apples", "3.7", "YES", "no", "1", 3, 3.7, True, [1, 2], {"a": 1}]
)
def any_as_a_type(ov, value):
    held = ov.OVAny(value)
    read = [tried(held.astype, kind) for kind in (bool, int, float, str)]
    return read, tried(lambda: sorted(held.astype(dict)))


@variants(kind=[complex, list, "int", None])
def any_as_another_type(ov, kind):
    return tried(ov.OVAny(3).astype, kind)


@variants(value=["1 2", "1.5 2", "a b", [1, 2], ["1"], 3, True])
def any_as_a_list(ov, value):
    held = ov.OVAny(value)
    return [tried(held.aslist, kind) for kind in (int, str)], tried(held.aslist)


def any_is_indexed(ov):
    held = ov.OVAny({"a": 1})
    return held["a"], len(held), tried(held.__getitem__, "q"), ov.OVAny("abc")[1]


def any_is_set(ov):
    held = ov.OVAny(1)
    held.set("x")
    return held.value, hash(held) == hash("x"), held != "y"
