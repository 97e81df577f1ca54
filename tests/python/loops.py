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


class WithoutReader(asyncio.SelectorEventLoop):
    """A loop that cannot watch file descriptors for others, as Windows' proactor loop cannot."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        raise NotImplementedError


def run_without_reader(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=WithoutReader) as runner:
        return runner.run(main)


Run = Callable[[Coroutine[Any, Any, Any]], Any]
each_loop = pytest.mark.parametrize(
    "run",
    [run_asyncio, run_debug, run_uvloop, run_without_reader],
    ids=["asyncio", "debug", "uvloop", "no-reader"],
)
