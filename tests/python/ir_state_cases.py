"""Models with variables, as OpenVINO makes them and answers them.

Run as a program in the peers' environment this file writes each model as ``<folder>/<name>.xml``
with the results of three inferences, a reset, and three more as ``<name>.npz``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

#: Three inferences, then a reset and three more.
INPUTS = [np.array(x, np.float32) for x in ([1, 2], [3, 4], [-5, 6])]

# (the builders, the variable, x) -> what is read
Read = Callable[[Any, Any, Any], Any]
# the declared shape, that of x, what is read
CASES: dict[str, tuple[list[int], list[int], Read]] = {
    "plain": ([2], [2], lambda o, v, _: o.read_value(v)),
    "constant": ([2], [2], lambda o, v, _: o.read_value(o.constant(np.float32([10, 20])), v)),
    "computed": ([2], [2], lambda o, v, x: o.read_value(o.multiply(x, np.float32(3)), v)),
    "dynamic": ([-1], [-1], lambda o, v, x: o.read_value(o.multiply(x, np.float32(3)), v)),
}


def build(name: str) -> Any:
    import openvino
    from openvino import opset14 as o
    from openvino.op.util import Variable, VariableInfo

    declared, given, read = CASES[name]
    info = VariableInfo()
    info.data_shape = openvino.PartialShape(declared)
    info.data_type = openvino.Type.f32
    info.variable_id = "total"
    variable = Variable(info)
    x = o.parameter(given, np.float32, name="x")
    before = read(o, variable, x)
    after = o.add(before, x)
    return openvino.Model(
        [o.result(after), o.result(before)], [o.assign(after, variable)], [x], name
    )


def build_old() -> Any:
    """The operators of opset3: the variable is as its initial value."""
    import openvino
    from openvino import opset3 as o

    x = o.parameter([2], np.float32, name="x")
    before = o.read_value(o.constant(np.float32([5, 6])), "old")
    after = o.add(before, x)
    return openvino.Model([o.result(after), o.result(before)], [o.assign(after, "old")], [x], "old")


def growing_memory() -> Any:
    """A variable that grows with each inference, as the keys of a transformer do."""
    import openvino
    from openvino import opset14 as o
    from openvino.op.util import Variable, VariableInfo

    info = VariableInfo()
    info.data_shape = openvino.PartialShape([-1])
    info.data_type = openvino.Type.f32
    info.variable_id = "keys"
    variable = Variable(info)
    x = o.parameter([2], np.float32, name="x")
    before = o.read_value(o.constant(np.zeros(0, np.float32)), variable)
    after = o.concat([before, x], 0)
    total = o.reduce_sum(after, np.int64([0]), False)
    return openvino.Model(
        [o.result(after), o.result(total)], [o.assign(after, variable)], [x], "growing"
    )


def low_latency(constant: bool) -> Any:
    """A TensorIterator of one step that OpenVINO turned into a variable."""
    import openvino
    from openvino import opset14 as o
    from openvino._offline_transformations import apply_low_latency_transformation

    x = o.parameter([2], np.float32, name="x")
    row, carried = o.parameter([1, 2], np.float32), o.parameter([1, 2], np.float32)
    total = o.result(o.add(row, carried))
    loop = o.tensor_iterator()
    loop.set_body(openvino.Model([total], [row, carried], "body"))
    rows = o.unsqueeze(x, np.int64([0]))
    loop.set_sliced_input(row, rows.output(0), 0, 1, 1, -1, 0)
    loop.set_merged_input(carried, o.constant(np.float32([[5, 6]])).output(0), total.output(0))
    loop.get_iter_value(total.output(0), -1)
    model = openvino.Model([o.result(loop.output(0)), o.result(o.negative(x))], [x], "latency")
    apply_low_latency_transformation(model, constant)
    return model


def several() -> Any:
    """Variables that are read, assigned and made in different orders."""
    import openvino
    from openvino import opset14 as o
    from openvino.op.util import Variable, VariableInfo

    x = o.parameter([2], np.float32, name="x")
    variables, sums = [], []
    for factor, name in enumerate(["b", "a", "c"]):
        info = VariableInfo()
        info.data_shape = openvino.PartialShape([2])
        info.data_type = openvino.Type.f32
        info.variable_id = name
        variables.append(Variable(info))
        sums.append(o.add(o.read_value(variables[-1]), o.multiply(x, np.float32(factor + 2))))
    sinks = [o.assign(sums[i], variables[i]) for i in (1, 2, 0)]
    return openvino.Model([o.result(sums[2]), o.result(sums[0])], sinks, [x], "several")


def variable(length: int) -> Any:
    import openvino
    from openvino.op.util import Variable, VariableInfo

    info = VariableInfo()
    info.data_shape = openvino.PartialShape([length])
    info.data_type = openvino.Type.f32
    info.variable_id = "total"
    return Variable(info)


def in_loop(counted: bool, initial: list[float] | None) -> Any:
    """A running sum over the elements of x that goes on with the next inference."""
    import openvino
    from openvino import opset14 as o

    x = o.parameter([2], np.float32, name="x")
    element = o.parameter([1], np.float32)
    memory = variable(1)
    given = [] if initial is None else [o.constant(np.float32(initial))]
    total = o.add(o.read_value(*given, memory), element)
    each = o.result(total)
    goes_on = o.result(o.constant(np.bool_(True)))
    if counted:
        loop = o.loop(o.constant(np.int64(2)), o.constant(np.bool_(True)))
        body = openvino.Model([each, goes_on], [o.assign(total, memory)], [element], "body")
        loop.set_function(body)
        loop.set_special_body_ports([-1, 1])
    else:
        loop = o.tensor_iterator()
        loop.set_body(openvino.Model([each], [o.assign(total, memory)], [element], "body"))
    loop.set_sliced_input(element, x.output(0), 0, 1, 1, -1, 0)
    loop.get_concatenated_slices(each.output(0), 0, 1, 1, -1, 0)
    return openvino.Model([o.result(loop.output(0)), o.result(o.negative(x))], [x], "in_loop")


def in_branch() -> Any:
    """A sum that grows when x is mostly positive, and else stays."""
    import openvino
    from openvino import opset14 as o

    memory = variable(2)
    x = o.parameter([2], np.float32, name="x")
    given, other = o.parameter([2], np.float32), o.parameter([2], np.float32)
    total = o.add(o.read_value(o.constant(np.float32([5, 6])), memory), given)
    then, otherwise = o.result(total), o.result(o.negative(other))
    positive = o.greater(o.reduce_sum(x, np.int64([0]), False), np.float32(2))
    branch = o.if_op(positive.output(0))
    branch.set_then_body(openvino.Model([then], [o.assign(total, memory)], [given], "then"))
    branch.set_else_body(openvino.Model([otherwise], [other], "else"))
    branch.set_input(x.output(0), given, other)
    branch.set_output(then, otherwise)
    return openvino.Model([o.result(branch.output(0)), o.result(positive)], [x], "in_branch")


OTHERS: dict[str, Callable[[], Any]] = {
    "old": build_old,
    "growing": growing_memory,
    "several": several,
    "in_iterator": lambda: in_loop(False, None),
    "in_iterator_constant": lambda: in_loop(False, [10]),
    "in_loop": lambda: in_loop(True, None),
    "in_loop_constant": lambda: in_loop(True, [10]),
    "in_branch": in_branch,
    "latency_constant": lambda: low_latency(True),
    "latency_computed": lambda: low_latency(False),
}
NAMES = [*CASES, *OTHERS]


def write(folder: Path) -> None:
    import openvino

    core = openvino.Core()
    for name in NAMES:
        model = OTHERS[name]() if name in OTHERS else build(name)
        openvino.save_model(model, str(folder / f"{name}.xml"), compress_to_fp16=False)
        request = core.compile_model(
            model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        ).create_infer_request()
        answers = []
        for _ in range(2):
            for x in INPUTS:
                results = request.infer([x])
                answers += [results[0], results[1], request.query_state()[0].state.data.copy()]
            request.reset_state()
        np.savez(folder / f"{name}.npz", *answers)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
