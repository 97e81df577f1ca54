#pragma once

#include "graph/graph.hpp"

namespace coinfer::passes {

/// Makes one product of 8-bit tensors of a convolution whose operands DequantizeLinear makes,
/// before folding would make f32 weights of them. Does nothing on machines where such products are
/// inexact.
void recognise_quantization(graph::Graph& graph);

/// Folds batch normalisation, and multiplications and additions of one constant a channel, into
/// the constant weights of the convolution before them; where there is none, into one
/// BatchNormalization.
void fold_channel_scaling(graph::Graph& graph);

/// Recognises GELU, swish, hard-swish and layer normalisation written out in elementary operators.
void recognise_functions(graph::Graph& graph);

/// Does without joining channels where a convolution can add up its results over the parts, and
/// joins them after a pooling instead of before.
void split_concats(graph::Graph& graph);

}  // namespace coinfer::passes
