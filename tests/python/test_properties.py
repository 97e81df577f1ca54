"""Properties: of a Core, of a compiled model, typed and not."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import coinfer
from coinfer import properties
from coinfer.properties import device, hint, intel_cpu, log, streams
from tests.python.models import F32, IN_F32, build, one_add, slow

#: Of OpenVINO's CPU device, with COMPATIBILITY_CHECK left out: it takes an argument there.
OF_THE_DEVICE = """SUPPORTED_PROPERTIES AVAILABLE_DEVICES RANGE_FOR_ASYNC_INFER_REQUESTS
RANGE_FOR_STREAMS EXECUTION_DEVICES FULL_DEVICE_NAME OPTIMIZATION_CAPABILITIES DEVICE_TYPE
DEVICE_ARCHITECTURE NUM_STREAMS INFERENCE_NUM_THREADS PERF_COUNT INFERENCE_PRECISION_HINT
PERFORMANCE_HINT EXECUTION_MODE_HINT PERFORMANCE_HINT_NUM_REQUESTS ENABLE_CPU_PINNING
ENABLE_CPU_RESERVATION SCHEDULING_CORE_TYPE MODEL_DISTRIBUTION_POLICY ENABLE_HYPER_THREADING
DEVICE_ID CPU_DENORMALS_OPTIMIZATION LOG_LEVEL CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE
ENABLE_TENSOR_PARALLEL TBB_PARTITIONER DYNAMIC_QUANTIZATION_GROUP_SIZE KV_CACHE_PRECISION
KEY_CACHE_PRECISION VALUE_CACHE_PRECISION KEY_CACHE_GROUP_SIZE VALUE_CACHE_GROUP_SIZE
ENABLE_WEIGHTLESS WEIGHTS_PATH"""

OF_A_COMPILED_MODEL = """SUPPORTED_PROPERTIES NETWORK_NAME OPTIMAL_NUMBER_OF_INFER_REQUESTS
NUM_STREAMS INFERENCE_NUM_THREADS PERF_COUNT INFERENCE_PRECISION_HINT PERFORMANCE_HINT
EXECUTION_MODE_HINT PERFORMANCE_HINT_NUM_REQUESTS ENABLE_CPU_PINNING ENABLE_CPU_RESERVATION
SCHEDULING_CORE_TYPE MODEL_DISTRIBUTION_POLICY ENABLE_HYPER_THREADING EXECUTION_DEVICES
CPU_DENORMALS_OPTIMIZATION LOG_LEVEL CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE ENABLE_TENSOR_PARALLEL
TBB_PARTITIONER DYNAMIC_QUANTIZATION_GROUP_SIZE KV_CACHE_PRECISION KEY_CACHE_PRECISION
VALUE_CACHE_PRECISION KEY_CACHE_GROUP_SIZE VALUE_CACHE_GROUP_SIZE RUNTIME_REQUIREMENTS
LOADED_FROM_CACHE MODEL_PRIORITY CACHE_DIR"""


def compiled(config: dict[str, Any] | None = None) -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(one_add(), "CPU", config)


def test_every_property_of_the_device_is_listed_and_can_be_read() -> None:
    core = coinfer.Core()
    supported = core.get_property("CPU", properties.supported_properties)
    assert set(OF_THE_DEVICE.split()) <= set(supported)
    for name, access in supported.items():
        core.get_property("CPU", name)
        if access == "RO":
            with pytest.raises(RuntimeError, match=f"{name} is read-only"):
                core.set_property("CPU", {name: "1"})


def test_every_property_of_a_compiled_model_is_listed_and_can_be_read() -> None:
    model = compiled()
    supported = model.get_property("SUPPORTED_PROPERTIES")
    assert set(OF_A_COMPILED_MODEL.split()) == set(supported)
    assert set(supported.values()) == {"RO"}
    for name in supported:
        model.get_property(name)
    with pytest.raises(RuntimeError, match="FULL_DEVICE_NAME"):
        model.get_property("FULL_DEVICE_NAME")
    with pytest.raises(RuntimeError, match="NO_SUCH"):
        model.get_property("NO_SUCH")


def test_what_is_written_comes_back_typed() -> None:
    core = coinfer.Core()
    for name, given, back in [
        ("PERFORMANCE_HINT", "THROUGHPUT", hint.PerformanceMode.THROUGHPUT),
        (hint.execution_mode, hint.ExecutionMode.ACCURACY, hint.ExecutionMode.ACCURACY),
        ("PERF_COUNT", "YES", True),
        ("PERF_COUNT", 0, False),
        ("NUM_STREAMS", "2", 2),
        (properties.num_streams, streams.Num.AUTO, -1),
        ("INFERENCE_NUM_THREADS", np.int64(1), 1),
        ("INFERENCE_PRECISION_HINT", "bf16", coinfer.Type.bf16),
        (hint.kv_cache_precision, coinfer.Type.u8, coinfer.Type.u8),
        ("CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE", 0.5, 0.5),
        ("MODEL_DISTRIBUTION_POLICY", {hint.ModelDistributionPolicy.TENSOR_PARALLEL}, None),
        ("LOG_LEVEL", log.Level.INFO, log.Level.INFO),
        (hint.model_priority, hint.Priority.HIGH, hint.Priority.HIGH),
        ("MODEL_PRIORITY", "DEFAULT", hint.Priority.MEDIUM),
        (properties.cache_dir, "/tmp/none", "/tmp/none"),
        ("TBB_PARTITIONER", "AUTO", intel_cpu.TbbPartitioner.AUTO),
    ]:
        core.set_property("CPU", {name: given})
        read = core.get_property("CPU", name)
        assert read == (given if back is None else back), name
        assert type(read) is type(given if back is None else back), name
    assert core.get_property("CPU", device.type) is device.Type.INTEGRATED
    assert core.get_property("CPU", properties.range_for_streams)[0] == 1


def test_a_cores_properties_are_defaults_that_a_model_overrides() -> None:
    core = coinfer.Core()
    core.set_property("CPU", {"PERFORMANCE_HINT": "THROUGHPUT", "PERF_COUNT": True})
    default = core.compile_model(one_add(), "CPU")
    own = core.compile_model(one_add(), "CPU", {"PERF_COUNT": False})
    core.set_property("CPU", {"PERFORMANCE_HINT": "LATENCY"})
    later = core.compile_model(one_add(), "CPU")
    assert default.get_property("PERFORMANCE_HINT") == "THROUGHPUT"
    assert (default.get_property("PERF_COUNT"), own.get_property("PERF_COUNT")) == ("YES", "NO")
    assert own.get_property("PERFORMANCE_HINT") == "THROUGHPUT"
    assert later.get_property("PERFORMANCE_HINT") == "LATENCY"
    assert coinfer.Core().get_property("CPU", "PERF_COUNT") is False


def test_what_has_no_effect_is_reported_as_it_is_in_force() -> None:
    model = compiled({"ENABLE_CPU_RESERVATION": True, "SCHEDULING_CORE_TYPE": "PCORE_ONLY"})
    assert model.get_property("ENABLE_CPU_RESERVATION") is False
    assert model.get_property(hint.scheduling_core_type) is hint.SchedulingCoreType.ANY_CORE


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("NUM_STREAMS", "many", "AUTO"),
        ("NUM_STREAMS", -3, "from 0"),
        ("INFERENCE_NUM_THREADS", -1, "from 0"),
        ("INFERENCE_NUM_THREADS", 2.5, "from 0"),
        ("PERFORMANCE_HINT", "FAST", "LATENCY, THROUGHPUT"),
        ("PERFORMANCE_HINT_NUM_REQUESTS", -1, "from 0"),
        ("PERF_COUNT", "maybe", "boolean"),
        ("INFERENCE_PRECISION_HINT", "i8", "f32"),
        ("KV_CACHE_PRECISION", "f99", "u8"),
        ("CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE", 3.0, "from 0 to 1"),
        ("CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE", float("nan"), "from 0 to 1"),
        ("MODEL_PRIORITY", "URGENT", "LOW, MEDIUM, HIGH"),
        ("DEVICE_ID", "1", "one of"),
        ("MODEL_DISTRIBUTION_POLICY", {"PIPELINE_PARALLEL"}, "TENSOR_PARALLEL"),
        ("CACHE_DIR", 5, "a text"),
        ("LOG_LEVEL", "LOUD", "LOG_NONE"),
    ],
)
def test_wrong_values_name_the_property_and_what_was_expected(
    name: str, value: Any, expected: str
) -> None:
    for attempt in (
        lambda: coinfer.Core().set_property("CPU", {name: value}),
        lambda: compiled({name: value}),
    ):
        with pytest.raises(RuntimeError, match=name) as error:
            attempt()
        assert expected in str(error.value)


def test_typed_properties_give_pairs_and_refuse_other_types() -> None:
    mode = hint.PerformanceMode.LATENCY
    assert (int(mode), mode.name, repr(mode)) == (1, "LATENCY", "<PerformanceMode.LATENCY: 1>")
    assert mode < hint.PerformanceMode.THROUGHPUT
    pair = hint.performance_mode(hint.PerformanceMode.LATENCY)
    assert pair == ("PERFORMANCE_HINT", hint.PerformanceMode.LATENCY)
    assert properties.enable_profiling() == properties.enable_profiling == "PERF_COUNT"
    assert properties.enable_profiling(1) == ("PERF_COUNT", True)
    assert properties.num_streams(streams.Num(3)) == ("NUM_STREAMS", 3)
    for wrong in (
        lambda: properties.enable_profiling("foo"),
        lambda: hint.num_requests("x"),
        lambda: hint.performance_mode("LATENCY"),
        lambda: properties.num_streams("x"),
        lambda: properties.cache_dir(3),
        lambda: properties.inference_num_threads(2.5),
        lambda: hint.inference_precision("f32"),
        lambda: properties.supported_properties(3),
    ):
        with pytest.raises(TypeError):
            wrong()
    core = coinfer.Core()
    core.set_property("CPU", dict([pair, properties.enable_profiling(True)]))
    core.set_property(properties.cache_dir("/tmp/none"))
    assert core.get_property(properties.cache_dir) == "/tmp/none"
    assert pickle.loads(pickle.dumps(hint.num_requests)) == "PERFORMANCE_HINT_NUM_REQUESTS"


def test_profiling_names_operators_as_openvino_does() -> None:
    shape = [1, 2, 4, 4]
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Relu", ["c"], ["y"])]
    ports = [("x", F32, shape)], [("y", F32, shape)]
    weights = {"w": np.ones((2, 2, 1, 1), np.float32)}
    model = build("convolution", nodes, *ports, weights).SerializeToString()
    request = coinfer.compile_model(model, "CPU", {"PERF_COUNT": True}).create_infer_request()
    request.infer([np.ones(shape, np.float32)])
    kinds = "+".join(info.node_type for info in request.profiling_info).split("+")
    assert "Convolution" in kinds
    assert "Conv" not in kinds


def test_profiling_tells_each_nodes_time_when_it_is_on() -> None:
    model = compiled({properties.enable_profiling: True})
    request = model.create_infer_request()
    assert {info.status for info in request.profiling_info} == {coinfer.ProfilingInfo.NOT_RUN}
    for _ in range(2):
        request.infer([np.ones((1, 16), np.float32)])
        (info,) = request.get_profiling_info()
        assert info.status == coinfer.ProfilingInfo.Status.EXECUTED
        assert info.node_type == "Add"
        assert info.exec_type
        assert info.real_time == info.cpu_time
        # One node is the whole inference. A sum of 16 numbers may take less than a microsecond.
        assert 0 <= info.real_time.total_seconds() * 1e3 <= request.latency + 0.001


def test_profiling_tells_times_of_nodes_that_take_their_time() -> None:
    layers = 3
    config = {"PERF_COUNT": True, **IN_F32}
    model = coinfer.compile_model(slow(layers).SerializeToString(), "CPU", config)
    request = model.create_infer_request()
    request.infer([np.eye(512, dtype=np.float32)])
    products = [info for info in request.profiling_info if "MatMul" in info.node_type]
    assert len(products) == layers
    for info in products:
        assert info.status == coinfer.ProfilingInfo.EXECUTED
        assert info.real_time.total_seconds() > 0
    total = sum(info.real_time.total_seconds() for info in request.profiling_info)
    assert total * 1e3 <= request.latency + 0.001


def test_profiling_that_is_off_lists_nodes_without_times() -> None:
    request = compiled().create_infer_request()
    request.infer([np.ones((1, 16), np.float32)])
    (info,) = request.profiling_info
    assert info.status == coinfer.ProfilingInfo.NOT_RUN
    assert not info.real_time
    assert not coinfer.ProfilingInfo().node_name


def test_released_memory_is_taken_again() -> None:
    model = compiled()
    request = model.create_infer_request()
    before = request.infer([np.ones((1, 16), np.float32)])[0]
    model.release_memory()
    assert np.array_equal(request.infer()[0], before)


@pytest.mark.parametrize("level", [log.Level.WARNING, log.Level.ERR])
def test_slow_implementations_are_told(level: log.Level, capfd: pytest.CaptureFixture[str]) -> None:
    nodes = [helper.make_node("MatMul", ["x", "x"], ["y"])]
    ports = [("x", TensorProto.INT32, [3, 3])], [("y", TensorProto.INT32, [3, 3])]
    model = build("slow", nodes, *ports, {}).SerializeToString()
    coinfer.compile_model(model, "CPU", {"LOG_LEVEL": level})
    told = capfd.readouterr().err
    line = "coinfer: slow: y (MatMul) is computed by a slow implementation: plain loops\n"
    assert told == (line if level == log.Level.WARNING else "")
