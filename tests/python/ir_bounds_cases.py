"""Models whose shapes have bounds, as OpenVINO makes them and infers them.

Run in the peers' environment this file writes each model as ``<folder>/<name>.xml``, and as
``shapes.json`` the shapes of its results, as they are saved and after each reshape.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SAVED = "1..8,1..128,12"
RESHAPES = ["2..4,3..5,12", "2,3..7,12", "1..8,?,12"]

# (the builders, x, its shape as a tensor) -> the result
CASES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "split_last": lambda o, x, s: o.reshape(
        x, o.concat([part(o, s, 0, 2), np.int64([3, 4])], 0), False
    ),
    "joined": lambda o, x, s: o.reshape(x, o.concat([part(o, s, 0, 1), np.int64([-1])], 0), False),
    "rows": lambda o, x, s: o.reshape(x, np.int64([-1, 12]), False),
    "copied": lambda o, x, s: o.reshape(x, np.int64([0, -1]), True),
    "product": lambda o, x, s: o.reshape(
        x,
        o.concat(
            [
                o.unsqueeze(o.reduce_prod(part(o, s, 0, 2), np.int64([0]), False), np.int64([0])),
                part(o, s, 2, 3),
            ],
            0,
        ),
        False,
    ),
    "broadcast": lambda o, x, s: o.broadcast(o.reduce_sum(x, np.int64([1]), True), s),
    "filled": lambda o, x, s: o.broadcast(
        o.constant(np.float32(1)),
        o.concat([part(o, s, 1, 2), o.multiply(part(o, s, 0, 1), np.int64([2]))], 0),
    ),
    "without_first": lambda o, x, s: cut(o, x, 1, 2**63 - 1),
    "without_last": lambda o, x, s: cut(o, x, 0, -1),
    "last_three": lambda o, x, s: cut(o, x, -3, 2**63 - 1),
    "middle": lambda o, x, s: cut(o, x, 1, -2),
    "table": lambda o, x, s: o.slice(
        o.constant(np.zeros((1, 512, 12), np.float32)),
        np.int64([0]),
        part(o, s, 1, 2),
        np.int64([1]),
        np.int64([1]),
    ),
    "position": lambda o, x, s: o.add(
        x,
        o.slice(
            o.constant(np.zeros((1, 512, 12), np.float32)),
            np.int64([0]),
            part(o, s, 1, 2),
            np.int64([1]),
            np.int64([1]),
        ),
    ),
    "halves": lambda o, x, s: o.reshape(
        o.concat([x, x], 1),
        o.concat([part(o, s, 0, 1), np.int64([2]), part(o, s, 1, 2), np.int64([12])], 0),
        False,
    ),
    "attention": lambda o, x, s: o.matmul(x, o.transpose(x, np.int64([0, 2, 1])), False, False),
    "sum": lambda o, x, s: o.add(x, o.reduce_max(x, np.int64([0]), True)),
    "added": lambda o, x, s: o.add(
        x, o.transpose(o.transpose(x, np.int64([1, 0, 2])), np.int64([1, 0, 2]))
    ),
}


def part(o: Any, shape: Any, begin: int, end: int) -> Any:
    indices = np.arange(begin, end)
    return o.gather(shape, o.constant(indices.astype(np.int64)), np.int64(0))


def cut(o: Any, x: Any, begin: int, end: int) -> Any:
    return o.slice(x, np.int64([begin]), np.int64([end]), np.int64([1]), np.int64([1]))


def write(folder: Path) -> None:
    import openvino
    from openvino import opset14 as o

    core = openvino.Core()
    shapes = {}
    for name, build in CASES.items():
        x = o.parameter(openvino.PartialShape(SAVED), np.float32, name="x")
        result = o.result(build(o, x, o.shape_of(x)))
        model = openvino.Model([result], [x], name)
        path = folder / f"{name}.xml"
        openvino.save_model(model, path, compress_to_fp16=False)
        model = core.read_model(path)
        shapes[name] = [str(model.outputs[0].partial_shape)]
        for shape in RESHAPES:
            model.reshape(openvino.PartialShape(shape))
            shapes[name].append(str(model.outputs[0].partial_shape))
    (folder / "shapes.json").write_text(json.dumps(shapes))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
