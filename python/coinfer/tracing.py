"""A trace of what the runtime does, for Perfetto."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

from coinfer._coinfer import _start_trace, _stop_trace


class trace:
    """Record what the runtime does into a JSON file, from now until `stop()`.

    ``with coinfer.trace("run.json"): …`` records the block. A trace that nobody stops is written
    when the process ends. The environment variable COINFER_TRACE names a file for the whole
    process. ``%p`` in either path stands for the process id. Open the file in
    https://ui.perfetto.dev: it shows streams with the steps of their plans, waiting runs, event
    loops, callbacks and blocking callers.

    Raises coinfer.Error for a path that cannot be written, or while another trace is recorded.
    Thread safety: may be started and stopped on any thread.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._running = False
        _start_trace(os.fspath(path))
        self._running = True

    def stop(self) -> None:
        """Write the file; nothing when stopped before. Raises coinfer.Error when it fails."""
        if self._running:
            self._running = False
            _stop_trace()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
