"""Constants of strings in OpenVINO IR: as the oracle saves and reads them, and damaged ones."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import coinfer

MODEL = """
import sys
import numpy as np
import openvino
from openvino import opset15 as o

folder = sys.argv[1]
texts = {
    "words": [["ü", ""], ["a\\0b", " longer than strings that need no memory of their own "]],
    "none": np.array([], str),
}
for name, values in texts.items():
    words = o.constant(openvino.Tensor(np.array(values, str)), name=name)
    unpacked = o.string_tensor_unpack(words).outputs()
    model = openvino.Model([o.result(port) for port in (words.output(0), *unpacked)], [], name)
    openvino.save_model(model, f"{folder}/{name}.xml")
    results = openvino.Core().compile_model(f"{folder}/{name}.xml", "CPU")([])
    np.savez(f"{folder}/{name}.npz", *(results[i] for i in range(4)))
"""


@pytest.fixture(scope="module")
def saved(fill_in_peers: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ir_strings")
    fill_in_peers(folder, "-c", MODEL)
    return folder


@pytest.mark.parametrize("name", ["words", "none"])
@pytest.mark.parametrize("mapped", [True, False])
def test_strings_are_those_that_openvino_saved(name: str, mapped: bool, saved: Path) -> None:
    core = coinfer.Core()
    core.set_property({"ENABLE_MMAP": mapped})
    compiled = core.compile_model(saved / f"{name}.xml", "CPU")
    for model in (compiled, core.import_model(compiled.export_model(), "CPU")):
        results = model([])
        with np.load(saved / f"{name}.npz") as expected:
            assert len(results) == len(expected.files) == 4
            for index, key in enumerate(expected.files):
                assert results[index].shape == expected[key].shape
                if expected[key].size != 0:  # OpenVINO gives f64 for an array of no strings
                    assert results[index].dtype.kind == expected[key].dtype.kind
                assert results[index].tolist() == expected[key].tolist()


def words(*values: int, text: bytes = b"abcde") -> bytes:
    """A count, the offsets behind it, and the characters."""
    return struct.pack(f"<{len(values)}I", *values) + text


XML = """<net name="strings" version="11"><layers>
<layer id="0" name="words" type="Const" version="opset1">
<data element_type="string" shape="{shape}" offset="0" size="{size}"/>
<output><port id="0" names="words"/></output></layer>
<layer id="1" name="result" type="Result" version="opset1"><input><port id="0"/></input></layer>
</layers><edges><edge from-layer="0" from-port="0" to-layer="1" to-port="0"/></edges></net>"""


def read(content: bytes, shape: str = "3") -> coinfer.Model:
    xml = XML.format(shape=shape, size=len(content))
    return coinfer.Core().read_model(xml.encode(), content)


def test_strings_are_a_count_offsets_and_characters() -> None:
    compiled = coinfer.compile_model(read(words(3, 0, 2, 2, 5)), "CPU")
    assert compiled([])["words"].tolist() == ["ab", "", "cde"]


@pytest.mark.parametrize(
    ("content", "shape", "text"),
    [
        (words(4, 0, 2, 2, 5), "3", "its 25 bytes do not hold 3 strings"),
        (words(2, 0, 2, 2, 5), "3", "its 25 bytes do not hold 3 strings"),
        (words(0xFFFFFFFF, 0, 2, 2, 5), "3", "its 25 bytes do not hold 3 strings"),
        (words(3, 0, 2, 2, text=b""), "3", "its 16 bytes do not hold 3 strings"),
        (words(3, 0, text=b""), "3", "8 bytes for 3 strings"),
        (b"", "3", "0 bytes for 3 strings"),
        (b"abc", "0", "its 3 bytes do not hold 0 strings"),
        (words(3, 0, 3, 2, 5), "3", "its string 1 lies at bytes 3 to 2 of 5"),
        (words(3, 0, 2, 2, 6), "3", "its string 2 lies at bytes 2 to 6 of 5"),
        (words(3, 0, 0xFFFFFFFF, 2, 5), "3", "its string 0 lies at bytes 0 to 4294967295 of 5"),
        (words(3, 9, 2, 2, 5), "3", "its string 0 lies at bytes 9 to 2 of 5"),
        (words(3, 0, 2, 2, 5), "4611686018427387904", "25 bytes for 4611686018427387904 strings"),
        (words(3, 0, 2, 2, 5), "?", "'words' (Const, opset1)"),
    ],
)
def test_damaged_strings_are_refused_with_the_layer_named(
    content: bytes, shape: str, text: str
) -> None:
    with pytest.raises(coinfer.Error) as caught:
        read(content, shape)
    assert "'words' (Const, opset1)" in str(caught.value)
    assert text in str(caught.value)
