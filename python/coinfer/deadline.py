"""Deadlines of awaited inferences: ``infer_async(..., timeout=seconds)``."""

from __future__ import annotations

from typing import Any

from coinfer._coinfer import DeadlineExceeded


def _expire(future: Any, seconds: float) -> None:
    if not future.done():
        future._abandon()
        future.set_exception(DeadlineExceeded(f"the inference did not finish within {seconds} s"))


def arm(future: Any, seconds: float) -> None:
    """Fails the future, and stops its inference, when it is not done in time."""
    handle = future.get_loop().call_later(seconds, _expire, future, seconds)
    future.add_done_callback(lambda _: handle.cancel())
