"""Runs a coroutine on each kind of event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop


def run_asyncio(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(main)


def run_debug(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(main, debug=True)


def run_uvloop(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


Run = Callable[[Coroutine[Any, Any, Any]], Any]
each_loop = pytest.mark.parametrize(
    "run", [run_asyncio, run_debug, run_uvloop], ids=["asyncio", "debug", "uvloop"]
)
