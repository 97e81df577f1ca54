"""Stubs and docstrings: every public name is typed as it is, and says what it does."""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import coinfer
from coinfer import _coinfer


def test_stubtest_finds_no_difference(root: Path, tmp_path: Path) -> None:
    allowed = ["--allowlist", str(root / "tests/python/stubtest.allow")]
    if Path(coinfer.__file__).with_name("libcoinfer.so").exists():  # in an installed package
        (tmp_path / "library").write_text("coinfer\\.libcoinfer\n")
        allowed += ["--allowlist", str(tmp_path / "library")]
    run = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "coinfer", "--concise", *allowed],
        capture_output=True,
        text=True,
        cwd=root,
        timeout=250,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_package_is_marked_as_typed() -> None:
    assert Path(coinfer.__file__).with_name("py.typed").is_file()


ERRORS = re.compile(r"\b\w*Error\b|\bUnsupported\b|\bRequestBusy\b|\b[Rr]aises?\b")


def _names(of: dict[str, str]) -> frozenset[str]:
    return frozenset(
        f"{owner}.{name}" if owner else name
        for owner, names in of.items()
        for name in names.split()
    )


#: What never raises, but for a TypeError for arguments of another class, as all do.
QUIET = _names(
    {
        "": "get_version get_layout has_batch has_channels has_depth has_height has_width "
        "zero_copy_report",
        "Shape": "to_string",
        "Dimension": "dynamic is_static is_dynamic min_length max_length compatible relaxes "
        "refines same_scheme to_string get_symbol has_symbol",
        "PartialShape": "is_static is_dynamic rank all_non_negative compatible relaxes "
        "refines same_scheme get_min_shape get_max_shape to_string",
        "Layout": "scalar empty has_name to_string",
        "RTMap": "keys values items",
        "DiscreteTypeInfo": "parent hash",
        "Node": "rt_info get_type_name get_type_info get_input_size get_output_size outputs",
        "Input": "tensor rt_info get_source_output get_node get_index get_element_type "
        "get_partial_shape",
        "ConstOutput": "names element_type partial_shape index node rt_info target_inputs tensor",
        "Output": "rt_info index node target_inputs",
        "Tensor": "element_type size byte_size strides is_continuous",
        "VariableInfo": "variable_id data_type data_shape",
        "Variable": "info",
        "Model": "inputs outputs parameters results sinks variables friendly_name rt_info "
        "is_dynamic get_variable_by_id get_ops get_output_size clone",
        "_InputTensorInfo": "set_spatial_dynamic_shape",
        "_InputInfo": "tensor preprocess model",
        "_OutputInfo": "tensor postprocess model",
        "Version": "build_number description major minor patch",
        "Core": "available_devices",
        "CompiledModel": "create_infer_request inputs outputs get_runtime_model release_memory",
        "InferRequest": "userdata latency model_inputs model_outputs get_compiled_model",
        "VariableState": "name",
        "AsyncInferQueue": "is_ready userdata",
        "_Batcher": "stats",
        "InferFuture": "close",
        "OVDict": "names to_dict to_tuple",
        "Type": "get_type_name get_size get_bitwidth is_static is_dynamic is_real is_integral "
        "is_integral_number is_signed is_quantized compatible merge",
        "Choice": "text",
        "Level": "text",
        "Num": "to_integer",
    }
)


@dataclass(frozen=True)
class Name:
    """A public name, what it says of itself, and the parameters that has to speak of."""

    name: str
    doc: str | None
    owner: Any
    parameters: tuple[str, ...] = ()
    member: bool = False  # of a class, or a function: what is called or read

    def problem(self) -> str | None:
        if not self.doc:
            return "has no docstring"
        text = self.doc.split("\n--\n\n", 1)[-1].strip()
        same = re.match(r"The same as (?:setting )?`(\w+)(?:\(\))?`\.", text)
        if same:
            return None if hasattr(self.owner, same[1]) else f"is the same as nothing: {text}"
        if len(text.split()) < 3:
            return f"says too little: {text}"
        if not text.endswith((".", ".)")):
            return f"ends without a full stop: {text}"
        missing = [one for one in self.parameters if not re.search(rf"\b{one}\b", text)]
        if missing:
            return f"says nothing of {', '.join(missing)}: {text}"
        if self.member and self.name not in QUIET and not ERRORS.search(text):
            return f"does not say what it raises: {text}"
        if inspect.isclass(self.owner) and self.owner.__name__ == self.name:
            exempt = issubclass(self.owner, Exception | enum.Enum)
            if not exempt and "hread safety" not in text:
                return f"does not say whether threads may share it: {text}"
        return None


