#include <limits>

#include "frontends/ir/writer.hpp"

/// Products, convolutions, pooling, normalisation, reductions, attention.
namespace coinfer::frontends::ir {
namespace {

using Values = std::vector<ValueId>;
using Ints = std::vector<std::int64_t>;
using Attributes = std::vector<Writer::Attribute>;

/// The last two axes exchanged; a vector stays as it is.
ValueId turned(Writer& w, ValueId value, std::int64_t rank) {
  if (rank < 2) {
    return value;
  }
  Ints order;
  for (std::int64_t i = 0; i < rank; ++i) {
    order.push_back(i);
  }
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return w.transpose(value, order);
}

Values matmul(Writer& w) {
  const auto a = w.flag("transpose_a", false) ? turned(w, w.in(0), w.rank(0)) : w.in(0);
  const auto b = w.flag("transpose_b", false) ? turned(w, w.in(1), w.rank(1)) : w.in(1);
  return {w.node("MatMul", {a, b})};
}

/// One matrix a group, of as many rows each (three dimensions), or of those up to the group's end.
Values grouped_matmul(Writer& w) {
  if (w.inputs() > 2) {
    return w.own("GroupedMatMul", {w.in(0), w.in(1), w.i64(2)}, 1);
  }
  return {w.node("MatMul", {w.in(0), turned(w, w.in(1), w.rank(1))})};
}

/// strides, dilations, pads and auto_pad of a window.
Attributes window(Writer& w) {
  Attributes attributes{{"strides", w.integers("strides")}};
  if (w.has("dilations")) {
    attributes.emplace_back("dilations", w.integers("dilations"));
  }
  const auto rule = w.text("auto_pad", "explicit");
  if (rule == "same_upper" || rule == "same_lower") {
    attributes.emplace_back("auto_pad",
                            std::string{rule == "same_upper" ? "SAME_UPPER" : "SAME_LOWER"});
  } else if (rule == "valid") {
    attributes.emplace_back("auto_pad", std::string{"VALID"});
  } else if (rule == "explicit" || rule == "notset") {
    auto pads = w.integers("pads_begin");
    const auto end = w.integers("pads_end");
    pads.insert(pads.end(), end.begin(), end.end());
    attributes.emplace_back("pads", std::move(pads));
  } else {
    w.fail(fmt::format("auto_pad='{}' is not known", rule));
  }
  return attributes;
}

Values convolution(Writer& w) { return {w.node("Conv", {w.in(0), w.in(1)}, window(w))}; }

/// The taps of its kernel are moved by offsets.
Values deformable_convolution(Writer& w) {
  auto attributes = window(w);
  attributes.emplace_back("group", w.integer("group", 1));
  attributes.emplace_back("offset_group", w.integer("deformable_group", 1));
  attributes.emplace_back(
      "border", std::string{w.flag("bilinear_interpolation_pad", false) ? "zeros" : "near"});
  std::vector<ValueId> inputs{w.in(0), w.in(2), w.in(1)};
  if (w.inputs() > 3) {
    inputs.insert(inputs.end(), {graph::no_value, w.in(3)});
  }
  return {w.node("DeformConv", std::move(inputs), std::move(attributes))};
}

/// The plugin understands `adjoint` as the transpose.
Values inverse(Writer& w) {
  return w.own("Inverse", {w.in(0)}, 1, {{"transposed", std::int64_t{w.flag("adjoint", false)}}});
}

/// Filters (groups, a, b, …) as (groups * a, b, …), and the groups.
std::pair<ValueId, std::int64_t> joined_groups(Writer& w) {
  const auto& value = w.graph()[w.in(1)];
  const auto& shape = value.shape.has_rank() ? value.shape : w.shape(1);
  if (!shape.has_rank() || shape.rank() < 3 || !shape[0].is_static() || !shape[1].is_static()) {
    w.unsupported("the shape of its filters is not known");
  }
  const auto groups = shape[0].length();
  std::int64_t rows = 0;
  if (__builtin_mul_overflow(groups, shape[1].length(), &rows)) {
    w.fail("its filters are too large");
  }
  Ints joined{rows};
  for (std::size_t i = 2; i < static_cast<std::size_t>(shape.rank()); ++i) {
    if (!shape[i].is_static()) {
      w.unsupported("the shape of its filters is not known");
    }
    joined.push_back(shape[i].length());
  }
  return {w.node("Reshape", {w.in(1), w.ints(std::move(joined))}), groups};
}

Values group_convolution(Writer& w) {
  const auto [filters, groups] = joined_groups(w);
  auto attributes = window(w);
  attributes.emplace_back("group", groups);
  return {w.node("Conv", {w.in(0), filters}, std::move(attributes))};
}

/// Padding follows from auto_pad only where an output shape is given, and is nothing else. Of
/// output padding an odd element goes to the front for same_upper, which ONNX calls SAME_LOWER.
Values transposed(Writer& w, ValueId filters, std::int64_t groups) {
  Attributes attributes{{"strides", w.integers("strides")}, {"group", groups}};
  if (w.has("dilations")) {
    attributes.emplace_back("dilations", w.integers("dilations"));
  }
  if (w.has("output_padding")) {
    attributes.emplace_back("output_padding", w.integers("output_padding"));
  }
  const auto rule = w.text("auto_pad", "explicit");
  const bool same = rule == "same_upper" || rule == "same_lower";
  if (rule == "explicit" || rule == "notset") {
    auto pads = w.integers("pads_begin");
    const auto end = w.integers("pads_end");
    pads.insert(pads.end(), end.begin(), end.end());
    attributes.emplace_back("pads", std::move(pads));
  } else if (!same && rule != "valid") {
    w.fail(fmt::format("auto_pad='{}' is not known", rule));
  }
  if (w.inputs() > 2) {
    attributes.emplace_back("output_shape", w.constant(2, "output_shape"));
    if (same) {
      attributes.emplace_back("auto_pad",
                              std::string{rule == "same_upper" ? "SAME_LOWER" : "SAME_UPPER"});
    } else {
      attributes.emplace_back("keep_pads", std::int64_t{1});
    }
  }
  return {w.node("ConvTranspose", {w.in(0), filters}, std::move(attributes))};
}

Values convolution_backprop(Writer& w) { return transposed(w, w.in(1), 1); }

Values group_convolution_backprop(Writer& w) {
  const auto [filters, groups] = joined_groups(w);
  return transposed(w, filters, groups);
}

ValueId i64_axes(Writer& w, std::size_t i) {
  if (auto values = w.known(i)) {
    return w.ints(*std::move(values));
  }
  return w.cast(w.in(i), ElementType::i64);
}

ValueId reduced(Writer& w, std::string_view type, ValueId value, ValueId axes, bool keep) {
  return w.node(type, {value, axes},
                {{"keepdims", std::int64_t{keep}}, {"noop_with_empty_axes", std::int64_t{1}}});
}

Values pool(Writer& w, std::string_view type, std::size_t outputs, Attributes more) {
  auto attributes = window(w);
  attributes.emplace_back("kernel_shape", w.integers("kernel"));
  const auto rounding = w.text("rounding_type", "floor");
  attributes.emplace_back("ceil_mode", std::int64_t{rounding == "ceil_torch" ? 1
                                                    : rounding == "ceil"     ? 2
                                                                             : 0});
  attributes.insert(attributes.end(), more.begin(), more.end());
  return w.nodes(type, {w.in(0)}, outputs, std::move(attributes));
}

Values max_pool(Writer& w) {
  if (w.layer().outputs.size() < 2) {
    return pool(w, "MaxPool", 1, {});
  }
  auto results = pool(w, "MaxPool", 2, {});
  const auto axis = w.integer("axis", 0);
  if (axis != 0) {
    // Counted within the dimensions from `axis` on.
    results[1] = w.node("Mod", {results[1], reduced(w, "ReduceProd", w.extents(w.in(0), axis),
                                                    w.ints({0}), false)});
  }
  if (w.text("index_element_type", "i64") == "i32") {
    results[1] = w.cast(results[1], ElementType::i32);
  }
  return results;
}

Values avg_pool(Writer& w) {
  // The attribute is written both ways.
  const bool exclude = w.flag(w.has("exclude-pad") ? "exclude-pad" : "exclude_pad", false);
  return pool(w, "AveragePool", 1, {{"count_include_pad", std::int64_t{exclude ? 0 : 2}}});
}

Values batch_norm(Writer& w) {
  const bool old = w.opset() < 5;
  const auto x = w.in(old ? 2 : 0);
  const auto scale = w.in(old ? 0 : 1);
  const auto shift = w.in(old ? 1 : 2);
  return {w.node("BatchNormalization", {x, scale, shift, w.in(3), w.in(4)},
                 {{"epsilon", static_cast<float>(w.real("epsilon", 1e-5))}})};
}

constexpr char mean[] = "ReduceMean", sum[] = "ReduceSum", largest[] = "ReduceMax",
               least[] = "ReduceMin", product[] = "ReduceProd", l1[] = "ReduceL1",
               l2[] = "ReduceL2";

template <const auto& type>
Values reduce(Writer& w) {
  return {reduced(w, type, w.in(0), i64_axes(w, 1), w.flag("keep_dims", false))};
}

/// Over bools as integers: all is the least, any the largest.
template <const auto& type>
Values reduce_logical(Writer& w) {
  const auto value = reduced(w, type, w.cast(w.in(0), ElementType::i32), i64_axes(w, 1),
                             w.flag("keep_dims", false));
  return {w.cast(value, ElementType::boolean)};
}

Values softmax(Writer& w) {
  return {w.node("Softmax", {w.in(0)}, {{"axis", w.integer("axis", 1)}})};
}

Values log_softmax(Writer& w) {
  return {w.node("LogSoftmax", {w.in(0)}, {{"axis", w.integer("axis", 1)}})};
}

Values mvn(Writer& w) {
  const auto x = w.in(0);
  ValueId axes;
  if (w.opset() >= 6) {
    axes = i64_axes(w, 1);
  } else {
    Ints all;
    for (std::int64_t i = w.flag("across_channels", false) ? 1 : 2; i < w.rank(0); ++i) {
      all.push_back(i);
    }
    axes = w.ints(std::move(all));
  }
  const auto centred = w.node("Sub", {x, reduced(w, "ReduceMean", x, axes, true)});
  if (!w.flag("normalize_variance", true)) {
    return {centred};
  }
  const auto square = w.node("Mul", {centred, centred});
  auto spread = reduced(w, "ReduceMean", square, axes, true);
  const auto epsilon = w.scalar(w.real("eps", 1e-9), x);
  const auto mode = w.text("eps_mode", "inside_sqrt");
  const bool inside = mode == "inside_sqrt" || mode == "INSIDE_SQRT";
  spread = inside ? w.node("Sqrt", {w.node("Add", {spread, epsilon})})
                  : w.node("Add", {w.node("Sqrt", {spread}), epsilon});
  return {w.node("Div", {centred, spread})};
}

Values normalize_l2(Writer& w) {
  const auto x = w.in(0);
  const auto squares = reduced(w, "ReduceSum", w.node("Mul", {x, x}), i64_axes(w, 1), true);
  const auto mode = w.text("eps_mode", "add");
  const auto limited =
      w.node(mode == "max" ? "Max" : "Add", {squares, w.scalar(w.real("eps", 1e-9), x)});
  return {w.node("Div", {x, w.node("Sqrt", {limited})})};
}

/// Across the channels ONNX's operator; within a window of the image the same with an average.
Values lrn(Writer& w) {
  const auto x = w.in(0);
  const auto axes = w.constant(1, "axes");
  const auto size = w.integer("size", 5);
  if (axes == Ints{1}) {
    return {w.node("LRN", {x},
                   {{"alpha", static_cast<float>(w.real("alpha", 1e-4))},
                    {"beta", static_cast<float>(w.real("beta", 0.75))},
                    {"bias", static_cast<float>(w.real("bias", 1))},
                    {"size", size}})};
  }
  Ints image;
  for (std::int64_t i = 2; i < w.rank(0); ++i) {
    image.push_back(i);
  }
  if (axes != image || image.empty() || size < 1) {
    w.unsupported(fmt::format("axes {} other than the channels or the image are not supported",
                              fmt::join(axes, ",")));
  }
  Ints pads(image.size(), (size - 1) / 2);
  pads.resize(2 * image.size(), size / 2);
  const auto squares = w.node("AveragePool", {w.node("Mul", {x, x})},
                              {{"kernel_shape", Ints(image.size(), size)},
                               {"pads", pads},
                               {"count_include_pad", std::int64_t{1}}});
  const auto sum = w.node("Add", {w.node("Mul", {squares, w.scalar(w.real("alpha", 1e-4), x)}),
                                  w.scalar(w.real("bias", 1), x)});
  return {w.node("Div", {x, w.node("Pow", {sum, w.scalar(w.real("beta", 0.75), x)})})};
}

/// By the root of the channels' squares.
Values grn(Writer& w) {
  const auto x = w.in(0);
  const auto squares = reduced(w, "ReduceSum", w.node("Mul", {x, x}), w.ints({1}), true);
  return {w.node("Div",
                 {x, w.node("Sqrt", {w.node("Add", {squares, w.scalar(w.real("bias", 1), x)})})})};
}

Values group_normalization(Writer& w) {
  return {w.node("GroupNormalization", {w.in(0), w.in(1), w.in(2)},
                 {{"num_groups", w.integer("num_groups", 1)},
                  {"epsilon", static_cast<float>(w.real("epsilon", 1e-5))}})};
}

Values einsum(Writer& w) {
  Values inputs;
  for (std::size_t i = 0; i < w.inputs(); ++i) {
    inputs.push_back(w.in(i));
  }
  return {w.node("Einsum", inputs, {{"equation", w.text("equation", "")}})};
}

/// True where key j is not behind query i, for scores [..., queries, keys].
ValueId causal_mask(Writer& w, ValueId scores) {
  const auto ones = w.node("Expand", {w.integer_scalar(1), w.extents(scores, -2)});
  return w.cast(w.node("Trilu", {ones}, {{"upper", std::int64_t{0}}}), ElementType::boolean);
}

/// softmax(q · kᵀ · scale + mask) · v
Values attention(Writer& w) {
  if (w.inputs() > 5) {
    w.unsupported("a sink (input 5) is not supported");
  }
  const auto q = w.in(0);
  const auto lowest = w.scalar(-std::numeric_limits<double>::infinity(), q);
  ValueId scale;
  if (w.inputs() > 4) {
    scale = w.in(4);
  } else {
    const auto length = w.cast(w.squeeze(w.extents(q, -1), {0}), w.type(q));
    scale = w.node("Div", {w.scalar(1, q), w.node("Sqrt", {length})});
  }
  auto scores = w.node("MatMul", {w.node("Mul", {q, scale}), turned(w, w.in(1), w.rank(1))});
  if (w.flag("causal", false)) {
    scores = w.node("Where", {causal_mask(w, scores), scores, lowest});
  } else if (w.inputs() > 3) {
    const auto mask = w.in(3);
    scores = w.type(mask) == ElementType::boolean ? w.node("Where", {mask, scores, lowest})
                                                  : w.node("Add", {scores, mask});
  }
  return {w.node("MatMul", {w.node("Softmax", {scores}, {{"axis", std::int64_t{-1}}}), w.in(2)})};
}

constexpr std::array table{
    NamedConversion{"MatMul", matmul},
    NamedConversion{"Convolution", convolution},
    NamedConversion{"GroupConvolution", group_convolution},
    NamedConversion{"DeformableConvolution", deformable_convolution},
    NamedConversion{"Inverse", inverse},
    NamedConversion{"GroupedMatMul", grouped_matmul},
    NamedConversion{"ConvolutionBackpropData", convolution_backprop},
    NamedConversion{"GroupConvolutionBackpropData", group_convolution_backprop},
    NamedConversion{"MaxPool", max_pool},
    NamedConversion{"AvgPool", avg_pool},
    NamedConversion{"BatchNormInference", batch_norm},
    NamedConversion{"ReduceMean", reduce<mean>},
    NamedConversion{"ReduceSum", reduce<sum>},
    NamedConversion{"ReduceMax", reduce<largest>},
    NamedConversion{"ReduceMin", reduce<least>},
    NamedConversion{"ReduceProd", reduce<product>},
    NamedConversion{"ReduceL1", reduce<l1>},
    NamedConversion{"ReduceL2", reduce<l2>},
    NamedConversion{"ReduceLogicalAnd", reduce_logical<least>},
    NamedConversion{"ReduceLogicalOr", reduce_logical<largest>},
    NamedConversion{"SoftMax", softmax},
    NamedConversion{"Softmax", softmax},
    NamedConversion{"LogSoftmax", log_softmax},
    NamedConversion{"MVN", mvn},
    NamedConversion{"NormalizeL2", normalize_l2},
    NamedConversion{"LRN", lrn, "axes: the channels, or all of the image"},
    NamedConversion{"GRN", grn},
    NamedConversion{"GroupNormalization", group_normalization},
    NamedConversion{"Einsum", einsum},
    NamedConversion{"ScaledDotProductAttention", attention, "without a sink"},
};

}  // namespace

std::span<const NamedConversion> network_conversions() { return table; }

}  // namespace coinfer::frontends::ir
