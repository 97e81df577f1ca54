"""Where the usual dimensions are in a layout, and the layouts of a model's inputs and outputs."""

from __future__ import annotations

from coinfer._coinfer import Layout, Output


def has_batch(layout: Layout) -> bool:
    """True when the layout has a dimension N."""
    return layout.has_name("N")


def has_channels(layout: Layout) -> bool:
    """True when the layout has a dimension C."""
    return layout.has_name("C")


def has_depth(layout: Layout) -> bool:
    """True when the layout has a dimension D."""
    return layout.has_name("D")


def has_height(layout: Layout) -> bool:
    """True when the layout has a dimension H."""
    return layout.has_name("H")


def has_width(layout: Layout) -> bool:
    """True when the layout has a dimension W."""
    return layout.has_name("W")


def batch_idx(layout: Layout) -> int:
    """Where N is in the layout, counted from the back (negative) after "...".

    Raises RuntimeError when there is none.
    """
    return layout.get_index_by_name("N")


def channels_idx(layout: Layout) -> int:
    """Where C is in the layout, counted from the back (negative) after "...".

    Raises RuntimeError when there is none.
    """
    return layout.get_index_by_name("C")


def depth_idx(layout: Layout) -> int:
    """Where D is in the layout, counted from the back (negative) after "...".

    Raises RuntimeError when there is none.
    """
    return layout.get_index_by_name("D")


def height_idx(layout: Layout) -> int:
    """Where H is in the layout, counted from the back (negative) after "...".

    Raises RuntimeError when there is none.
    """
    return layout.get_index_by_name("H")


def width_idx(layout: Layout) -> int:
    """Where W is in the layout, counted from the back (negative) after "...".

    Raises RuntimeError when there is none.
    """
    return layout.get_index_by_name("W")


def get_layout(port: Output) -> Layout:
    """The layout of `port`, a model's input or output; an empty one when it is not known."""
    return port.node.layout


def set_layout(port: Output, layout: Layout) -> None:
    """Say what the dimensions of `port`, a model's input or output, mean.

    Raises RuntimeError when the layout does not suit the shape.
    """
    port.node.layout = layout
