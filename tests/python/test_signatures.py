"""Signatures are OpenVINO's: each overload that its stubs list is taken here by the same names."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

import coinfer
from coinfer import preprocess
from tests.python.signatures import (
    Members,
    Parameter,
    Signature,
    classes_of,
    fits,
    functions_of,
    said_by,
    shown,
)

NATIVE = ["AsyncInferQueue", "CompiledModel", "ConstOutput", "Core", "Dimension", "InferRequest"]
NATIVE += ["Input", "Layout", "Model", "Node", "Output", "PartialShape", "RTMap", "Shape", "Symbol"]
NATIVE += ["Tensor", "VariableState", "Version"]
#: Written in Python, in modules of their own.
PYTHON = {
    "DiscreteTypeInfo": "type_info",
    "OVAny": "ov_any",
    "ProfilingInfo": "profiling_info",
    "Strides": "strides",
    "Type": "element_type",
}
GROUPS = ["", "device", "hint", "intel_auto", "intel_cpu", "log", "streams"]

_FILES = "nodes are made by files alone, and cannot be changed into others"
#: What OpenVINO takes and coinfer does not, and why.
ALLOWED = {
    "InferRequest.__init__": "two objects of one request: a request is one object here",
    "Node.constructor_validate_and_infer_types": _FILES,
    "Node.evaluate": "Model.evaluate and compiled models compute; single nodes do not",
    "Node.get_instance_id": "nodes are told apart by == and hash()",
    "Node.set_argument": _FILES,
    "Node.set_arguments": _FILES,
    "Node.set_attribute": _FILES,
    "Node.set_output_size": _FILES,
    "Node.set_output_type": _FILES,
    "Node.validate_and_infer_types": _FILES,
    "Node.visit_attributes": _FILES,
    "properties.cache_encryption_callbacks": "OpenVINO's own takes no value that Python can make",
}


@pytest.fixture(scope="module")
def stubs(peers_python: Path) -> Path:
    """The folder of OpenVINO's stubs."""
    (found,) = peers_python.parents[1].glob("lib/python3*/site-packages/openvino")
    return found


def oracle(stubs: Path) -> dict[str, Members]:
    """OpenVINO's classes; what its Python layer writes anew hides what is below."""
    native = classes_of(stubs / "_pyopenvino/__init__.pyi")
    native |= classes_of(stubs / "_pyopenvino/preprocess.pyi")
    for name, members in classes_of(stubs / "_ov_api.pyi").items():
        if name in native:
            native[name] |= members
    return native


def public(members: Members) -> Members:
    return {
        name: overloads
        for name, overloads in members.items()
        if not name.startswith("_") or name in ("__init__", "__call__")
    }


def of_coinfer(root: Path) -> dict[str, Members]:
    """By coinfer's stubs and, for what is written in Python, its source."""
    package = root / "python/coinfer"
    known = {
        name.removeprefix("_"): members
        for name, members in classes_of(package / "_coinfer.pyi").items()
    }
    for module in PYTHON.values():
        known |= classes_of(package / f"{module}.py")
    known["Output"] = known["ConstOutput"] | known["Output"]
    for name in PYTHON:
        known[name].setdefault("__init__", said_by(getattr(coinfer, name)) or [])
    return known


def covered(one: Signature, overloads: list[Signature]) -> bool:
    """Is there the same overload with defaults?"""
    names = [parameter.name for parameter in one]
    return any(
        other != one
        and [parameter.name for parameter in other] == names
        and all(parameter.default is not None for parameter in other)
        for other in overloads
    )


def missing(theirs: Members, ours: Members, name: str) -> list[str]:
    """The overloads of a class that ours does not take."""
    problems = []
    for member, overloads in public(theirs).items():
        if f"{name}.{member}" in ALLOWED:
            continue
        if member not in ours:
            if member != "__init__" or any(overloads):
                problems.append(f"{name}.{member}: there is none")
            continue
        known = ours[member]
        problems += [
            f"{name}.{member}{shown(one)}: there is {' or '.join(map(shown, known))}"
            for one in overloads
            if not any(fits(own, one) for own in known) and not covered(one, overloads)
        ]
    return problems


CLASSES = [*NATIVE, *PYTHON]
PREPROCESS = [name for name in preprocess.__all__ if inspect.isclass(getattr(preprocess, name))]
PREPROCESS = [name for name in PREPROCESS if not hasattr(getattr(preprocess, name), "__members__")]


@pytest.mark.parametrize("name", [*CLASSES, *PREPROCESS])
def test_stubs_have_every_overload(name: str, root: Path, stubs: Path) -> None:
    problems = missing(oracle(stubs)[name], of_coinfer(root)[name], name)
    assert not problems, "\n".join(problems)


def class_of(name: str) -> Any:
    return getattr(preprocess if name in PREPROCESS else coinfer, name)


def said(name: str) -> Members:
    """What the class itself says of its members."""
    members: Members = {}
    for member in dir(class_of(name)):
        found = inspect.getattr_static(class_of(name), member)
        if isinstance(found, property) or inspect.isgetsetdescriptor(found):
            members[member] = []
        elif callable(getattr(class_of(name), member)):
            overloads = said_by(getattr(class_of(name), member))
            if overloads is not None:
                members[member] = overloads
    return members


@pytest.mark.parametrize("name", [*NATIVE, *PREPROCESS])
def test_the_module_takes_every_overload(name: str, stubs: Path) -> None:
    theirs = oracle(stubs)[name]
    # Functions without parameters are told by what they refuse.
    problems = missing(theirs, said(name), name)
    assert not problems, "\n".join(problems)


def test_every_property_of_openvino_has_its_name(stubs: Path) -> None:
    problems = []
    for group in GROUPS:
        module = importlib.import_module(f"coinfer.properties.{group}".rstrip("."))
        stub = stubs / f"_pyopenvino/properties/{group or '__init__'}.pyi"
        place = f"properties.{group}.".replace("..", ".")
        for name in functions_of(stub):
            if not hasattr(module, name) and f"{place}{name}" not in ALLOWED:
                problems.append(f"{place}{name}")
    assert not problems


def test_what_is_allowed_is_still_missing(root: Path, stubs: Path) -> None:
    ours = of_coinfer(root)
    for name in ALLOWED:
        owner, _, member = name.rpartition(".")
        if owner == "properties":
            assert not hasattr(coinfer.properties, member), name
        else:
            assert member not in ours[owner], name


@pytest.mark.parametrize(
    ("ours", "theirs", "fit"),
    [
        ("a b", "a b", True),
        ("a", "b", False),
        ("a b", "b a", False),
        ("a b=1", "a", True),
        ("a b", "a", False),
        ("a=1", "a", False),
        ("a", "a=1", False),
        ("a=1", "a=2", False),
        ("a=...", "a=2", True),
        ("a", "arg0", True),
        ("a b", "arg0", False),
    ],
)
def test_what_fits(ours: str, theirs: str, fit: bool) -> None:
    def made(text: str) -> tuple[Parameter, ...]:
        parts = [one.partition("=") for one in text.split()]
        return tuple(Parameter(name, default or None) for name, _, default in parts)

    assert fits(made(ours), made(theirs)) is fit
