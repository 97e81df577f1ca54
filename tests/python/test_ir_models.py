"""What a model read from OpenVINO IR keeps: runtime info, layouts, its freedom to be reshaped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import coinfer

MODELS = """
import sys
import numpy as np
import openvino
from openvino import opset14 as o

folder = sys.argv[1]
core = openvino.Core()

def save(name, results, parameters):
    model = openvino.Model([o.result(r) for r in results], parameters, name)
    if name == "noted":
        model.set_rt_info("1.2", "plain")
        model.set_rt_info(3, ["deep", "with space"])
        model.set_rt_info([1, 2], ["deep", "list"])
    openvino.save_model(model, f"{folder}/{name}.xml", compress_to_fp16=False)

x = o.parameter([1, 3, 8], np.float32, name="x")
x.set_layout(openvino.Layout("NCH"))
save("noted", [o.relu(x)], [x])

# What each of these computes follows from the shape of its input.
x = o.parameter([2, 6, 4], np.float32, name="x")
y = o.parameter([2, 24], np.float32, name="y")
save("reshape", [o.reshape(y, o.shape_of(x, "i32"), False)], [x, y])
x = o.parameter([2, 6, 4], np.float32, name="x")
length = o.gather(o.shape_of(x), np.int64([1]), np.int64(0))
half = o.divide(length, np.int64([2]))
save("slice", [o.strided_slice(x, np.int64([0, 1]), o.concat([np.int64([0]), half], 0),
                               np.int64([1, 1]), [1, 0], [1, 0])], [x])
x = o.parameter([2, 6, 4], np.float32, name="x")
save("split", o.variadic_split(x, np.int64(1), np.int64([1, -1, 2])).outputs(), [x])
x = o.parameter([2, 6, 4], np.float32, name="x")
save("shuffle", [o.shuffle_channels(x, 1, 2)], [x])
x = o.parameter([2, 6, 4], np.float32, name="x")
start = o.subtract(o.gather(o.shape_of(x), np.int64([2]), np.int64(0)), np.int64([2]))
save("last", [o.strided_slice(x, o.concat([np.int64([0, 0]), start], 0), np.int64([0, 0, 0]),
                              np.int64([1, 1, 1]), [1, 1, 0], [1, 1, 1], [], [0, 0, 1])], [x])
x = o.parameter([2, 1, 4], np.float32, name="x")
order = o.shape_of(o.reshape(x, np.int64([-1]), False))
axis = o.subtract(o.squeeze(order, np.int64([0])), np.int64(7))
save("axis", [o.gather(x, np.int64([0]), axis)], [x])

x = o.parameter([-1], np.float32, name="x")
save("round", [o.round(x, "half_away_from_zero")], [x])
x = o.parameter([1, 3, 2, 2], np.float32, name="x")
save("lrn", [o.lrn(x, np.int64([1]), 2e-2, 0.7, 0.5, 3)], [x])
"""


@pytest.fixture(scope="module")
def saved(fill_in_peers: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ir")
    fill_in_peers(folder, "-c", MODELS)
    return folder


def test_notes_and_layouts_are_kept(saved: Path) -> None:
    model = coinfer.Core().read_model(saved / "noted.xml")
    assert model.get_rt_info("plain") == "1.2"
    assert model.get_rt_info(["deep", "with space"]) == "3"
    assert model.get_rt_info(["deep", "list"]) == "1 2"
    assert model.get_rt_info("version") == 11
    assert model.has_rt_info(["deep", "list"])
    assert not model.has_rt_info(["deep", "none"])
    model.set_rt_info("new", ["deep", "list"])
    assert model.get_rt_info(["deep", "list"]) == "new"
    assert model.inputs[0].node.layout == coinfer.Layout("NCH")


def reshaped(path: Path, *values: np.ndarray) -> list[np.ndarray]:
    """The results after a reshape to the shapes of `values`."""
    model = coinfer.Core().read_model(path)
    model.reshape({i: value.shape for i, value in enumerate(values)})
    results = coinfer.compile_model(model, "CPU")(list(values))
    return [results[i] for i in range(len(results))]


def numbers(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("shape", [(2, 6, 4), (3, 8, 5)])
def test_a_reshape_changes_what_follows_from_shapes(shape: tuple[int, ...], saved: Path) -> None:
    x = numbers(*shape)
    y = numbers(shape[0], shape[1] * shape[2])
    (result,) = reshaped(saved / "reshape.xml", x, y)
    np.testing.assert_array_equal(result, y.reshape(shape))
    (result,) = reshaped(saved / "slice.xml", x)
    np.testing.assert_array_equal(result, x[:, 1 : shape[1] // 2])
    first, middle, last = reshaped(saved / "split.xml", x)
    np.testing.assert_array_equal(np.concatenate([first, middle, last], 1), x)
    assert (first.shape[1], last.shape[1]) == (1, 2)
    (result,) = reshaped(saved / "shuffle.xml", x)
    groups = x.reshape(shape[0], 2, shape[1] // 2, shape[2])
    np.testing.assert_array_equal(result, groups.swapaxes(1, 2).reshape(shape))
    (result,) = reshaped(saved / "last.xml", x)
    np.testing.assert_array_equal(result, x[..., -2])


def test_a_reshape_that_would_change_an_argument_is_refused(saved: Path) -> None:
    (result,) = reshaped(saved / "axis.xml", numbers(2, 1, 4))
    np.testing.assert_array_equal(result, numbers(2, 1, 4)[:, [0]])
    model = coinfer.Core().read_model(saved / "axis.xml")
    with pytest.raises(coinfer.Error, match=r"is 2 now; the model was read with 1"):
        model.reshape([3, 1, 3])


def test_rounding_and_normalisation_are_exact_where_openvino_is_not(saved: Path) -> None:
    """The oracle adds 0.5 before it rounds, and takes the bias of LRN as an integer."""
    values = np.float32([0.49999997, -0.49999997, 0.5, -0.5, 2.5, 8388609])
    result = coinfer.compile_model(saved / "round.xml", "CPU")(values)[0]
    np.testing.assert_array_equal(result, np.float32([0, 0, 1, -1, 3, 8388609]))
    x = np.linspace(0.5, 3, 12, dtype=np.float32).reshape(1, 3, 2, 2)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    result = coinfer.compile_model(saved / "lrn.xml", "CPU", exact)(x)[0]
    squares = np.pad(x**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    sums = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
    np.testing.assert_allclose(result, x / (0.5 + 2e-2 / 3 * sums) ** 0.7, rtol=1e-5)
