"""Runtime info of models, nodes and ports."""

from tests.python.parity.declare import tried, variants


def _relu(model):
    return next(node for node in model.get_ops() if node.friendly_name == "relu")


def _plain(info):
    return {name: tried(lambda value=value: value.value) for name, value in info.items()}


def node_rt_info_of_a_file(noted):
    info = _relu(noted).rt_info
    return len(info), list(info), "fused_names_0" in info, bool(info)


def attribute_as_text(noted):
    return _relu(noted).rt_info["fused_names_0"].astype(str)


def attribute_value(noted):
    return _relu(noted).rt_info["fused_names_0"].value


@variants(dtype=[int, bool, dict])
def attribute_as_another_type(noted, dtype):
    return _relu(noted).rt_info["fused_names_0"].astype(dtype)


def attribute_equals(noted):
    one = _relu(noted).rt_info["fused_names_0"]
    return one == one, one == "conv,relu"


def port_rt_info_of_a_file(noted):
    return {k: v.astype(str) for k, v in noted.input(0).rt_info.items()}, noted.input(0).node.layout


def ports_without_rt_info(noted):
    node = _relu(noted)
    ports = [node.input(0), node.output(0), noted.output(0), noted.get_parameters()[0]]
    return [len(one.get_rt_info()) for one in ports]


def set_layout_is_a_note(noted, ov):
    parameter = noted.get_parameters()[0]
    parameter.set_layout(ov.Layout("N"))
    return noted.input(0).rt_info["layout_0"].astype(str)


def set_node_note(noted):
    _relu(noted).rt_info["mine"] = "text"
    _relu(noted).get_rt_info()["count"] = 3
    return _plain(_relu(noted).rt_info)


@variants(value=["text", 7, True, 1.5, [1], ("a",), None, {"a": 1}])
def set_item(noted, value):
    info = _relu(noted).rt_info
    info["mine"] = value
    return info["mine"].value


@variants(value=["text", 7, True, 1.5, [1, 2], ["a"], [1.5]])
def node_set_rt_info(noted, value):
    _relu(noted).set_rt_info(value, "mine")
    return _relu(noted).rt_info["mine"].value


def get_a_note_that_is_not_there(noted):
    info = _relu(noted).rt_info
    return info["none"].value, len(info), "none" in info


def delete_a_note(noted):
    info = _relu(noted).rt_info
    info["mine"] = 1
    del info["mine"]
    return "mine" in info, tried(info.__delitem__, "mine")


def note_by_a_number(noted):
    return tried(lambda: _relu(noted).rt_info[3]), tried(lambda: 3 in _relu(noted).rt_info)


def notes_have_no_get(noted):
    return tried(lambda: _relu(noted).rt_info.get("mine"))


def keys_values_items(noted):
    info = _relu(noted).rt_info
    info["a"] = 1
    info["b"] = "two"
    del info["fused_names_0"]
    return list(info.keys()), [v.value for v in info.values()], [k for k, _ in info.items()]


def notes_on_ports(noted):
    node = _relu(noted)
    node.input(0).rt_info["at"] = "input"
    node.output(0).rt_info["at"] = "output"
    return _plain(node.input(0).rt_info), _plain(node.output(0).rt_info), len(node.rt_info)


def notes_of_a_clone_are_apart(noted):
    other = noted.clone()
    _relu(other).rt_info["mine"] = 1
    return list(_relu(noted).rt_info), list(_relu(other).rt_info)


def compiled_ports_keep_notes(noted, core):
    noted.input(0).rt_info["mine"] = 1
    compiled = core.compile_model(noted, "CPU")
    return list(compiled.input(0).rt_info), list(compiled.output(0).rt_info)


def compiled_port_takes_notes(noted, core):
    compiled = core.compile_model(noted, "CPU")
    compiled.input(0).rt_info["mine"] = 1
    return list(compiled.input(0).rt_info), list(compiled.inputs[0].get_rt_info())


def compiled_port_node_has_none(noted, core):
    return len(core.compile_model(noted, "CPU").input(0).node.rt_info)


def imported_ports_keep_attributes(noted, core):
    import io

    noted.input(0).rt_info["mine"] = 1
    stream = io.BytesIO()
    core.compile_model(noted, "CPU").export_model(stream)
    stream.seek(0)
    return list(core.import_model(stream, "CPU").input(0).rt_info)


def reshape_keeps_notes(noted):
    noted.input(0).rt_info["mine"] = 1
    noted.reshape([5])
    return list(noted.input(0).rt_info)


