"""MiniLM-L6 from its PyPI wheel: the same vectors as ONNX Runtime's, and they mean something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from samples import minilm_onnx
from samples.sentence_embedding import SENTENCES, Embedder, tokens

pytestmark = pytest.mark.shares_a_model

ASK_ONNXRUNTIME = """
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(given["model"])
inputs = {name: np.array(value, np.int64) for name, value in given["inputs"].items()}
answer(session.run(None, inputs)[0].tolist())
"""


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


@pytest.mark.parametrize("count", [1, 2, 6])
def test_embeddings_are_those_of_onnxruntime(
    embedder: Embedder, run_in_peers: Callable[..., Any], count: int
) -> None:
    inputs = tokens(embedder.words, SENTENCES[-count:])
    given = {
        "model": str(minilm_onnx.model_path()),
        "inputs": {name: value.tolist() for name, value in inputs.items()},
    }
    theirs = np.array(run_in_peers(ASK_ONNXRUNTIME, given))
    ours = embedder(SENTENCES[-count:])
    assert ours.shape == theirs.shape == (count, 384)
    rms = np.sqrt(np.mean(theirs**2))
    assert (np.abs(ours - theirs) <= 1e-4 * np.maximum(np.abs(theirs), rms)).all()


def test_sentences_that_mean_the_same_are_near_each_other(embedder: Embedder) -> None:
    eating, bread, baby, horse, rides, cheetah = embedder(SENTENCES)
    assert eating @ bread > 0.7  # 0.755 with sentence-transformers
    assert horse @ rides > 0.5
    assert max(eating @ baby, eating @ cheetah, bread @ rides) < 0.3


def test_padding_changes_nothing(embedder: Embedder) -> None:
    alone = embedder(SENTENCES[:1])[0]
    padded = embedder([SENTENCES[0], " ".join(SENTENCES)])[0]
    np.testing.assert_allclose(padded, alone, atol=2e-6)


def test_safetensors_are_read_where_the_header_says() -> None:
    header = (
        b'{"__metadata__":{"format":"pt"},'
        b'"a":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},'
        b'"b":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}'
    )
    data = np.array([7], np.int64).tobytes() + np.array([1.5, -2], np.float32).tobytes()
    tensors = minilm_onnx.read_safetensors(len(header).to_bytes(8, "little") + header + data)
    assert tensors["b"].tolist() == [7]
    assert tensors["a"].tolist() == [[1.5], [-2.0]]
