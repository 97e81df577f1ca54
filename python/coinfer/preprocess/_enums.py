"""What preprocessing steps choose from. The numbers are the native enumerations'."""

from __future__ import annotations

from coinfer.numbered import Numbered


class ColorFormat(Numbered):
    """How the channels of an image are stored."""

    UNDEFINED = 0
    NV12_SINGLE_PLANE = 1
    NV12_TWO_PLANES = 2
    I420_SINGLE_PLANE = 3
    I420_THREE_PLANES = 4
    RGB = 5
    BGR = 6
    GRAY = 7
    RGBX = 8
    BGRX = 9


class ResizeAlgorithm(Numbered):
    """How an image is made larger or smaller."""

    RESIZE_LINEAR = 0
    RESIZE_CUBIC = 1
    RESIZE_NEAREST = 2
    RESIZE_BILINEAR_PILLOW = 3
    RESIZE_BICUBIC_PILLOW = 4


class PaddingMode(Numbered):
    """What is added around a tensor."""

    CONSTANT = 0
    REFLECT = 2
    SYMMETRIC = 3


for _class in (ColorFormat, ResizeAlgorithm, PaddingMode):
    _class.__module__ = "coinfer.preprocess"
del _class
