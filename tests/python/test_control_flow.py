"""If, Loop and Scan: bodies, captures, shapes that change, cancellation between iterations."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.parser
import pytest

import coinfer
from tests.python.loops import run_asyncio

Array = npt.NDArray[Any]
F32 = {"INFERENCE_PRECISION_HINT": "f32"}


def parse(text: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}')


def compile_text(text: str, config: dict[str, Any] | None = None) -> coinfer.CompiledModel:
    content = parse(text).SerializeToString()
    return coinfer.Core().compile_model(content, "CPU", {**F32, **(config or {})})


def array(*values: float) -> Array:
    return np.array(values, np.float32)


BRANCHES = """
g (bool[] c, float[N] x) => (float[M] y) {
  two = Constant<value = float {2.0}>()
  w = Mul(x, two)
  y = If (c) <
    then_branch = t () => (float[A] a) { a = Add(w, x) },
    else_branch = e () => (float[B] b) { r = Neg(x) b = Concat<axis = 0>(r, w) }
  >
}
"""


def test_an_if_runs_one_branch_and_branches_may_differ_in_shape() -> None:
    compiled = compile_text(BRANCHES)
    x = array(1, 2, 3)
    for _ in range(2):
        np.testing.assert_array_equal(compiled([np.array(True), x])[0], array(3, 6, 9))
        np.testing.assert_array_equal(compiled([np.array(False), x])[0], array(-1, -2, -3, 2, 4, 6))


@pytest.mark.parametrize("chosen", [True, False])
def test_an_if_whose_condition_is_constant_is_its_branch(chosen: bool) -> None:
    compiled = compile_text(f"""
    g (float[3] x) => (float[3] y) {{
      c = Constant<value = bool {{{int(chosen)}}}>()
      y = If (c) <
        then_branch = t () => (float[3] a) {{ a = Relu(x) }},
        else_branch = e () => (float[3] b) {{ b = Neg(x) }}
      >
    }}""")
    expected = array(0, 2, 0) if chosen else array(1, -2, 3)
    np.testing.assert_array_equal(compiled([array(-1, 2, -3)])[0], expected)


def test_a_branch_may_be_a_value_from_outside() -> None:
    compiled = compile_text("""
    g (bool[] c, float[2] x, float[2] y) => (float[2] z, float[2] again) {
      z = If (c) <
        then_branch = t () => (float[2] a) { a = Identity(x) },
        else_branch = e () => (float[2] b) { b = Identity(y) }
      >
      again = Add(z, x)
    }""")
    x, y = array(1, 2), array(3, 4)
    for chosen in (True, False):
        z = x if chosen else y
        results = compiled([np.array(chosen), x, y])
        np.testing.assert_array_equal(results["z"], z)
        np.testing.assert_array_equal(results["again"], z + x)


NESTED = """
g (bool[] c, bool[] d, float[2] x) => (float[2] y) {
  two = Constant<value = float {2.0}>()
  double = Mul(x, two)
  y = If (c) <
    then_branch = t () => (float[2] a) {
      inner = If (d) <
        then_branch = tt () => (float[2] p) { p = Add(double, x) },
        else_branch = te () => (float[2] q) { q = Sub(double, x) }
      >
      a = Mul(inner, double)
    },
    else_branch = e () => (float[2] b) { b = Neg(double) }
  >
}
"""


def test_bodies_are_nested_and_read_values_of_every_level() -> None:
    compiled = compile_text(NESTED)
    x = array(1, 5)
    for c in (True, False):
        for d in (True, False):
            inner = 3 * x if d else x
            expected = inner * 2 * x if c else -2 * x
            result = compiled([np.array(c), np.array(d), x])[0]
            np.testing.assert_array_equal(result, expected)


COUNTING = """
g (int64[] n, bool[] start, float[3] x, float limit) => (float[3] last, float[K,3] all) {
  last, all = Loop (n, start, x) <
    body = b (int64[] i, bool[] go, float[3] v) => (bool[] next, float[3] w, float[3] out) {
      w = Add(v, v)
      out = Mul(w, v)
      top = ReduceMax<keepdims = 0>(w)
      next = Less(top, limit)
    }
  >
}
"""


def powers(x: Array, n: int, start: bool, limit: float) -> tuple[Array, Array]:
    parts: list[Array] = []
    while len(parts) < n and start:
        parts.append(2 * x * x)
        x = 2 * x
        start = bool(x.max() < limit)
    return x, np.array(parts, np.float32).reshape(-1, 3)


@pytest.mark.parametrize(
    ("n", "start", "limit"),
    [(5, True, 1e9), (0, True, 1e9), (-3, True, 1e9), (5, False, 1e9), (100, True, 100.0)],
)
def test_a_loop_ends_by_count_or_condition(n: int, start: bool, limit: float) -> None:
    compiled = compile_text(COUNTING)
    x = array(1, 2, 3)
    for _ in range(2):
        results = compiled([np.array(n), np.array(start), x, np.array(limit, np.float32)])
        last, parts = powers(x, n, start, limit)
        np.testing.assert_array_equal(results["last"], last)
        np.testing.assert_array_equal(results["all"], parts)


def test_a_carried_value_may_grow() -> None:
    compiled = compile_text("""
    g (int64[] n, float[K] x) => (float[M] y, int64[L] sizes) {
      yes = Constant<value = bool {1}>()
      one = Constant<value = int64[1] {1}>()
      y, parts = Loop (n, yes, x) <
        body = b (int64[] i, bool[] go, float[A] v) => (bool[] next, float[B] w, int64[1] size) {
          next = Identity(go)
          f = Cast<to = 1>(i)
          at = Reshape(f, one)
          w = Concat<axis = 0>(v, at)
          size = Shape(w)
        }
      >
      shape = Constant<value = int64[1] {-1}>()
      sizes = Reshape(parts, shape)
    }""")
    for n in (3, 0, 5, 3):
        results = compiled([np.array(n), array(7, 8)])
        np.testing.assert_array_equal(results["y"], array(7, 8, *range(n)))
        np.testing.assert_array_equal(results["sizes"], np.arange(3, 3 + n))


def test_a_loop_in_a_loop_reads_both_counters() -> None:
    compiled = compile_text("""
    g (int64[] n, int64[] m, float[2] x) => (float[2] y) {
      yes = Constant<value = bool {1}>()
      y = Loop (n, yes, x) <
        body = b (int64[] i, bool[] go, float[2] v) => (bool[] next, float[2] w) {
          next = Identity(go)
          w = Loop (m, yes, v) <
            body = c (int64[] j, bool[] on, float[2] p) => (bool[] more, float[2] q) {
              more = Identity(on)
              k = Add(i, j)
              f = Cast<to = 1>(k)
              s = Add(p, f)
              q = Add(s, x)
            }
          >
        }
      >
    }""")
    x = array(1, 2)
    for n, m in ((3, 4), (0, 4), (3, 0), (1, 1)):
        expected = x.copy()
        for i in range(n):
            for j in range(m):
                expected = expected + (i + j) + x
        np.testing.assert_array_equal(compiled([np.array(n), np.array(m), x])[0], expected)


@pytest.mark.parametrize("backwards", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_a_scan_walks_any_axis_in_both_directions(axis: int, backwards: int) -> None:
    compiled = compile_text(f"""
    g (float[1,4] first, float[A,B,C] x) => (float[1,4] last, float[D,E,F] y) {{
      last, y = Scan (first, x) <
        num_scan_inputs = 1,
        scan_input_axes = [{axis}], scan_input_directions = [{backwards}],
        scan_output_axes = [{axis}], scan_output_directions = [{1 - backwards}],
        body = b (float[1,4] s, float[G,H] v) => (float[1,4] t, float[I,J] w) {{
          m = ReduceSum<keepdims = 0>(v)
          t = Add(s, m)
          w = Add(v, m)
        }}
      >
    }}""")
    x = np.random.default_rng(1).integers(-9, 9, (2, 3, 4)).astype(np.float32)
    order = list(np.moveaxis(x, axis, 0))
    order = order[::-1] if backwards else order
    parts = [part + part.sum() for part in order]
    parts = parts if backwards else parts[::-1]
    results = compiled([np.zeros((1, 4), np.float32), x])
    np.testing.assert_array_equal(results["y"], np.stack(parts, axis))
    np.testing.assert_array_equal(results["last"], np.full((1, 4), x.sum()))


def test_a_scan_without_slices_gives_empty_results() -> None:
    compiled = compile_text("""
    g (float[2] first, float[A,2] x) => (float[2] last, float[D,2] y) {
      last, y = Scan <
        num_scan_inputs = 1,
        body = b (float[2] s, float[2] v) => (float[2] t, float[2] w) {
          t = Add(s, v)
          w = Identity(t)
        }
      > (first, x)
    }""")
    results = compiled([array(5, 6), np.zeros((0, 2), np.float32)])
    np.testing.assert_array_equal(results["last"], array(5, 6))
    assert results["y"].shape == (0, 2)


def test_a_body_may_have_stages_of_its_own() -> None:
    compiled = compile_text("""
    g (int64[] n, float[4] x) => (int64[] count, float[K] left) {
      yes = Constant<value = bool {1}>()
      flat = Constant<value = int64[1] {-1}>()
      zero = Constant<value = int64 {0}>()
      one = Constant<value = float {1.0}>()
      count, left = Loop (n, yes, zero, x) <
        body = b (int64[] i, bool[] go, int64[] c, float[A] v)
            => (bool[] next, int64[] d, float[B] w) {
          next = Identity(go)
          where = NonZero(v)
          index = Reshape(where, flat)
          size = Size(index)
          d = Add(c, size)
          some = Gather(v, index)
          w = Sub(some, one)
        }
      >
    }""")
    results = compiled([np.array(3), array(1, 2, 3, 9)])
    np.testing.assert_array_equal(results["left"], array(0, 6))
    assert results["count"] == 4 + 3 + 2


# Never ends by itself.
ENDLESS = """
g (float[64,64] x) => (float[64,64] y) {
  yes = Constant<value = bool {1}>()
  y = Loop ("", yes, x) <
    body = b (int64[] i, bool[] go, float[64,64] v) => (bool[] next, float[64,64] w) {
      next = Identity(go)
      w = Relu(v)
    }
  >
}
"""
ENDLESS_IN_STAGES = """
g (float[8] x) => (float[K] y) {
  yes = Constant<value = bool {1}>()
  y = Loop ("", yes, x) <
    body = b (int64[] i, bool[] go, float[A] v) => (bool[] next, float[B] w) {
      next = Identity(go)
      where = NonZero(v)
      flat = Constant<value = int64[1] {-1}>()
      index = Reshape(where, flat)
      w = Gather(v, index)
    }
  >
}
"""


def endless(text: str) -> tuple[coinfer.InferRequest, Array]:
    # The text format has no way to leave an input out.
    model = parse(text.replace('""', "left_out"))
    for node in model.graph.node:
        if node.op_type == "Loop":
            node.input[0] = ""
    compiled = coinfer.Core().compile_model(model.SerializeToString(), "CPU", F32)
    shape = [8] if "8" in text.partition(")")[0] else [64, 64]
    return compiled.create_infer_request(), np.ones(shape, np.float32)


@pytest.mark.parametrize("text", [ENDLESS, ENDLESS_IN_STAGES], ids=["in place", "in stages"])
def test_an_endless_loop_is_cancelled_and_the_request_is_usable(text: str) -> None:
    request, x = endless(text)
    for _ in range(3):
        request.start_async([x])
        assert not request.wait_for(20)
        request.cancel()
        with pytest.raises(coinfer.Cancelled):
            request.wait()


@pytest.mark.parametrize("text", [ENDLESS, ENDLESS_IN_STAGES], ids=["in place", "in stages"])
def test_an_endless_loop_ends_with_its_deadline_and_others_go_on(text: str) -> None:
    request, x = endless(text)

    async def main() -> None:
        endless_run = request.infer_async([x], timeout=0.2)
        other = compile_text(NESTED)
        result = await other.infer_async([np.array(True), np.array(True), array(1, 2)])
        np.testing.assert_array_equal(result[0], array(6, 24))
        with pytest.raises(TimeoutError):
            await endless_run

    run_asyncio(main())


def test_a_loop_shares_its_stream_with_other_runs() -> None:
    compiled = compile_text(COUNTING, {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1})
    long, short = compiled.create_infer_request(), compiled.create_infer_request()
    zeros, limit = np.zeros(3, np.float32), np.array(1e9, np.float32)
    long.start_async([np.array(2**62), np.array(True), zeros, limit])
    results = short.infer([np.array(2), np.array(True), array(1, 2, 3), limit])
    np.testing.assert_array_equal(results["last"], array(4, 8, 12))
    assert not long.wait_for(0)
    long.cancel()
    with pytest.raises(coinfer.Cancelled):
        long.wait()


def test_a_failure_in_a_body_names_its_node_and_the_request_is_usable() -> None:
    compiled = compile_text("""
    g (int64[] n, int64[K] at, float[4] x) => (float[M] y) {
      yes = Constant<value = bool {1}>()
      y = Loop (n, yes, x) <
        body = b (int64[] i, bool[] go, float[4] v) => (bool[] next, float[4] w) {
          next = Identity(go)
          one = Gather(at, i)
          many = Gather(v, at)
          f = Cast<to = 1>(one)
          s = ReduceSum<keepdims = 0>(many)
          p = Add(v, s)
          w = Add(p, f)
        }
      >
    }""")
    request = compiled.create_infer_request()
    with pytest.raises(coinfer.Error, match="Gather"):
        request.infer([np.array(3), np.array([0, 1]), array(1, 2, 3, 4)])
    good = request.infer([np.array(1), np.array([0, 1]), array(1, 2, 3, 4)])[0]
    np.testing.assert_array_equal(good, array(4, 5, 6, 7))


def test_a_branch_that_cannot_run_fails_only_when_it_is_chosen() -> None:
    compiled = compile_text("""
    g (bool[] c, float[2,3] x) => (float[K] y) {
      y = If (c) <
        then_branch = t () => (float[A] a) {
          flat = Constant<value = int64[1] {-1}>()
          a = Reshape(x, flat)
        },
        else_branch = e () => (float[B] b) {
          four = Constant<value = int64[1] {4}>()
          b = Reshape(x, four)
        }
      >
    }""")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    request = compiled.create_infer_request()
    np.testing.assert_array_equal(request.infer([np.array(True), x])[0], x.ravel())
    with pytest.raises(coinfer.Error, match="Reshape"):
        request.infer([np.array(False), x])
    np.testing.assert_array_equal(request.infer([np.array(True), x])[0], x.ravel())


def test_an_output_may_lie_over_an_input_that_later_stages_read() -> None:
    compiled = compile_text("""
    g (bool[] c, float[2] x) => (float[2] early, float[2] late) {
      early = Neg(x)
      late = If (c) <
        then_branch = t () => (float[2] a) { a = Add(x, early) },
        else_branch = e () => (float[2] b) { b = Sub(x, early) }
      >
    }""")
    request = compiled.create_infer_request()
    for chosen in (True, False):
        shared = coinfer.Tensor(array(1, 2))
        request.set_input_tensor(0, coinfer.Tensor(np.array(chosen)))
        request.set_input_tensor(1, shared)
        request.set_output_tensor(0, shared)
        request.infer()
        np.testing.assert_array_equal(shared.data, array(-1, -2))
        expected = array(0, 0) if chosen else array(2, 4)
        np.testing.assert_array_equal(request.get_output_tensor(1).data, expected)


def test_a_model_without_variables_has_no_state() -> None:
    request = compile_text(NESTED).create_infer_request()
    assert request.query_state() == []
    request.reset_state()


def test_profiling_sums_up_the_iterations() -> None:
    compiled = compile_text(COUNTING, {"PERF_COUNT": True})
    request = compiled.create_infer_request()
    limit = np.array(1e30, np.float32)
    request.infer([np.array(50), np.array(True), array(1, 2, 3), limit])
    nodes = {info.node_type for info in request.profiling_info if info.real_time.total_seconds()}
    assert {"Add", "Multiply"} & nodes
