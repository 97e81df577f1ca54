"""The sample of a network in OpenVINO's format: edges where they are, as OpenVINO finds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import coinfer
from samples import edge_detection

ASK_OPENVINO = """
import numpy as np, openvino
config = {"INFERENCE_PRECISION_HINT": "f32"}
compiled = openvino.Core().compile_model(given["model"], "CPU", config)
picture = np.array(given["picture"], np.float32).transpose(2, 0, 1)[None] / 255
answer(compiled(picture)[0][0].tolist())
"""


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return edge_detection.write_network(tmp_path)


def test_edges_are_openvinos(network: Path, run_in_peers: Callable[..., Any]) -> None:
    picture = edge_detection.disc(16)
    given = {"model": str(network), "picture": picture.tolist()}
    model = edge_detection.compiled(network)
    (ours,) = asyncio.run(edge_detection.edges_of(model, [picture]))
    np.testing.assert_allclose(ours, run_in_peers(ASK_OPENVINO, given), atol=1e-5)


def test_pictures_of_several_sizes(network: Path) -> None:
    model = edge_detection.compiled(network)
    sizes = [9, 16, 33, 16]
    found = asyncio.run(
        edge_detection.edges_of(model, [edge_detection.disc(size) for size in sizes])
    )
    assert [edges.shape for edges in found] == [(size - 2, size - 2) for size in sizes]
    for edges in found:
        middle = len(edges) // 2
        assert edges[middle, middle] < 1e-5, "no edge within the disc"
        assert edges.max() > 1, "one around it"
    np.testing.assert_array_equal(found[1], found[3])


def test_the_files_notes_are_kept(network: Path) -> None:
    model = coinfer.Core().read_model(network)
    assert model.get_rt_info("author") == "coinfer's samples"
    assert model.input().rt_info["layout_0"].astype(str) == "[N,C,H,W]"
    sobel = next(node for node in model.get_ops() if node.friendly_name == "sobel")
    assert sobel.rt_info["fused_names_0"].astype(str) == "sobel_x,sobel_y"


def test_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    edge_detection.main()
    drawings = capsys.readouterr().out.split("\n\n")
    assert [len(drawing.splitlines()) for drawing in drawings[:2]] == [14, 24]
    assert "#" in drawings[0]
