"""The way from Python and from C++ coroutines to an inference and back: times, lateness, memory.

``script/bench bridge`` measures all of it, ``script/bench bridge:lag`` and so on one part:

- ``bridge:blocking``  blocking calls, and ``start_async`` with ``wait``
- ``bridge:many``      AsyncInferQueue, and awaits on asyncio and uvloop
- ``bridge:cpp``       ``co_await async_infer(use_awaitable)`` on the stream's executor
- ``bridge:lag``       how late the event loop is while inferences saturate the machine
- ``bridge:cancel``    from ``cancel()`` of a running inference until its request is usable again
- ``bridge:memory``    what the process grows by over a million awaits
"""