def native_names(root: Path) -> Iterator[Name]:
    """What the native module has, by the stubs."""
    for node in ast.parse((root / "python/coinfer/_coinfer.pyi").read_text()).body:
        found = getattr(_coinfer, getattr(node, "name", ""), None)
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            names = tuple(argument.arg for argument in node.args.args)
            yield Name(node.name, found.__doc__, _coinfer, names, True)
        if not isinstance(node, ast.ClassDef) or found is None:
            continue
        yield Name(node.name, found.__doc__, found)
        for method in node.body:
            if not isinstance(method, ast.FunctionDef) or method.name.startswith("_"):
                continue
            if any(ast.unparse(one).endswith(".setter") for one in method.decorator_list):
                continue
            if method.name == "send":  # the type's slot
                continue
            static = inspect.getattr_static(found, method.name)
            bound = 0 if isinstance(static, staticmethod) else 1
            arguments = [*method.args.args[bound:], *method.args.kwonlyargs]
            # The older `shared_memory` is not for new programs.
            parameters = tuple(a.arg for a in arguments if a.arg != "shared_memory")
            text = (static if bound else static.__func__).__doc__
            yield Name(f"{node.name}.{method.name}", text, found, parameters, True)


MODULES = ["coinfer", "coinfer.layout_helpers", "coinfer.preprocess", "coinfer.properties"]
MODULES += [f"coinfer.properties.{part}" for part in ("device", "hint", "intel_auto", "intel_cpu")]
MODULES += ["coinfer.properties.log", "coinfer.properties.streams"]


def python_names() -> Iterator[Name]:
    """What is written in Python: classes with their members, and functions."""
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        yield Name(module_name, module.__doc__, module)
        for name in getattr(module, "__all__", vars(module)):
            found = getattr(module, name)
            known = [*vars(_coinfer).values(), _coinfer.InferFuture]
            native = any(found is one for one in known)
            if name.startswith("_") or native or not hasattr(found, "__module__"):
                continue
            if not str(found.__module__).startswith("coinfer"):
                continue
            if inspect.isfunction(found):
                parameters = tuple(inspect.signature(found).parameters)
                yield Name(name, found.__doc__, module, parameters, True)
            elif inspect.isclass(found):
                yield Name(name, found.__doc__, found)
                yield from members(found)
            else:
                yield Name(name, found.__doc__, module)


def members(owner: type) -> Iterator[Name]:
    for name, found in vars(owner).items():
        if name.startswith("_") or not (isinstance(found, property) or inspect.isroutine(found)):
            continue
        parameters: tuple[str, ...] = ()
        if not isinstance(found, property):
            bound = inspect.signature(getattr(owner, name)).parameters
            parameters = tuple(one for one in bound if one != "self")
        yield Name(f"{owner.__name__}.{name}", found.__doc__, owner, parameters, True)


def test_every_public_name_says_what_it_does(root: Path) -> None:
    names = [*native_names(root), *python_names()]
    problems = [f"{one.name} {problem}" for one in names if (problem := one.problem())]
    assert not problems, "\n".join(problems)
    assert len(names) > 450


def test_what_is_said_to_be_quiet_is_there_and_speaks_of_no_errors(root: Path) -> None:
    members = {one.name: one for one in [*native_names(root), *python_names()] if one.member}
    assert not QUIET - members.keys()
    loud = [name for name in QUIET if ERRORS.search(str(members[name].doc))]
    assert loud == []


@pytest.mark.parametrize(
    ("doc", "text"),
    [
        (None, "no docstring"),
        ("Short.", "too little"),
        ("Does what it does with key", "full stop"),
        ("Does what it does.", "nothing of key"),
        ("The same as `nothing`.", "same as nothing"),
        ("Does what it does with key, whatever the errors.", "what it raises"),
    ],
)
def test_what_says_too_little_is_found(doc: str | None, text: str) -> None:
    assert text in str(Name("x", doc, coinfer, ("key",), True).problem())
