"""Requests that run together: `Batcher`."""

from __future__ import annotations

from types import TracebackType

from coinfer._coinfer import CompiledModel, _Batcher


class Batcher(_Batcher):
    """Joins concurrent requests of one model along the first axis of its inputs.

        async with coinfer.Batcher(compiled, max_batch=32, max_delay_ms=2) as batcher:
            results = await batcher.infer_async(x)  # x: [rows, ...], results too

    model          a CompiledModel; the first dimension of all its ports is dynamic, the batch
    max_batch      rows of a run at most, 1 to 4096; a request may have that many
    max_delay_ms   how long a request may wait for others while the model has a free stream, in
                   milliseconds; with 0 none waits for a free stream, which is good when few
                   clients ask in turn: each would only wait for others that do not come

    A run starts when `max_batch` rows wait, or when the oldest request has waited for
    `max_delay_ms`; while all streams of the model are busy, requests collect. Requests whose other
    dimensions differ run in different batches. Runs have few sizes, powers of two up to
    `max_batch`, all of them run once when it opens (not of a model with other dynamic dimensions),
    off the loop. When a run fails, its requests are run one by one, so that only those fail that
    cannot run. Results are arrays of the caller's own.

    Raises TypeError or ValueError for a wrong argument, coinfer.Error naming the input or output
    without a batch axis; some outputs are known only when it opens. One that was closed does not
    open again. Thread safety: one batcher serves any number of tasks, loops and threads. Without
    `async with` it works as well, unwarmed; what was asked for is always answered.
    """

    def __init__(
        self, model: CompiledModel, max_batch: int = 32, max_delay_ms: float = 2.0
    ) -> None:
        super().__init__(model, max_batch, max_delay_ms)

    async def __aenter__(self) -> Batcher:
        await self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Refuse requests from now on, and wait until those in flight are answered.

        They run without further delay; what they raise, their own awaits raise, and this none.
        Any number of times, from any loop.
        """
        await self._close()
