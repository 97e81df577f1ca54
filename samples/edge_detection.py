"""Find the edges in pictures with a network in OpenVINO's format: edges.xml and its weights.

python -m samples.edge_detection

Pictures come as decoders give them, u8 [1, height, width, 3] of any size; what the network needs,
f32 [1, 3, height, width], is made by preprocessing inside the model.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

import coinfer
from coinfer.preprocess import PrePostProcessor

NETWORK = Path(__file__).with_name("edges.xml")
#: What red, green and blue count in the brightness of a pixel (ITU-R BT.601).
BRIGHTNESS = np.array([0.299, 0.587, 0.114], np.float32)
#: Sobel's operator along x; its transpose is the one along y.
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)

Picture = npt.NDArray[np.uint8]
Edges = npt.NDArray[np.float32]


def write_network(folder: Path) -> Path:
    """Put the network and its weights into the folder; the path of its xml file."""
    kernels = np.stack([SOBEL, SOBEL.T])[:, None] * BRIGHTNESS[None, :, None, None]
    weights = kernels.astype("<f4").tobytes() + np.array([1], "<i8").tobytes()
    (folder / "edges.bin").write_bytes(weights)
    return Path(shutil.copy(NETWORK, folder))


def compiled(path: Path) -> coinfer.CompiledModel:
    """The network at `path`, for pictures as decoders give them."""
    core = coinfer.Core()
    steps = PrePostProcessor(core.read_model(path))
    picture = steps.input("picture")
    picture.tensor().set_element_type(coinfer.Type.u8).set_layout(coinfer.Layout("NHWC"))
    picture.preprocess().convert_element_type(coinfer.Type.f32).scale(255.0)
    return core.compile_model(steps.build(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


async def edges_of(model: coinfer.CompiledModel, pictures: Sequence[Picture]) -> list[Edges]:
    """The strength of the edges in each picture, f32 [height - 2, width - 2]."""
    results = await asyncio.gather(*(model.infer_async(picture[None]) for picture in pictures))
    return [result["edges"][0] for result in results]


def disc(size: int) -> Picture:
    """An orange disc on blue ground, u8 [size, size, 3]."""
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    inside = np.hypot(rows, columns) < size / 3
    return np.where(inside[..., None], [255, 160, 0], [0, 60, 160]).astype(np.uint8)


def drawn(edges: Edges) -> str:
    """The edges as a drawing of characters."""
    shades = np.array(list(" .:*#"))
    strengths = edges / max(float(edges.max()), 1e-6) * (len(shades) - 1)
    return "\n".join("".join(row) for row in shades[strengths.round().astype(int)])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = compiled(write_network(Path(folder)))
    for edges in asyncio.run(edges_of(model, [disc(16), disc(26)])):
        print(drawn(edges), end="\n\n")


if __name__ == "__main__":
    main()
