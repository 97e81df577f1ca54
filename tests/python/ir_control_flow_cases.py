"""Models with If, Loop and TensorIterator, as OpenVINO makes them and answers them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ir_cases
import numpy as np
from ir_cases import Array, Case

rng = np.random.default_rng(12)
CASES: dict[str, Case] = {}


def real(*shape: int, low: float = -2, high: float = 2) -> Array:
    return rng.uniform(low, high, shape).astype(np.float32)


def case(name: str, build: Callable[..., Any], *inputs: Any) -> None:
    assert name not in CASES
    CASES[name] = build, [np.asarray(value) for value in inputs]


def model(results: list[Any], parameters: list[Any]) -> Any:
    import openvino

    return openvino.Model(results, parameters, "body")


def branches(o: Any, condition: Any, x: Any, y: Any) -> Any:
    """``x + y`` or ``x * 3``; an input that both branches read, and one that only one reads."""
    x1, y1, x2 = (o.parameter(v.shape, v.get_element_type()) for v in (x, y, x))
    then = o.result(o.add(x1, y1))
    other = o.result(o.multiply(x2, np.float32(3)))
    node = o.if_op(condition.output(0))
    node.set_then_body(model([then], [x1, y1]))
    node.set_else_body(model([other], [x2]))
    node.set_input(x.output(0), x1, x2)
    node.set_input(y.output(0), y1, None)
    node.set_output(then, other)
    return node


def two_results(o: Any, condition: Any, x: Any) -> Any:
    """Results in another order than in the bodies; one branch gives what it was given."""
    a, b = o.parameter([2, 3], np.float32), o.parameter([2, 3], np.float32)
    a1, a2 = o.result(o.exp(a)), o.result(o.negative(a))
    b1, b2 = o.result(b), o.result(o.add(b, np.float32(1)))
    node = o.if_op(condition.output(0))
    node.set_then_body(model([a2, a1], [a]))
    node.set_else_body(model([b1, b2], [b]))
    node.set_input(x.output(0), a, b)
    node.set_output(a1, b1)
    node.set_output(a2, b2)
    return node


for truth in (True, False):
    case(f"if_{truth}", branches, np.bool_(truth), real(2, 3), real(3))
    case(f"if_two_results_{truth}", two_results, np.bool_(truth), real(2, 3))


def running_sum(
    o: Any, x: Any, h: Any, part: int, backwards: bool, axis: int, stacked_backwards: bool
) -> Any:
    """Sums parts of x up to h; the last sum, and all of them along `axis`."""
    shape = list(x.shape)
    shape[axis] = part
    piece, carried = o.parameter(shape, np.float32), o.parameter(h.shape, np.float32)
    total = o.result(o.add(carried, o.reduce_sum(piece, np.int64([axis]), True)))
    node = o.tensor_iterator()
    node.set_body(model([total], [piece, carried]))
    walk = (-1, -part, part, 0) if backwards else (0, part, part, -1)
    node.set_sliced_input(piece, x.output(0), *walk, axis)
    node.set_merged_input(carried, h.output(0), total.output(0))
    node.get_iter_value(total.output(0), -1)
    walk = (-1, -1, 1, 0) if stacked_backwards else (0, 1, 1, -1)
    node.get_concatenated_slices(total.output(0), *walk, axis)
    return node


for part in (1, 2):
    for backwards in (False, True):
        for axis in (0, 1):
            case(
                f"tensor_iterator_{part}_{backwards}_{axis}",
                lambda o, x, h, p=part, b=backwards, a=axis: running_sum(o, x, h, p, b, a, b),
                real(4, 6, 3),
                real(*((1, 6, 3) if axis == 0 else (4, 1, 3))),
            )
case(
    "tensor_iterator_turned",
    lambda o, x, h: running_sum(o, x, h, 1, False, 1, True),
    real(2, 5, 3),
    real(2, 1, 3),
)


def partly(o: Any, x: Any, walk: tuple[int, int, int, int]) -> Any:
    """Squares of the first or the last parts of x."""
    piece = o.parameter([walk[2], 3], np.float32)
    square = o.result(o.multiply(piece, piece))
    node = o.tensor_iterator()
    node.set_body(model([square], [piece]))
    node.set_sliced_input(piece, x.output(0), *walk, 0)
    node.get_concatenated_slices(square.output(0), 0, walk[2], walk[2], -1, 0)
    return node


# start, stride, part, end
for partial in ((0, 1, 1, -3), (0, 2, 2, -3), (-1, -1, 1, 3), (-1, -2, 2, 2)):
    case(
        f"tensor_iterator_partly_{partial[1]}_{partial[3]}",
        lambda o, x, walk=partial: partly(o, x, walk),
        real(8, 3),
    )


def once(o: Any, x: Any) -> Any:
    """Without slices the body is run once."""
    carried = o.parameter([2], np.float32)
    more = o.result(o.add(carried, np.float32(1)))
    node = o.tensor_iterator()
    node.set_body(model([more], [carried]))
    node.set_merged_input(carried, x.output(0), more.output(0))
    node.get_iter_value(more.output(0), -1)
    return node


case("tensor_iterator_once", once, real(2))


def cells(o: Any, x: Any, h: Any, c: Any) -> Any:
    """A TensorIterator around an LSTMCell: all states h, and the last h and c."""
    step = o.parameter([2, 1, 4], np.float32)
    before = [o.parameter([2, 3], np.float32) for _ in range(2)]
    cell = o.lstm_cell(o.squeeze(step, np.int64([1])), *before, *CELL, 3)
    after = [o.result(cell.output(i)) for i in range(2)]
    each = o.result(o.unsqueeze(cell.output(0), np.int64([1])))
    node = o.tensor_iterator()
    node.set_body(model([*after, each], [step, *before]))
    node.set_sliced_input(step, x.output(0), 0, 1, 1, -1, 1)
    for inner, value, made in zip(before, (h, c), after, strict=True):
        node.set_merged_input(inner, value.output(0), made.output(0))
    node.get_concatenated_slices(each.output(0), 0, 1, 1, -1, 1)
    for made in after:
        node.get_iter_value(made.output(0), -1)
    return node


CELL = [real(12, 4), real(12, 3), real(12)]
case("tensor_iterator_lstm", cells, real(2, 6, 4), real(2, 3), real(2, 3))


def loop(
    o: Any,
    x: Any,
    y: Any,
    trips: Any,
    condition: Callable[[Any, Any], Any],
    number: tuple[Any, list[int]] = (np.int64, []),
) -> Any:
    """``y += row of x + y * iteration``: slices, a carried and a constant value, the iteration."""
    iteration = o.parameter(number[1], number[0])
    carried, same = o.parameter([2], np.float32), o.parameter([2], np.float32)
    row = o.parameter([1, 2], np.float32)
    more = o.multiply(same, o.convert(iteration, "f32"))
    total = o.add(o.add(carried, o.squeeze(row, np.int64([0]))), more)
    goes_on = o.result(condition(o, total))
    last, each = o.result(total), o.result(o.unsqueeze(total, np.int64([0])))
    node = o.loop(trips, o.constant(np.bool_(True)))
    node.set_function(model([each, last, goes_on], [iteration, same, carried, row]))
    node.set_special_body_ports([0, 2])
    node.set_sliced_input(row, x.output(0), 0, 1, 1, -1, 0)
    node.set_merged_input(carried, y.output(0), last.output(0))
    node.set_invariant_input(same, y.output(0))
    node.get_iter_value(last.output(0), -1)
    node.get_concatenated_slices(each.output(0), 0, 1, 1, -1, 0)
    return node


def always(o: Any, _: Any) -> Any:
    return o.constant(np.bool_(True))


def below_ten(o: Any, total: Any) -> Any:
    return o.less(o.reduce_max(total, np.int64([0]), False), np.float32(10))


rows, start = np.float32(np.arange(8).reshape(4, 2)), np.float32([1, 2])
case("loop_all", lambda o, x, y: loop(o, x, y, o.constant(np.int64(4)), always), rows, start)
case(
    "loop_i32",
    lambda o, x, y: loop(o, x, y, o.constant(np.int32([3])), always, (np.int32, [1])),
    rows,
    start,
)
case("loop_while", lambda o, x, y: loop(o, x, y, o.constant(np.int64(-1)), below_ten), rows, start)
case(
    "loop_counted",
    lambda o, x, y, n: loop(o, x, y, n, always),
    rows,
    start,
    np.int64(2),
)


def growing(o: Any, x: Any, n: Any) -> Any:
    """A value whose shape grows with each iteration."""
    carried = o.parameter([-1], np.float32)
    longer = o.result(o.concat([carried, np.float32([7])], 0))
    goes_on = o.result(o.constant(np.bool_(True)))
    node = o.loop(n, o.constant(np.bool_(True)))
    node.set_function(model([goes_on, longer], [carried]))
    node.set_special_body_ports([-1, 0])
    node.set_merged_input(carried, x.output(0), longer.output(0))
    node.get_iter_value(longer.output(0), -1)
    return node


case("loop_growing", growing, real(2), np.int64(3))


def if_in_loop(o: Any, x: Any, y: Any) -> Any:
    """The body's branch depends on the iteration, and reads values of both levels."""
    iteration = o.parameter([], np.int64)
    carried, same = o.parameter([2, 3], np.float32), o.parameter([3], np.float32)
    first = o.equal(iteration, np.int64(0))
    inner = branches(o, first, carried, same)
    goes_on, last = o.result(o.constant(np.bool_(True))), o.result(inner.output(0))
    node = o.loop(o.constant(np.int64(3)), o.constant(np.bool_(True)))
    node.set_function(model([goes_on, last], [iteration, carried, same]))
    node.set_special_body_ports([0, 0])
    node.set_merged_input(carried, x.output(0), last.output(0))
    node.set_invariant_input(same, y.output(0))
    node.get_iter_value(last.output(0), -1)
    return node


case("if_in_loop", if_in_loop, real(2, 3), real(3))

if __name__ == "__main__":
    ir_cases.write(Path(sys.argv[1]), CASES)
