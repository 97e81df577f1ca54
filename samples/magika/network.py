"""The network and its configuration, as the ``magika`` wheel ships them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from samples import model_wheels

_STEM = "magika/models/standard_v3_3"


@dataclass(frozen=True)
class Network:
    """Where the ONNX file is, and what belongs to it.

    Input ``bytes``: int32 [batch, beg_size + end_size].
    Output ``target_label``: float32 [batch, labels].
    """

    path: Path
    beg_size: int
    end_size: int
    block_size: int
    padding_token: int
    min_file_size: int
    labels: tuple[str, ...]
    thresholds: dict[str, float]
    default_threshold: float
    overwrite_map: dict[str, str]
    text_types: frozenset[str]


def folder() -> Path:
    """Where the network, its configuration and the table of content types are, as files."""
    for name in (f"{_STEM}/config.min.json", "magika/config/content_types_kb.min.json"):
        model_wheels.extract(model_wheels.MAGIKA, name)
    return model_wheels.extract(model_wheels.MAGIKA, f"{_STEM}/model.onnx").parent


def load() -> Network:
    """Fetch the wheel if need be and read the configuration."""
    where = folder()
    config = json.loads((where / "config.min.json").read_text())
    types = json.loads((where / "content_types_kb.min.json").read_text())
    if config["mid_size"] or config["use_inputs_at_offsets"]:
        raise ValueError("this sample knows networks that look at both ends of a file only")
    return Network(
        path=where / "model.onnx",
        beg_size=config["beg_size"],
        end_size=config["end_size"],
        block_size=config["block_size"],
        padding_token=config["padding_token"],
        min_file_size=config["min_file_size_for_dl"],
        labels=tuple(config["target_labels_space"]),
        thresholds=config["thresholds"],
        default_threshold=config["medium_confidence_threshold"],
        overwrite_map=config["overwrite_map"],
        text_types=frozenset(name for name, kind in types.items() if kind["is_text"]),
    )


if __name__ == "__main__":
    print(folder())
