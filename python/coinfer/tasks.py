"""Lets asyncio's tasks run an InferFuture as they run a coroutine.

``asyncio.create_task`` takes only what ``asyncio.iscoroutine`` accepts; ``asyncio.wait`` refuses
just that. An InferFuture works in both, because the C implementation of Task remembers the types
that it has accepted once.
"""

from __future__ import annotations

import asyncio
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


def teach(future_class: Any) -> None:
    """Makes a task of one instance while ``iscoroutine`` knows the class.

    Where asyncio differs, it does nothing.
    """
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
