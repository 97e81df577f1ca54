"""What snippets may ask for by the names of their parameters; each is made when first asked for."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

F32 = {"INFERENCE_PRECISION_HINT": "f32"}


class Paths(dict[str, str]):
    """Model files by name; `paths.read(name)` gives the bytes."""

    def read(self, name: str) -> bytes:
        return Path(self[name]).read_bytes()

    def stream(self, name: str) -> io.BytesIO:
        return io.BytesIO(self.read(name))


class World:
    """One snippet's own objects of one module, `coinfer` or `openvino`."""

    def __init__(self, ov: ModuleType, paths: dict[str, str]) -> None:
        self._made: dict[str, Any] = {"ov": ov, "np": np, "paths": Paths(paths)}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = MAKERS[name](self)
        return self._made[name]

    def compiled(self, name: str, config: dict[str, str] = F32) -> Any:
        # Read from bytes: OpenVINO forgets the name of a model that it reads from a file.
        model = self["core"].read_model(self["paths"].read(name))
        return self["core"].compile_model(model, "CPU", config)


def read_only(world: World) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = world["a"].copy()
    array.flags.writeable = False
    return array


MAKERS: dict[str, Callable[[World], Any]] = {
    "core": lambda w: w["ov"].Core(),
    # difference = x - y, f32 [2,3]: swapped inputs are seen
    "model": lambda w: w["core"].read_model(w["paths"].read("sub")),
    "sub": lambda w: w.compiled("sub"),
    "request": lambda w: w["sub"].create_infer_request(),
    "queue": lambda w: w["ov"].AsyncInferQueue(w["sub"], 2),
    # y = x + 1, f32 [2]
    "single": lambda w: w.compiled("single"),
    "scalar": lambda w: w.compiled("scalar"),
    # plus, positive, total (a scalar), large (bool) of x, f32 [2,3]
    "many": lambda w: w.compiled("many"),
    # difference = x - y, f32 [?,?]
    "dynamic": lambda w: w.compiled("dynamic"),
    # total of the rows of x, f32 [?,3] -> [?]
    "rows": lambda w: w.compiled("rows"),
    # sum = variable 'total' + x, which is assigned, f32 [2]; an OpenVINO IR
    # y = relu(x), f32 [2], with runtime info; an OpenVINO IR
    "noted": lambda w: w["core"].read_model(w["paths"]["noted"]),
    "counter_model": lambda w: w["core"].read_model(w["paths"]["counter"]),
    "counter": lambda w: w["core"].compile_model(w["counter_model"], "CPU", F32),
    # y = x for strings [?]
    # (OpenVINO ends the process when a model of strings gets a precision)
    "strings": lambda w: w.compiled("strings", {}),
    "strings_request": lambda w: w["strings"].create_infer_request(),
    # y = x of a type: typed("int64")
    "typed": lambda w: lambda dtype: w.compiled(f"typed_{dtype}"),
    # long enough to look at it meanwhile, f32 [512,512]
    "slow": lambda w: w.compiled("slow"),
    "a": lambda _: np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": lambda _: np.full((2, 3), 0.5, np.float32),
    "x2": lambda _: np.float32([1, -2]),
    "x512": lambda _: np.eye(512, dtype=np.float32),
    "read_only": read_only,
    "seen": lambda _: [],
}
