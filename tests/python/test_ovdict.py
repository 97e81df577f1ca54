"""OVDict: a read-only mapping with three kinds of key."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import coinfer
from tests.python.models import multi_output, one_add


@pytest.fixture
def model() -> coinfer.CompiledModel:
    return coinfer.Core().compile_model(multi_output((2, 3)), "CPU", {})


@pytest.fixture
def results(model: coinfer.CompiledModel) -> coinfer.OVDict:
    return model(np.float32([[1, -2, 3], [0, 0.7, 0]]))


def test_values_are_found_by_port_index_and_name(
    model: coinfer.CompiledModel, results: coinfer.OVDict
) -> None:
    for i, port in enumerate(model.outputs):
        name = port.any_name
        assert results[port] is results[i] is results[name] is results[i - 4]
        assert port in results
        assert i in results
        assert name in results


@pytest.mark.parametrize("key", ["nope", 4, -5, 1.5, None])
def test_other_keys_are_key_errors(results: coinfer.OVDict, key: object) -> None:
    assert key not in results
    assert results.get(key) is None
    with pytest.raises(KeyError):
        results[key]


def test_it_is_a_mapping_in_output_order(
    model: coinfer.CompiledModel, results: coinfer.OVDict
) -> None:
    assert isinstance(results, Mapping)
    assert len(results) == 4
    assert list(results) == list(results.keys()) == model.outputs
    assert [value.shape for value in results.values()] == [(2, 3), (2, 3), (), (2, 3)]
    assert [port.any_name for port, _ in results.items()] == ["plus", "positive", "total", "large"]
    assert results.names() == ({"plus"}, {"positive"}, {"total"}, {"large"})
    plus, *_ = results.to_tuple()
    assert plus is results[0]
    assert dict(results) == results.to_dict() or list(dict(results)) == list(results.to_dict())


def test_it_is_read_only(results: coinfer.OVDict) -> None:
    with pytest.raises(TypeError):
        results["plus"] = 1
    with pytest.raises(AttributeError):
        results.other = 1


def test_types_of_outputs(results: coinfer.OVDict) -> None:
    assert results["plus"].dtype == np.float32
    assert results["large"].dtype == np.bool_
    assert results["total"] == pytest.approx(2.7)


def test_made_in_python_it_is_the_same(results: coinfer.OVDict) -> None:
    twin = coinfer.OVDict(results.to_dict())
    assert twin["plus"] is results["plus"]
    assert twin[-1] is results[3]
    assert repr(twin) == repr(results)


def test_copies_and_views() -> None:
    model = coinfer.Core().compile_model(one_add((3,)), "CPU", {})
    request = model.create_infer_request()
    copied = request.infer(np.float32([1, 2, 3]))[0]
    view = request.infer(np.float32([1, 2, 3]), share_outputs=True)[0]
    assert copied.flags.owndata
    assert np.shares_memory(view, request.get_output_tensor().data)
    request.infer(np.float32([4, 5, 6]))
    np.testing.assert_array_equal(view, [5, 6, 7])
    np.testing.assert_array_equal(copied, [2, 3, 4])
