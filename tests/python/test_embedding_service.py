"""The embedding service: real clients over loopback, answers equal to those of single calls."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samples.sentence_embedding import SENTENCES, Embedder


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    embedder = Embedder()
    return {text: embedder([text])[0] for text in SENTENCES}


class Running:
    """The service in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "samples.embedding_service", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=root,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:"), self.end()
        self.port = int(line.rpartition(":")[2])

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, *requests: dict[str, Any] | bytes) -> list[Any]:
        """The answers to requests that are sent all at once, in the order they come."""
        reader, writer = await self.connect()
        for request in requests:
            line = request if isinstance(request, bytes) else json.dumps(request).encode()
            writer.write(line + b"\n")
        await writer.drain()
        answers = [json.loads(await reader.readline()) for _ in requests]
        writer.close()
        return answers

    def end(self) -> tuple[int, str]:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            _, errors = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode, errors


@pytest.fixture
def service(root: Path) -> Iterator[Running]:
    running = Running(root)
    yield running
    assert running.end() == (0, "")


def test_many_clients_get_their_own_answers(
    service: Running, expected: dict[str, np.ndarray]
) -> None:
    async def client(number: int) -> None:
        texts = [SENTENCES[(number + i) % len(SENTENCES)] for i in range(5)]
        answers = await service.ask(*({"id": i, "text": text} for i, text in enumerate(texts)))
        assert sorted(answer["id"] for answer in answers) == [0, 1, 2, 3, 4]
        for answer in answers:
            mine = expected[texts[answer["id"]]]
            # The service computes in bf16 where the processor has it; other sentences are far.
            np.testing.assert_allclose(answer["embedding"], mine, atol=5e-3)

    async def main() -> None:
        await asyncio.gather(*(client(i) for i in range(8)))
        ((answer,),) = [await service.ask({"stats": True})]
        assert answer["stats"]["requests"] == answer["stats"]["rows"] == 40
        assert answer["stats"]["batches"] < 40

    asyncio.run(main())


def test_what_cannot_be_answered_gets_an_error_and_disturbs_nobody(service: Running) -> None:
    async def main() -> None:
        answers = await service.ask(
            b"nonsense", b"[1]", {"id": "a"}, {"id": "b", "text": 5}, {"id": "c", "text": ""}
        )
        errors = {answer["id"]: answer["error"] for answer in answers if "error" in answer}
        assert set(errors) == {None, "a", "b"}
        assert "text" in errors["a"]
        assert any(len(answer.get("embedding", [])) == 384 for answer in answers)

        # A line without an end, and a client that leaves without reading.
        reader, writer = await service.connect()
        writer.write(b"x" * 200_000)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        _, writer = await service.connect()
        for i in range(50):
            writer.write(json.dumps({"id": i, "text": "gone " * i}).encode() + b"\n")
        writer.transport.abort()
        (answer,) = await service.ask({"id": 1, "text": "still there?"})
        assert len(answer["embedding"]) == 384

    asyncio.run(main())


def test_it_answers_what_it_has_read_before_it_ends(service: Running) -> None:
    async def main() -> None:
        reader, writer = await service.connect()
        for i in range(20):
            writer.write(json.dumps({"id": i, "text": SENTENCES[i % 6]}).encode() + b"\n")
        await writer.drain()
        first = json.loads(await reader.readline())  # so it has been reading
        service.process.send_signal(signal.SIGTERM)
        rest = [json.loads(line) for line in (await reader.read()).splitlines()]
        writer.close()
        numbers = [answer["id"] for answer in [first, *rest]]
        assert len(numbers) == len(set(numbers))
        assert all("embedding" in answer for answer in rest)

    asyncio.run(main())
