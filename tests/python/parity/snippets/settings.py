"""Properties by their typed names, profiling and memory."""

from tests.python.parity.declare import different, tried, variants

HINTS = ["performance_mode", "execution_mode", "inference_precision", "num_requests"]
PLAIN = ["num_streams", "inference_num_threads", "enable_profiling", "cache_dir"]
READ_ONLY = ["available_devices", "execution_devices", "model_name", "supported_properties"]


@variants(name=PLAIN)
def property_name(ov, name):
    return getattr(ov.properties, name)()


@variants(name=HINTS)
def hint_name(ov, name):
    return getattr(ov.properties.hint, name)()


@variants(name=READ_ONLY)
def read_only_property_name(ov, name):
    return getattr(ov.properties, name)()


@variants(name=READ_ONLY)
def read_only_property_takes_no_value(ov, name):
    return getattr(ov.properties, name)(1)


def property_with_value(ov):
    streams = ov.properties.num_streams(ov.properties.streams.Num(2))
    return streams[0], ov.properties.inference_num_threads(3)[0]


def hint_with_value(ov):
    mode = ov.properties.hint.PerformanceMode.LATENCY
    return ov.properties.hint.performance_mode(mode)[0]


@variants(mode=["LATENCY", "THROUGHPUT", "CUMULATIVE_THROUGHPUT"])
def performance_mode_values(ov, mode):
    value = getattr(ov.properties.hint.PerformanceMode, mode)
    return repr(value), str(value), value.name


def performance_modes_compare(ov):
    modes = ov.properties.hint.PerformanceMode
    return modes.LATENCY == modes.LATENCY, modes.LATENCY == modes.THROUGHPUT


def compile_with_typed_hint(ov, core, model):
    hint = ov.properties.hint
    compiled = core.compile_model(
        model, "CPU", {hint.performance_mode: hint.PerformanceMode.THROUGHPUT}
    )
    return compiled.get_property(hint.performance_mode)


def compile_with_called_hint(ov, core, model):
    hint = ov.properties.hint
    compiled = core.compile_model(
        model, "CPU", {hint.performance_mode(): hint.PerformanceMode.LATENCY}
    )
    return compiled.get_property("PERFORMANCE_HINT")


def compile_with_streams(ov, core, model):
    compiled = core.compile_model(model, "CPU", {ov.properties.num_streams: 2})
    return compiled.get_property(ov.properties.num_streams)


def compile_with_precision(ov, core, model):
    name = ov.properties.hint.inference_precision
    compiled = core.compile_model(model, "CPU", {name: ov.Type.f32})
    return compiled.get_property(name)


def compile_with_threads_as_text(core, model):
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": "1"})
    return compiled.get_property("INFERENCE_NUM_THREADS")


@variants(value=[True, False, "YES", "NO"])
def profiling_switched(core, model, value):
    return core.compile_model(model, "CPU", {"PERF_COUNT": value}).get_property("PERF_COUNT")


@different(says="properties")
@variants(value=[1.5, None, [1]])
def threads_of_no_number(core, model, value):
    return core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": value}).inputs


@variants(value=[-5, "many"])
def threads_wrong(core, model, value):
    return tried(lambda: core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": value}).inputs)


def core_set_typed_property(ov, core):
    core.set_property("CPU", {ov.properties.num_streams: 3})
    return core.get_property("CPU", ov.properties.num_streams)


def core_set_called_property(ov, core):
    core.set_property("CPU", dict([ov.properties.num_streams(ov.properties.streams.Num(3))]))
    return core.get_property("CPU", "NUM_STREAMS")


def compiled_supported_properties(sub):
    names = sub.get_property("SUPPORTED_PROPERTIES")
    return "NUM_STREAMS" in names, "PERFORMANCE_HINT" in names, "NO_SUCH" in names


def compiled_execution_devices(ov, sub):
    return sub.get_property(ov.properties.execution_devices)


def compiled_model_name(ov, sub):
    return sub.get_property(ov.properties.model_name)


@different(says="properties")
def core_read_only_property(core):
    core.set_property("CPU", {"FULL_DEVICE_NAME": "mine"})


def core_available_devices_property(core):
    return core.get_property("CPU", "AVAILABLE_DEVICES")


def profiling_without_counters(request, a, b):
    request.infer([a, b])
    return type(request.profiling_info).__name__


def profiling_with_counters(core, model, a, b):
    request = core.compile_model(model, "CPU", {"PERF_COUNT": True}).create_infer_request()
    request.infer([a, b])
    info = request.profiling_info
    return type(info).__name__, len(info) > 0, type(info[0]).__name__


def profiling_fields(core, model, a, b):
    request = core.compile_model(model, "CPU", {"PERF_COUNT": True}).create_infer_request()
    request.infer([a, b])
    one = request.get_profiling_info()[0]
    kinds = [type(getattr(one, f)).__name__ for f in ("node_name", "node_type", "exec_type")]
    return kinds, [type(getattr(one, f)).__name__ for f in ("real_time", "cpu_time", "status")]


def release_memory_then_infer(sub, a, b):
    sub([a, b])
    sub.release_memory()
    return sub([a, b])[0]


def performance_hint_as_text(core, model):
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    return compiled.get_property("PERFORMANCE_HINT")


def version_of_the_core(core):
    version = core.get_versions("CPU")["CPU"]
    return [hasattr(version, f) for f in ("major", "minor", "patch", "build_number", "description")]


@variants(value=["f32", "", "f8"])
def precision_hint(core, model, a, b, value):
    return tried(
        lambda: core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": value})([a, b])[0]
    )
