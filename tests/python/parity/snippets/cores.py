"""Reading and compiling models, and their properties."""

from tests.python.parity.declare import different, tried, variants


def core_devices(core):
    return core.available_devices, core.get_available_devices()


def core_repr(core):
    return repr(core)


def core_versions(core):
    versions = core.get_versions("CPU")
    return list(versions), [type(v).__name__ for v in versions.values()]


def read_path(core, paths):
    return core.read_model(paths["sub"]).inputs


def read_path_object(core, paths):
    from pathlib import Path

    return core.read_model(Path(paths["sub"])).inputs


def read_bytes(core, paths):
    return core.read_model(paths.read("sub")).inputs


def read_stream(core, paths):
    return core.read_model(paths.stream("sub")).inputs


def read_by_keyword(core, paths):
    return core.read_model(model=paths["sub"]).inputs


@variants(source=["/nowhere.onnx", "", b"", b"garbage", 5, None, [1]])
def read_wrong(core, source):
    return core.read_model(source)


def read_folder(core):
    return core.read_model("/tmp")


def read_cut_file(core, paths):
    return core.read_model(paths.read("sub")[:40])


def compile_a_model(core, model, a, b):
    return core.compile_model(model, "CPU")([a, b])[0]


def compile_without_device(core, model, a, b):
    return core.compile_model(model)([a, b])[0]


def compile_a_path(core, paths, a, b):
    return core.compile_model(paths["sub"], "CPU")([a, b])[0]


def compile_a_path_object(core, paths, a, b):
    from pathlib import Path

    return core.compile_model(Path(paths["sub"]))([a, b])[0]


def compile_with_config_second(core, model):
    return core.compile_model(model, {"PERFORMANCE_HINT": "LATENCY"}).inputs


def compile_with_empty_config(core, model):
    return core.compile_model(model, "CPU", {}).inputs


def compile_by_keywords(core, model):
    return core.compile_model(model=model, device_name="CPU", config={"NUM_STREAMS": 1}).inputs


def compile_auto(core, model, a, b):
    return core.compile_model(model, "AUTO")([a, b])[0]


@variants(device=["TPU", "", "cpu", 5])
def compile_for_wrong_device(core, model, device):
    return tried(lambda: core.compile_model(model, device).inputs)


@variants(config=[{"NO_SUCH": 1}, {"NUM_STREAMS": "many"}, {"PERFORMANCE_HINT": "FAST"}, 5])
def compile_with_wrong_config(core, model, config):
    return tried(lambda: core.compile_model(model, "CPU", config).inputs)


def compile_wrong_model(core):
    return core.compile_model(5, "CPU")


def compile_missing_file(core):
    return core.compile_model("/nowhere.onnx", "CPU")


def module_compile_model(ov, paths, a, b):
    return ov.compile_model(paths["sub"])([a, b])[0]


def compile_twice(core, model, a, b):
    first, second = core.compile_model(model, "CPU"), core.compile_model(model, "CPU")
    return first([a, b])[0], second([b, a])[0]


def compiled_outlives_core_and_model(ov, paths, a, b):
    core = ov.Core()
    compiled = core.compile_model(core.read_model(paths["sub"]), "CPU")
    del core
    return compiled([a, b])[0]


@variants(name=["NUM_STREAMS", "PERFORMANCE_HINT", "NETWORK_NAME", "INFERENCE_PRECISION_HINT"])
def compiled_property(sub, name):
    return sub.get_property(name)


@variants(name=["EXECUTION_DEVICES", "OPTIMAL_NUMBER_OF_INFER_REQUESTS", "PERF_COUNT"])
def compiled_read_only_property(sub, name):
    return sub.get_property(name)


def compiled_unknown_property(sub):
    return sub.get_property("NO_SUCH")


def compiled_set_property(sub):
    sub.set_property({"NUM_STREAMS": 3})


def compiled_property_as_given(core, model):
    config = {"NUM_STREAMS": 2, "PERFORMANCE_HINT": "THROUGHPUT"}
    compiled = core.compile_model(model, "CPU", config)
    return compiled.get_property("NUM_STREAMS"), compiled.get_property("PERFORMANCE_HINT")


def core_unknown_property(core):
    return core.get_property("CPU", "NO_SUCH")


def core_set_property(core, model):
    core.set_property("CPU", {"NUM_STREAMS": 2})
    return core.compile_model(model, "CPU").get_property("NUM_STREAMS")


def core_get_property_set(core):
    core.set_property("CPU", {"NUM_STREAMS": 2})
    return core.get_property("CPU", "NUM_STREAMS")


@different(says="properties")
def core_set_unknown_property(core):
    core.set_property("CPU", {"NO_SUCH": 1})


@variants(properties=[5, "x"])
def core_set_wrong_property(core, properties):
    core.set_property("CPU", properties)


def core_property_of_wrong_device(core):
    return core.get_property("TPU", "NUM_STREAMS")


def compiled_equality(core, model, sub):
    return sub == sub


def compiled_is_not_constructible(ov):
    return ov.CompiledModel()


def classes_by_name(ov):
    names = ["Core", "Model", "CompiledModel", "InferRequest", "AsyncInferQueue", "Tensor"]
    names += ["Shape", "PartialShape", "Dimension", "Type", "ConstOutput", "Output", "Version"]
    return [getattr(ov, name).__name__ for name in names]


def results_of_chain(core, paths, x2):
    compiled = core.compile_model(paths["chain"], "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(x2)[0], compiled.outputs


@variants(
    device=["AUTO", "AUTO:CPU", "MULTI:CPU", "HETERO:CPU", "BATCH:CPU", "CPU.0", "TPU", "cpu"]
)
def device_names(core, model, a, b, device):
    return tried(lambda: core.compile_model(model, device)([a, b])[0])
