"""Calls every member of every class with values that nobody should pass.

A program of its own: ``python -m tests.python.hostile_calls KINDS``. Exceptions are what is wanted;
a crash ends it, with the call that it died of as the last line of its output. Lines that begin with
``TEXT`` are errors that speak of C++.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

import coinfer
from tests.python import ir_texts, models

SKIPPED = {
    *("__class__", "__new__", "__del__", "__init_subclass__", "__subclasshook__", "__dir__"),
    *("__reduce__", "__reduce_ex__", "__getattribute__", "__sizeof__", "__module__", "__doc__"),
}
PAIRS = 100  # of arguments, drawn anew for each member


class Evil:
    """Raises whatever is asked of it."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: object) -> object:
        raise ValueError("an item")

    def __index__(self) -> int:
        raise ValueError("an index")

    def __array__(self, *args: object, **named: object) -> object:
        raise ValueError("an array")

    def __eq__(self, other: object) -> bool:
        raise ValueError("a comparison")

    __hash__ = None  # type: ignore[assignment]


def model() -> coinfer.Model:
    return coinfer.Core().read_model(models.two_inputs((1, 4)).SerializeToString())


def image() -> coinfer.preprocess.PrePostProcessor:
    return coinfer.preprocess.PrePostProcessor(
        coinfer.Core().read_model(models.one_add((1, 3, 4, 4)).SerializeToString())
    )


def compiled() -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(model(), "CPU")


def rows() -> bytes:
    return models.one_add((None, 4)).SerializeToString()


def stateful() -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(ir_texts.counter().encode(), "CPU")


# Made anew for each member, for a call may change them.
KINDS: dict[str, Callable[[], Any]] = {
    "core": coinfer.Core,
    "model": model,
    "compiled": compiled,
    "request": lambda: compiled().create_infer_request(),
    "queue": lambda: coinfer.AsyncInferQueue(compiled(), 2),
    "results": lambda: compiled()([np.ones((1, 4), np.float32)] * 2),
    "state": lambda: stateful().create_infer_request().query_state()[0],
    "stateful": lambda: stateful().create_infer_request(),
    "tensor": lambda: coinfer.Tensor(np.ones((2, 3), np.float32)),
    "texts": lambda: coinfer.Tensor(["a", "b"]),
    "const_output": lambda: compiled().input(0),
    "output": lambda: model().output(0),
    "node": lambda: model().get_ops()[-2],
    "parameter": lambda: model().get_parameters()[0],
    "node_input": lambda: model().get_ops()[-2].input(0),
    "rt_info": lambda: model().rt_info,
    "shape": lambda: coinfer.Shape([1, 2]),
    "partial_shape": lambda: coinfer.PartialShape([1, -1]),
    "dimension": lambda: coinfer.Dimension(1, 3),
    "layout": lambda: coinfer.Layout("NCHW"),
    "processor": image,
    "input_info": lambda: image().input(),
    "input_tensor": lambda: image().input().tensor(),
    "steps": lambda: image().input().preprocess(),
    "input_model": lambda: image().input().model(),
    "output_tensor": lambda: image().output().tensor(),
    "post_steps": lambda: image().output().postprocess(),
    "future": lambda: (
        compiled().create_infer_request().infer_async([np.ones((1, 4), np.float32)] * 2)
    ),
    "batcher": lambda: coinfer.Batcher(coinfer.Core().compile_model(rows(), "CPU"), max_batch=4),
    # Their classes and functions.
    "module": lambda: coinfer,
    "preprocess": lambda: coinfer.preprocess,
    "properties": lambda: coinfer.properties,
}


def values() -> list[Any]:
    own = model()
    return [
        *(None, True, -1, 0, 1, 2**31, 2**63, 2**64, -(2**63), 1.5, float("nan"), 2 + 1j),
        *("", "x", "x0", "\ud800", "a\0b", "NHWC", b"", b"xx"),
        *([], [1], [-1], [2**62, 2**62], [[1, 2]], ["x"], (), (1, 2), range(3)),
        *({}, {"x": 1}, {0: np.zeros(2, np.float32)}, {1: 2}, set(), {"x"}),
        *(np.zeros(0), np.zeros((1, 4), np.float32), np.zeros((2, 3), np.int8)),
        *(np.array(None), np.array("text"), np.float32, np.float32(1), object(), Evil(), print),
        *(coinfer.Type.f32, coinfer.Type.u4, coinfer.Shape([2]), coinfer.Layout("N...")),
        *(coinfer.PartialShape.dynamic(), coinfer.Tensor(coinfer.Type.f32, [0])),
        *(coinfer.Tensor(["a"]), coinfer.Core(), own, own.output(0), own.get_ops()[-2]),
        *(compiled(), compiled().input(0), compiled().create_infer_request()),
        *(coinfer.preprocess.ColorFormat.RGB, coinfer.preprocess.ResizeAlgorithm.RESIZE_CUBIC),
    ]


def calls(rng: random.Random, odd: list[Any]) -> Iterator[list[Any]]:
    yield []
    for value in odd:
        yield [value]
    for _ in range(PAIRS):
        yield [rng.choice(odd) for _ in range(rng.choice([2, 2, 3]))]


def attempt(line: str, call: Callable[..., object], *arguments: Any) -> None:
    os.write(1, line.encode("ascii", "backslashreplace") + b"\n")
    try:
        call(*arguments)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, SystemError) or any(s in text for s in ("C++", "Boost", "std::")):
            os.write(1, f"TEXT {line}: {text}\n".encode("ascii", "backslashreplace"))


def call_member(victim: Any, name: str, arguments: list[Any], named: dict[str, Any]) -> None:
    getattr(victim, name)(*arguments, **named)


def shown(value: object) -> str:
    return type(value).__name__ if isinstance(value, Evil) else f"{value!a:.60}".replace("\n", " ")


def is_module(victim: ModuleType, name: str) -> bool:
    return isinstance(getattr(victim, name, None), ModuleType)


def visit(kind: str, rng: random.Random, odd: list[Any]) -> None:
    make = KINDS[kind]
    for name in dir(make()):
        victim = make()
        if name in SKIPPED or (isinstance(victim, ModuleType) and is_module(victim, name)):
            continue
        for arguments in calls(rng, odd):
            given = ", ".join(shown(value) for value in arguments)
            if len(arguments) == 1 and not isinstance(victim, ModuleType):
                attempt(f"{kind}.{name} = {given}", setattr, victim, name, arguments[0])
            attempt(f"{kind}.{name}({given})", call_member, victim, name, arguments, {})
        attempt(f"{kind}.{name}(**odd)", call_member, victim, name, [], {"\ud800": 1, "a b": 2})


async def main() -> None:
    """Inside a loop, so that awaitable inference is called as well."""
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    rng = random.Random(7)
    odd = values()
    for kind in sys.argv[1:]:
        visit(kind, rng, odd)
        await asyncio.sleep(0.01)
    gc.collect()
    os.write(1, b"END\n")


if __name__ == "__main__":
    asyncio.run(main())
