"""Recurrent cells and sequences, as OpenVINO makes them and answers them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ir_cases
import numpy as np
from ir_cases import Array, Case

rng = np.random.default_rng(11)
CASES: dict[str, Case] = {}
BATCH, TIME, INPUT, HIDDEN = 3, 5, 4, 6
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def real(*shape: int, low: float = -2, high: float = 2) -> Array:
    return rng.uniform(low, high, shape).astype(np.float32)


def case(name: str, build: Callable[..., Any], *inputs: Any) -> None:
    assert name not in CASES
    CASES[name] = build, [np.asarray(value) for value in inputs]


def weights(kind: str, directions: int | None, linear: bool = False) -> list[Any]:
    rows = GATES[kind] * HIDDEN
    shapes = [(rows, INPUT), (rows, HIDDEN), (rows + HIDDEN * linear,)]
    front = () if directions is None else (directions,)
    return [real(*front, *shape, low=-0.6, high=0.6) for shape in shapes]


def cell(name: str, kind: str, linear: bool = False, **attributes: Any) -> None:
    constants = weights(kind, None, linear)
    if linear:
        attributes["linear_before_reset"] = True
    if kind == "rnn":  # which has no defaults
        defaults = {"activations": ["tanh"], "activations_alpha": [], "activations_beta": []}
        attributes = defaults | attributes
    states = [real(BATCH, HIDDEN, low=-1, high=1) for _ in range(1 + (kind == "lstm"))]
    case(
        name,
        lambda o, *x: getattr(o, f"{kind}_cell")(*x, *constants, HIDDEN, **attributes),
        real(BATCH, INPUT),
        *states,
    )


def sequence(
    name: str,
    kind: str,
    direction: str,
    lengths: Any = None,
    linear: bool = False,
    **attributes: Any,
) -> None:
    directions = 2 if direction == "bidirectional" else 1
    constants = weights(kind, directions, linear)
    if linear:
        attributes["linear_before_reset"] = True
    count = 1 + (kind == "lstm")
    states = [real(BATCH, directions, HIDDEN, low=-1, high=1) for _ in range(count)]
    case(
        name,
        lambda o, *x: getattr(o, f"{kind}_sequence")(
            *x, *constants, HIDDEN, direction, **attributes
        ),
        real(BATCH, TIME, INPUT),
        *states,
        np.int64([TIME] * BATCH) if lengths is None else lengths,
    )


for kind in GATES:
    cell(f"{kind}_cell", kind)
    cell(f"{kind}_cell_clip", kind, clip=0.4)
    for direction in ("forward", "reverse", "bidirectional"):
        sequence(f"{kind}_{direction}", kind, direction)
        sequence(f"{kind}_{direction}_lengths", kind, direction, np.int32([5, 2, 3]))
    sequence(f"{kind}_clip", kind, "forward", clip=0.4)
cell("gru_cell_linear", "gru", linear=True)
sequence("gru_linear", "gru", "bidirectional", linear=True)
cell("rnn_cell_relu", "rnn", activations=["relu"])
cell("gru_cell_others", "gru", activations=["tanh", "sigmoid"])
cell("lstm_cell_others", "lstm", activations=["tanh", "sigmoid", "relu"])
sequence("lstm_others", "lstm", "bidirectional", activations=["sigmoid", "relu", "tanh"])


def old_cell(o: Any, x: Any, h: Any, c: Any) -> Any:
    """The LSTMCell of opset1, which has peepholes."""
    from openvino import opset1

    return opset1.lstm_cell(x, h, c, *OLD, HIDDEN)


OLD = weights("lstm", None)
case("lstm_cell_old", old_cell, real(BATCH, INPUT), real(BATCH, HIDDEN), real(BATCH, HIDDEN))

for kind in GATES:
    constants = [value.astype(np.float16) for value in weights(kind, 1)]
    states = [real(BATCH, 1, HIDDEN).astype(np.float16) for _ in range(1 + (kind == "lstm"))]
    case(
        f"{kind}_f16",
        lambda o, *x, kind=kind, constants=constants: getattr(o, f"{kind}_sequence")(
            *x, *constants, HIDDEN, "forward"
        ),
        real(BATCH, TIME, INPUT).astype(np.float16),
        *states,
        np.array([TIME] * BATCH, np.int64),
    )

if __name__ == "__main__":
    ir_cases.write(Path(sys.argv[1]), CASES)
