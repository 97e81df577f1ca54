"""A service that turns sentences into vectors, for any number of clients, on one event loop.

python -m samples.embedding_service [--port 8765] [--max-batch 32] [--max-delay-ms 2]

A client sends one JSON object a line, and gets one back for each, as soon as it is there:

    {"id": 1, "text": "A man is eating food."}   ->   {"id": 1, "embedding": [0.05, …]}
    {"id": 2, "stats": true}                     ->   {"id": 2, "stats": {"batches": …}}

What cannot be answered gets {"id": …, "error": "…"}. Requests of all clients run together, in a
coinfer.Batcher. A client that leaves cancels what it has asked for; SIGINT and SIGTERM let the
service answer what it has read, and end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer

import coinfer
from samples import minilm_onnx
from samples.sentence_embedding import tokenizer, tokens

HOST = "127.0.0.1"
LONGEST_LINE = 1 << 16  # bytes
IN_FLIGHT = 64  # of one client; it is read from again when one of these is answered
TIMEOUT = 30.0  # seconds for an inference
# Texts are padded to a few lengths: only equal shapes can run together.
TOKEN_STEP = 16


class Service:
    """Answers clients through one batcher."""

    def __init__(self, batcher: coinfer.Batcher, words: Tokenizer) -> None:
        words.enable_padding(pad_to_multiple_of=TOKEN_STEP)
        self.batcher = batcher
        self.words = words
        self.clients: dict[asyncio.Task[None], tuple[asyncio.StreamReader, Any]] = {}

    async def answer(self, line: bytes) -> dict[str, Any]:
        """What a line is answered with. Never raises for what a client may send."""
        number: Any = None
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("a JSON object was expected")
            number = request.get("id")
            if request.get("stats"):
                return {"id": number, "stats": self.batcher.stats}
            if not isinstance(text := request.get("text"), str):
                raise ValueError('a "text" was expected')
            inputs = tokens(self.words, [text])
            results = await self.batcher.infer_async(inputs, share_inputs=True, timeout=TIMEOUT)
            return {"id": number, "embedding": results["sentence_embedding"][0].tolist()}
        except (ValueError, coinfer.Error) as error:
            return {"id": number, "error": str(error)}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until it or the service ends."""
        room = asyncio.Semaphore(IN_FLIGHT)

        async def reply(line: bytes) -> None:
            try:
                answer = await self.answer(line)
                if writer.is_closing():
                    raise ConnectionResetError
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
            finally:
                room.release()

        task = asyncio.current_task()
        assert task is not None
        self.clients[task] = reader, writer.transport
        try:
            # A client that is gone fails a reply, and with it all others of the group.
            async with asyncio.TaskGroup() as replies:
                while line := await reader.readline():
                    await room.acquire()
                    replies.create_task(reply(line))
        except* (ConnectionError, ValueError):
            pass  # gone, or a line without an end
        finally:
            del self.clients[task]
            writer.close()

    async def drain(self) -> None:
        """Reads no more, and waits until everybody has the answers to what was read."""
        for reader, transport in self.clients.values():
            transport.pause_reading()
            reader.feed_eof()
        if self.clients:
            await asyncio.wait(list(self.clients))


async def run(port: int, max_batch: int, max_delay_ms: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = {"PERFORMANCE_HINT": "LATENCY"}
    compiled = coinfer.Core().compile_model(minilm_onnx.model_path(), "CPU", config)
    async with coinfer.Batcher(compiled, max_batch, max_delay_ms) as batcher:
        service = Service(batcher, tokenizer())
        server = await asyncio.start_server(service.serve, HOST, port, limit=LONGEST_LINE)
        async with server:
            print("listening on {}:{}".format(*server.sockets[0].getsockname()), flush=True)
            await stop.wait()
            server.close()
            await service.drain()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Sentence embeddings, one JSON object a line.")
    parser.add_argument("--port", type=int, default=8765, help="0 for any that is free")
    parser.add_argument("--max-batch", type=int, default=32)
    parser.add_argument("--max-delay-ms", type=float, default=2)
    given = parser.parse_args(arguments)
    asyncio.run(run(given.port, given.max_batch, given.max_delay_ms))
    return 0


if __name__ == "__main__":
    sys.exit(main())
