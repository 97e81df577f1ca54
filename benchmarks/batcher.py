"""What a Batcher gains for awaits that come at once: ``script/bench batcher``."""

from __future__ import annotations

from typing import Any

from benchmarks.backends import Backend, Inputs
from benchmarks.bridge.measures import awaits
from benchmarks.coordinator import Case
from samples import minilm_onnx

TOKENS = 32
AT_ONCE = 64


def cases() -> list[Case]:
    """MiniLM, a row of 32 tokens an await, with each hint: which is better depends on the model."""

    def integers(low: int, high: int) -> dict[str, Any]:
        return {"shape": [1, TOKENS], "dtype": "int64", "low": low, "high": high}

    inputs = {
        "input_ids": integers(1000, 30000),
        "attention_mask": integers(1, 2),
        "token_type_ids": integers(0, 1),
    }
    measures: dict[str, tuple[str, ...]] = {
        f"batched:{AT_ONCE}": ("coinfer",),
        f"batched:{AT_ONCE}:uvloop": ("coinfer",),
        f"await:{AT_ONCE}": ("openvino", "onnxruntime"),
    }
    return [
        Case(
            f"MiniLM-L6, {TOKENS} tokens, {AT_ONCE} awaits at once, {mode.upper()}",
            minilm_onnx.model_path(),
            inputs,
            measures,
            mode,
            rounds=7,
            seconds=2,
        )
        for mode in ("latency", "throughput")
    ]


async def batched(
    backend: Backend, inputs: list[Inputs], at_once: int, seconds: float
) -> dict[str, float]:
    """Seconds an await through a Batcher and without, one after the other, and their ratio."""
    alone = await awaits(backend, inputs, at_once, seconds)
    async with backend.batcher() as batcher:
        together = await awaits(backend, inputs, at_once, seconds, batcher.infer_async)
        return {
            "unbatched awaits": alone,
            "batched awaits": together,
            "gain": alone / together,
            "mean size": batcher.stats["mean_size"],
        }