def preprocessing_keeps_notes(noted, ov):
    from importlib import import_module

    noted.input(0).rt_info["mine"] = 1
    steps = import_module(ov.__name__ + ".preprocess").PrePostProcessor(noted)
    steps.input(0).preprocess().mean(1.0)
    return list(steps.build().input(0).rt_info)


def model_rt_info(noted):
    return list(noted.rt_info), noted.get_rt_info("author").value


@variants(
    path=["author", "tool", ["tool"], ["tool", "name"], "none", ["tool", "none"], 3, "version"]
)
def model_get_rt_info(noted, path):
    return noted.get_rt_info(path).value


@variants(path=["author", "tool", ["tool", "name"], "none", ["tool", "none"], 3])
def model_has_rt_info(noted, path):
    return noted.has_rt_info(path)


@variants(value=["text", 7, True, 2.5, [1, 2], ["a", "b"], [1.5], {"q": {"z": 1}}])
def model_set_rt_info(noted, value):
    noted.set_rt_info(value, "mine")
    return noted.get_rt_info("mine").value, type(noted.get_rt_info("mine")).__name__


def model_set_rt_info_along_a_path(noted):
    noted.set_rt_info(1.5, ["a", "b", "c"])
    return (
        noted.get_rt_info("a").value,
        noted.rt_info["a"]["b"]["c"].value,
        noted.get_rt_info(["a", "b", "c"]).value,
    )


def model_set_rt_info_below_a_value(noted):
    noted.set_rt_info("x", ["author", "deeper"])


def model_set_rt_info_without_a_path(noted):
    noted.set_rt_info(1)


def model_set_rt_info_of_an_any(noted, ov):
    noted.set_rt_info(ov.OVAny(3), "mine")
    return noted.get_rt_info("mine").value


def model_rt_info_item(noted):
    noted.rt_info["mine"] = "text"
    return noted.get_rt_info("mine").value, noted.has_rt_info("mine")


def model_rt_info_tree(noted):
    trees = [noted.rt_info["tool"], noted.get_rt_info("tool").astype(dict)]
    return [tree["name"].value for tree in trees]


def model_of_onnx_has_none(model):
    return list(model.rt_info)


def an_rt_map_of_its_own(ov):
    info = ov.RTMap()
    info["a"] = 1
    return len(info), info["a"].value


@variants(
    value=[3, 1.5, True, "text", [1, 2], ["a"], (1, 2), {"a": 1}, None, b"x", [True], [1, "a"]]
)
def any_value(ov, value):
    one = ov.OVAny(value)
    return one.value, one.get(), one == value


@variants(
    case=[
        ("3", int),
        ("1.5", int),
        ("", int),
        ("x", int),
        ("1.5", float),
        ("yes", bool),
        ("False", bool),
        ("1.5", bool),
        (1, bool),
        (1, str),
        (1.5, str),
        (True, str),
        (1.5, int),
        (3, float),
        (1, list),
        ("12", dict),
        ({"a": 1}, dict),
        (1, "x"),
    ]
)
def any_astype(ov, case):
    value, dtype = case
    found = ov.OVAny(value).astype(dtype)
    return {k: v.value for k, v in found.items()} if isinstance(found, dict) else found


@variants(
    case=[
        ("1 2", int),
        ("1 2", float),
        ("a b", str),
        ("a b", int),
        ("", int),
        ([1, 2], int),
        ([1.5], float),
        (["a"], str),
        ("1 2", None),
        (3, None),
        ("3", dict),
    ]
)
def any_aslist(ov, case):
    value, dtype = case
    return ov.OVAny(value).aslist(dtype)


@variants(other=[1, 1.0, "1", True, None, 2])
def any_equality(ov, other):
    one = ov.OVAny(1)
    return one == other, one != other, one == ov.OVAny(1)


def any_hash(ov):
    return (
        hash(ov.OVAny(3)) == hash(3),
        hash(ov.OVAny("a")) == hash("a"),
        tried(hash, ov.OVAny([1])),
    )


@variants(value=["text", [1, 2, 3], {"a": 1}, 3])
def any_length(ov, value):
    return len(ov.OVAny(value))


def any_items(ov):
    one = ov.OVAny([1, 2])
    return one[0], list(one), tried(lambda: ov.OVAny({"a": 1})["b"])


def any_set(ov):
    one = ov.OVAny(3)
    one.set("text")
    return one.value


def any_without_a_value(ov):
    ov.OVAny()
