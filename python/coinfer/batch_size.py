"""The batch of a model: `coinfer.get_batch`, `coinfer.set_batch`."""

from __future__ import annotations

from coinfer._coinfer import Dimension, Error, Layout, Model, PartialShape


def _axis(layout: Layout, rank: int) -> int:
    index = layout.get_index_by_name("N")
    return index + rank if index < 0 else index


def get_batch(model: Model) -> Dimension:
    """The dimension N that the inputs of `model` with a layout have in common.

    Raises RuntimeError when no input has a layout with N, or when they differ.
    """
    found: dict[str, Dimension] = {}
    for parameter in model.parameters:
        layout = parameter.layout
        if layout.has_name("N"):
            shape = parameter.get_partial_shape()
            axis = _axis(layout, len(shape))
            found[parameter.friendly_name] = shape[axis]
    if not found:
        raise Error("no input of the model has a layout that says where N is")
    first = next(iter(found.values()))
    if any(one != first for one in found.values()):
        texts = ", ".join(f"'{name}': {one}" for name, one in found.items())
        raise Error(f"the inputs have different batches: {texts}")
    return first


def set_batch(model: Model, batch_size: int | Dimension = -1) -> None:
    """Give all inputs of `model` that have a layout with N the `batch_size`; -1: any.

    Raises RuntimeError when no input has one, or when the model cannot have that batch.
    """
    get_batch(model)
    shapes = {}
    for index, parameter in enumerate(model.parameters):
        layout = parameter.layout
        if layout.has_name("N"):
            shape = PartialShape(parameter.get_partial_shape())
            shape[_axis(layout, len(shape))] = batch_size
            shapes[index] = shape
    model.reshape(shapes)


for _function in (get_batch, set_batch):
    _function.__module__ = "coinfer"
del _function
