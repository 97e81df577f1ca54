"""Run the snippets under one module: `python -m tests.python.parity.answers MODULE < paths.json`.

Every snippet runs in a child of its own, forked before the module has made any object of its
runtime; so a crash or a hang is an answer like others. Prints {snippet: [answer of each variant]}.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import pkgutil
import re
import select
import signal
import sys
import time
import warnings
from types import ModuleType
from typing import Any

import numpy as np

from tests.python.parity import snippets
from tests.python.parity.declare import Declared, Raised, declared, raised
from tests.python.parity.world import World

#: Seconds that one snippet may take on a loaded machine.
LIMIT = 20.0


def all_snippets() -> list[Declared]:
    """Every snippet of every theme."""
    themes = sorted(one.name for one in pkgutil.iter_modules(snippets.__path__))
    found = [importlib.import_module(f"{snippets.__name__}.{theme}") for theme in themes]
    return [snippet for module in found for snippet in declared(module)]


def number(value: float) -> str:
    return "nan" if math.isnan(value) else f"{value:.6g}"


def comparable(value: Any, module: str) -> Any:
    """The value as JSON: arrays with their dtype, shape, flags and elements, objects by repr."""
    if value is None or isinstance(value, (bool, int, str)):
        return (
            value if type(value) in (type(None), bool, int, str) else [type(value).__name__, value]
        )
    if isinstance(value, Raised):
        return {"raises": value.classes, "text": value.text}
    if isinstance(value, float):
        return ["float", number(value)]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, np.ndarray):
        flags = [f for f in ("WRITEABLE", "OWNDATA", "C_CONTIGUOUS") if value.flags[f]]
        items = [comparable(item, module) for item in value.ravel().tolist()]
        return ["array", value.dtype.str, list(value.shape), flags, items]
    if isinstance(value, np.generic):
        return ["scalar", value.dtype.str, comparable(value.item(), module)]
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return [kind, *(comparable(item, module) for item in value)]
    if isinstance(value, (set, frozenset)):
        return ["set", *sorted(json.dumps(comparable(item, module)) for item in value)]
    if isinstance(value, dict):
        pairs = [[comparable(k, module), comparable(v, module)] for k, v in value.items()]
        return ["dict", *pairs]
    if type(value).__name__ == "OVDict":
        pairs = [[comparable(k, module), comparable(v, module)] for k, v in value.items()]
        return ["OVDict", *pairs]
    if isinstance(value, type):
        return ["class", value.__name__]
    if isinstance(value, BaseException):
        return comparable(raised(value), module)
    text = re.sub(r"openvino\.(_pyopenvino\.)?|coinfer\.(_coinfer\.)?", "", repr(value))
    return [type(value).__name__, re.sub(r" at 0x[0-9a-f]+", "", text)]


def answer(snippet: Declared, case: dict[str, Any], world: World) -> Any:
    module = world["ov"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            given = {
                name: case[name] if name in case else world[name] for name in snippet.parameters
            }
            return comparable(snippet.function(**given), module.__name__)
        except Exception as error:
            return comparable(raised(error), module.__name__)


def run_child(
    snippet: Declared, first: int, module: ModuleType, paths: dict[str, str], write: int
) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    kept = []  # OpenVINO aborts when requests with strings are freed
    for case in snippet.cases[first:]:
        kept.append(World(module, paths))
        os.write(write, json.dumps(answer(snippet, case, kept[-1])).encode() + b"\n")
    os._exit(0)


def read_all(pipe: int, until: float) -> tuple[bytes, bool]:
    """What comes until the other end closes; whether it did in time."""
    data = b""
    while True:
        ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return data, False
        part = os.read(pipe, 1 << 16)
        if not part:
            return data, True
        data += part


def answers_of(snippet: Declared, module: ModuleType, paths: dict[str, str]) -> list[Any]:
    """An answer for each variant; after a crash the rest goes on in a new child."""
    found: list[Any] = []
    while len(found) < len(snippet.cases):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                run_child(snippet, len(found), module, paths, write)
            finally:
                os._exit(1)
        os.close(write)
        data, ended = read_all(read, time.monotonic() + LIMIT)
        os.close(read)
        if not ended:
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found += [json.loads(line) for line in data.split(b"\n")[:-1]]
        if len(found) < len(snippet.cases):
            found.append("crashes" if ended else "hangs")
    return found


def main() -> None:
    name = sys.argv[1]
    given = json.load(sys.stdin)
    module = importlib.import_module(name)
    oracle = name == "openvino"
    wanted = given.get("only")
    result = {}
    for snippet in all_snippets():
        if wanted is not None and snippet.name not in wanted:
            continue
        if oracle and snippet.difference and snippet.difference.memory:
            result[snippet.name] = ["corrupts memory"] * len(snippet.cases)
            continue
        result[snippet.name] = answers_of(snippet, module, given["paths"])
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
