"""Inference of a whole source of items: `infer_stream`."""

from __future__ import annotations

import asyncio
import operator
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
)
from typing import Any, Generic, Protocol, TypeVar

from coinfer._coinfer import InferRequest
from coinfer.ovdict import OVDict

Item = TypeVar("Item")


class Infers(Protocol):
    """What has an awaitable inference of which any number may be in flight."""

    def infer_async(self, inputs: Any, *, share_inputs: bool) -> asyncio.Future[OVDict]: ...


def infer_stream(
    compiled: Infers,
    source: Iterable[Item] | AsyncIterable[Item],
    max_in_flight: int = 8,
    ordered: bool = True,
    *,
    inputs: Callable[[Item], Any] | None = None,
    share_inputs: bool = False,
) -> AsyncGenerator[tuple[Item, OVDict], None]:
    """Infer each item of a source: `async for item, results in infer_stream(compiled, source)`.

    compiled        a CompiledModel, AsyncInferQueue or Batcher
    source          an iterable or async iterable; a plain one is advanced on the loop's thread
    max_in_flight   how many items may be pulled from the source and not yet given out, >= 1
    ordered         give out in the order of the source, else as they finish
    inputs          what of an item is inferred, `inputs(item)`; the item itself by default
    share_inputs    as for `infer_async`; arrays must not change until their item was given out

    Gives out the items as they came, each with an OVDict of arrays of its own. What the source
    raises comes after all that it gave; what an inference or its inputs raise comes in the item's
    place; either ends the stream. When it ends, also by `break`, `aclose()` or cancellation,
    everything in flight is cancelled and a source that is a generator is closed.

    Raises TypeError or ValueError at the call for a wrong argument. Thread safety: it belongs to
    the loop that iterates over it.
    """
    if isinstance(compiled, InferRequest) or not hasattr(compiled, "infer_async"):
        raise TypeError(
            "infer_stream needs what has any number of inferences in flight: a CompiledModel, an "
            f"AsyncInferQueue or a Batcher; {type(compiled).__name__} came"
        )
    if not isinstance(source, Iterable | AsyncIterable):
        raise TypeError(f"the source is an iterable; {type(source).__name__} is none")
    try:
        max_in_flight = operator.index(max_in_flight)
    except TypeError:
        raise TypeError(
            f"max_in_flight is an integer; {type(max_in_flight).__name__} came"
        ) from None
    if max_in_flight < 1:
        raise ValueError(f"max_in_flight is {max_in_flight}; a number >= 1 was expected")

    def start(item: Item) -> asyncio.Future[OVDict]:
        what = item if inputs is None else inputs(item)
        return compiled.infer_async(what, share_inputs=share_inputs)

    window = (_InOrder if ordered else _AsCompleted)(start, max_in_flight)
    if isinstance(source, AsyncIterable):
        return _from_async(window, source)
    return _from_iterable(window, source)


class _Window(Generic[Item]):
    """The items between source and consumer, never more than `limit`."""

    def __init__(self, start: Callable[[Item], asyncio.Future[OVDict]], limit: int) -> None:
        self._start = start
        self._limit = limit
        self._ended = False  # nothing more is pulled
        self._changed = asyncio.Event()
        self._in_flight: dict[asyncio.Future[OVDict], Item] = {}  # in the order of the source

    def has_room(self) -> bool:
        return not self._ended and len(self._in_flight) < self._limit

    def add(self, item: Item) -> None:
        """Starts an item's inference; inputs that are refused fail in the item's place."""
        try:
            future = self._start(item)
        except Exception as error:
            self._ended = True
            future = asyncio.get_running_loop().create_future()
            future.set_exception(error)
        self._in_flight[future] = item
        future.add_done_callback(self._note)
        self._changed.set()

    async def room(self) -> bool:
        """Waits until an item may be pulled. False when none ever will."""
        while not self._ended and not self.has_room():
            self._changed.clear()
            await self._changed.wait()
        return not self._ended

    def end(self) -> None:
        """The source has given all."""
        self._ended = True
        self._changed.set()

    async def next(self) -> asyncio.Future[OVDict] | None:
        """The done future that is to be given out next; None when there are no more."""
        while (future := self._next_done()) is None:
            if self._ended and not self._in_flight:
                return None
            self._changed.clear()
            await self._changed.wait()
        return future

    def take(self, future: asyncio.Future[OVDict]) -> tuple[Item, OVDict]:
        item = self._in_flight.pop(future)
        self._changed.set()
        return item, future.result()

    def cancel(self) -> None:
        self.end()
        for future in self._in_flight:
            if not future.cancel() and not future.cancelled():
                future.exception()  # nobody will ask for it
        self._in_flight.clear()

    def _note(self, future: asyncio.Future[OVDict]) -> None:
        """A future is done."""
        raise NotImplementedError

    def _next_done(self) -> asyncio.Future[OVDict] | None:
        raise NotImplementedError


class _InOrder(_Window[Item]):
    def _note(self, future: asyncio.Future[OVDict]) -> None:
        self._changed.set()

    def _next_done(self) -> asyncio.Future[OVDict] | None:
        first = next(iter(self._in_flight), None)
        return first if first is not None and first.done() else None


class _AsCompleted(_Window[Item]):
    def __init__(self, start: Callable[[Item], asyncio.Future[OVDict]], limit: int) -> None:
        super().__init__(start, limit)
        self._done: deque[asyncio.Future[OVDict]] = deque()

    def _note(self, future: asyncio.Future[OVDict]) -> None:
        self._done.append(future)
        self._changed.set()

    def _next_done(self) -> asyncio.Future[OVDict] | None:
        return self._done.popleft() if self._done else None


async def _from_iterable(
    window: _Window[Item], source: Iterable[Item]
) -> AsyncGenerator[tuple[Item, OVDict], None]:
    iterator = iter(source)
    source_error: Exception | None = None
    try:
        while True:
            while window.has_room():
                try:
                    item = next(iterator)
                except StopIteration:
                    window.end()
                except Exception as error:
                    source_error = error
                    window.end()
                else:
                    window.add(item)
            future = await window.next()
            if future is None:
                break
            yield window.take(future)
        if source_error is not None:
            raise source_error
    finally:
        window.cancel()
        if isinstance(iterator, Generator):
            iterator.close()


async def _pull(window: _Window[Item], iterator: AsyncIterator[Item]) -> None:
    try:
        while await window.room():
            try:
                item = await anext(iterator)
            except StopAsyncIteration:
                return
            # Ended meanwhile: the source has swallowed the cancellation.
            if window.has_room():
                window.add(item)
    finally:
        window.end()


async def _from_async(
    window: _Window[Item], source: AsyncIterable[Item]
) -> AsyncGenerator[tuple[Item, OVDict], None]:
    iterator = aiter(source)
    puller = asyncio.get_running_loop().create_task(_pull(window, iterator))
    try:
        while (future := await window.next()) is not None:
            yield window.take(future)
        await puller  # raises what the source raised
    finally:
        window.cancel()
        puller.cancel()
        await asyncio.wait([puller])
        if not puller.cancelled():
            puller.exception()  # raised above, or nobody will ask for it
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()
