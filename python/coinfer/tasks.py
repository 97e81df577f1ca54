"""Lets asyncio's tasks run an InferFuture as they run a coroutine.

``asyncio.create_task`` takes only what ``asyncio.iscoroutine`` accepts; ``asyncio.wait`` refuses
just that. An InferFuture works in both, because the C implementation of Task remembers the types
that it has accepted once.

A Task's ``repr`` (debug messages, reports of lost errors, ``all_tasks()``) asserts ``iscoroutine``
again, so it learns the class as well.
"""

from __future__ import annotations

import asyncio
import functools
from asyncio import coroutines
from typing import Any


class _NoLoop:
    """As much of a loop as a task asks for that never runs."""

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return False

    def call_soon(self, *_args: Any, **_keywords: Any) -> None:
        return None

    def call_exception_handler(self, _context: dict[str, Any]) -> None:
        return None


def _teach_repr(future_class: Any) -> None:
    """The tasks of asyncio and uvloop look the function up in its module each time."""
    original = getattr(coroutines, "_format_coroutine", None)
    if original is None or getattr(original, "future_class", None) is future_class:
        return

    @functools.wraps(original)
    def format_coroutine(coro: Any) -> Any:
        if not isinstance(coro, future_class):
            return original(coro)
        return f"{type(coro).__name__}() {'done' if coro.done() else 'running'}"

    format_coroutine.future_class = future_class  # type: ignore[attr-defined]
    coroutines._format_coroutine = format_coroutine  # type: ignore[attr-defined]


def teach(future_class: Any) -> None:
    """Makes a task of one instance while ``iscoroutine`` knows the class.

    Where asyncio differs, it does nothing.
    """
    _teach_repr(future_class)
    accepted = getattr(coroutines, "_iscoroutine_typecache", None)
    if not isinstance(accepted, set):
        return
    loop: Any = _NoLoop()
    future = future_class(loop=loop)
    accepted.add(future_class)
    try:
        task = asyncio.Task(future, loop=loop)
    finally:
        accepted.discard(future_class)
    # Never run: it must not complain when it is dropped.
    task._log_destroy_pending = False  # type: ignore[attr-defined]
