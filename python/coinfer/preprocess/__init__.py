"""Preparation of inputs, and what is done with outputs, inside a model.

    p = PrePostProcessor(model)
    p.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    p.input().preprocess().convert_element_type(Type.f32).resize(ResizeAlgorithm.RESIZE_LINEAR)
    p.input().model().set_layout(Layout("NCHW"))
    model = p.build()

Nothing is changed before `build`.
"""

from coinfer._coinfer import _InputInfo as InputInfo
from coinfer._coinfer import _InputModelInfo as InputModelInfo
from coinfer._coinfer import _InputTensorInfo as InputTensorInfo
from coinfer._coinfer import _OutputInfo as OutputInfo
from coinfer._coinfer import _OutputModelInfo as OutputModelInfo
from coinfer._coinfer import _OutputTensorInfo as OutputTensorInfo
from coinfer._coinfer import _PostProcessSteps as PostProcessSteps
from coinfer._coinfer import _PrePostProcessor as PrePostProcessor
from coinfer._coinfer import _PreProcessSteps as PreProcessSteps
from coinfer.preprocess._enums import ColorFormat, PaddingMode, ResizeAlgorithm

__all__ = [
    "ColorFormat",
    "InputInfo",
    "InputModelInfo",
    "InputTensorInfo",
    "OutputInfo",
    "OutputModelInfo",
    "OutputTensorInfo",
    "PaddingMode",
    "PostProcessSteps",
    "PrePostProcessor",
    "PreProcessSteps",
    "ResizeAlgorithm",
]

for _class in (
    InputInfo,
    InputModelInfo,
    InputTensorInfo,
    OutputInfo,
    OutputModelInfo,
    OutputTensorInfo,
    PostProcessSteps,
    PrePostProcessor,
    PreProcessSteps,
):
    _class.__name__ = _class.__qualname__ = _class.__name__.removeprefix("_")
del _class
