"""From the network's scores, or from too few bytes for it, to a content type."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from samples.magika.features import Ends
from samples.magika.network import Network


def label_of_few_bytes(ends: Ends) -> str:
    """The answer where there is nothing to ask the network about."""
    if ends.size == 0:
        return "empty"
    try:
        ends.head.decode("utf-8")
    except UnicodeDecodeError:
        return "unknown"
    return "txt"


def label_of_scores(scores: npt.NDArray[np.float32], network: Network) -> str:
    """The best label if the network is sure enough of it, else "txt" or "unknown"."""
    best = int(scores.argmax())
    guess = network.labels[best]
    label = network.overwrite_map.get(guess, guess)
    if float(scores.flat[best]) >= network.thresholds.get(guess, network.default_threshold):
        return label
    return "txt" if label in network.text_types else "unknown"
