"""Every operator test of ONNX that coinfer is meant to pass, and clear errors for the others."""

from __future__ import annotations

import re
import warnings

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

import coinfer
from tests.conformance.nodes import UNSUPPORTED_OPERATORS, NodeCase, node_cases, operators

# Fewer than these means that something was lost, or that a newer onnx package took cases away.
FLOOR = 1319

SUPPORTED = [case for case in node_cases().values() if case.unsupported is None]
UNSUPPORTED = [case for case in node_cases().values() if case.unsupported is not None]

BF16 = np.dtype(ml_dtypes.bfloat16)
F32 = {"INFERENCE_PRECISION_HINT": "f32"}


def compare(actual: npt.NDArray[np.generic], case: NodeCase, index: int) -> None:
    """Fail unless the output equals the expected one as closely as the case asks."""
    expected = case.outputs[index]
    assert actual.shape == expected.shape
    if expected.dtype.kind in "OUST":
        text = [item.decode() if isinstance(item, bytes) else str(item) for item in expected.flat]
        assert [str(item) for item in actual.flat] == text
        return
    if expected.dtype == BF16 and actual.dtype == np.float16:
        actual = actual.view(BF16)  # numpy has no bfloat16: its bits come as float16, as OpenVINO's
    assert actual.dtype == expected.dtype
    rtol = case.rtol
    if expected.dtype in (np.dtype(np.float16), BF16):
        # Two roundings of the type: the expected outputs were computed in another order.
        rtol = max(rtol, 2.0**-6 if expected.dtype == BF16 else 2.0**-9)
    if expected.dtype.kind in "fV":
        np.testing.assert_allclose(
            actual.astype(np.float64), expected.astype(np.float64), rtol=rtol, atol=case.atol
        )
    else:
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("case", SUPPORTED, ids=lambda case: case.name.removeprefix("test_"))
def test_node(case: NodeCase) -> None:
    compiled = coinfer.Core().compile_model(case.model.SerializeToString(), "CPU", F32)
    # ONNX's cases have texts as objects; here, as in OpenVINO, they are of kind U.
    inputs = [np.asarray(x).astype("U") if x.dtype == object else x for x in case.inputs]
    results = compiled(dict(enumerate(inputs)))
    assert len(results) == len(case.outputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # casts of infinities
        for index in range(len(case.outputs)):
            compare(results[index], case, index)


@pytest.mark.parametrize("case", UNSUPPORTED, ids=lambda case: case.name.removeprefix("test_"))
def test_what_is_not_supported_says_so(case: NodeCase) -> None:
    with pytest.raises(coinfer.Error) as caught:
        # What depends on an input's value is known when it runs.
        coinfer.Core().compile_model(case.model.SerializeToString(), "CPU", F32)(
            dict(enumerate(case.inputs))
        )
    assert re.search(
        "not (supported|implemented)|only dense tensors are supported|coinfer reads opsets",
        str(caught.value),
    )


def test_the_number_of_cases_that_pass_does_not_shrink() -> None:
    assert len(SUPPORTED) >= FLOOR


def test_no_operator_is_listed_as_unsupported_in_vain() -> None:
    used = {operator for case in UNSUPPORTED for operator in operators(case.model)}
    assert set(UNSUPPORTED_OPERATORS) - used == set()
