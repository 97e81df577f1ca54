"""Models made of parts of a model, and what cannot be added to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import coinfer
from tests.python import ir_texts, models
from tests.python.parity.files import chain


@pytest.fixture
def model() -> coinfer.Model:
    return coinfer.Core().read_model(chain().SerializeToString())


def node(model: coinfer.Model, name: str) -> coinfer.Node:
    return next(one for one in model.get_ops() if one.friendly_name == name)


def run(model: coinfer.Model, *inputs: Any) -> Any:
    return coinfer.Core().compile_model(model, "CPU")(list(inputs))


def test_a_part_computes_what_it_was_in_the_whole(model: coinfer.Model) -> None:
    x = np.float32([-3, 2])
    part = coinfer.Model([node(model, "relu"), node(model, "add")], model.parameters, "part")
    assert part.friendly_name == "part"
    results = run(part, x)
    assert np.array_equal(results["positive"], [0, 3])
    assert np.array_equal(results["sum"], x + 1)
    assert "mul" not in [one.friendly_name for one in part.get_ops()]
    assert np.array_equal(run(model, x)["y"], [0, 6]), "the model is as it was"


def test_a_part_can_be_changed_on_its_own(model: coinfer.Model) -> None:
    part = coinfer.Model(model.results, model.parameters)
    node(part, "relu").friendly_name = "renamed"
    part.results[0].rt_info["a"] = 1
    assert node(model, "relu")
    assert "a" not in model.results[0].rt_info
    assert part != model
    assert coinfer.Model(model) == model


def test_an_input_that_is_not_needed_may_be_left_out() -> None:
    whole = coinfer.Core().read_model(models.two_inputs().SerializeToString())
    first = whole.parameters[0]
    part = coinfer.Model([first.output(0)], [first])
    assert len(part.inputs) == 1


def test_a_part_without_its_input_is_an_error_that_names_both(model: coinfer.Model) -> None:
    with pytest.raises(coinfer.Error, match="parameter 'x' is not given, and Add 'add' reads it"):
        coinfer.Model(model.results, [])
    with pytest.raises(coinfer.Error, match="parameter 'x' is given twice"):
        coinfer.Model(model.results, model.parameters * 2)
    with pytest.raises(coinfer.Error, match="'y/sink_port_0' belongs to another model"):
        coinfer.Model([*model.results, *model.clone().results], model.parameters)


def test_a_part_keeps_the_state_whose_sink_it_is_given() -> None:
    def counter() -> coinfer.Model:
        return coinfer.Core().read_model(ir_texts.counter().encode(), b"")

    def twice(model: coinfer.Model) -> list[float]:
        request = coinfer.Core().compile_model(model, "CPU").create_infer_request()
        return [float(request.infer([np.float32([1, 1])])[0][0]) for _ in range(2)]

    whole = counter()
    assert twice(coinfer.Model(whole.results, whole.sinks, whole.parameters)) == [1, 2]
    assert twice(coinfer.Model(whole.results, whole.parameters)) == [1, 1]
    whole.remove_sink(whole.sinks[0])
    assert whole.sinks == []
    assert twice(whole) == [1, 1]


def test_a_result_that_is_added_again_is_another_output(model: coinfer.Model) -> None:
    model.results[0].friendly_name = "mine"
    model.add_results(model.results)
    assert [one.friendly_name for one in model.results] == ["mine", "mine"]
    results = run(model, np.float32([-3, 2]))
    assert np.array_equal(results[0], results[1])
    model.remove_result(model.results[0])
    assert len(model.outputs) == 1


Refused = Callable[[coinfer.Model, coinfer.Model], Any]
REFUSED: dict[str, Refused] = {
    "results": lambda model, other: model.add_results(other.results),
    "parameters": lambda model, other: model.add_parameters(other.parameters),
    "a parameter": lambda model, other: model.replace_parameter(0, other.parameters[0]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_nodes_of_another_model_are_refused(model: coinfer.Model, what: str) -> None:
    with pytest.raises(coinfer.Unsupported, match="nodes are made by files alone"):
        REFUSED[what](model, model.clone())
    assert len(model.inputs) == len(model.outputs) == 1


def test_sinks_and_variables_of_another_model_are_refused(model: coinfer.Model) -> None:
    other = coinfer.Core().read_model(ir_texts.counter().encode(), b"")
    with pytest.raises(coinfer.Unsupported, match="sinks that are not the model's own"):
        model.add_sinks(other.sinks)
    with pytest.raises(coinfer.Unsupported, match="variables that are not the model's own"):
        model.add_variables(other.variables)
    other.add_sinks(other.sinks)
    other.add_variables(other.variables)
    assert len(other.sinks) == len(other.variables) == 1
