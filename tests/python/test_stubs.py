"""The hand-written stubs name what the native module has, no more and no less."""

from __future__ import annotations

import ast
from pathlib import Path

import coinfer
from coinfer import _coinfer


def members(body: list[ast.stmt]) -> set[str]:
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_stubs_and_module_agree(root: Path) -> None:
    tree = ast.parse((root / "python/coinfer/_coinfer.pyi").read_text())
    public = {name for name in vars(_coinfer) if not name.startswith("__")}
    assert public == members(tree.body) - {"_Serializable"}
    for node in tree.body:
        if not isinstance(node, ast.ClassDef) or node.name == "_Serializable":
            continue
        there = vars(getattr(_coinfer, node.name))
        named = members(node.body)
        if node.name != "InferFuture":
            assert named - {"__init__", "__hash__", "__await__"} <= set(there), node.name
            assert {name for name in there if not name.startswith("_")} <= named, node.name


def test_every_public_class_and_method_says_what_it_does() -> None:
    for name in coinfer.__all__:
        assert getattr(coinfer, name).__doc__, name
