#include <numeric>

#include "frontends/ir/writer.hpp"

/// Blocks, patches and turns: what is put together of reshapes and transpositions.
namespace coinfer::frontends::ir {
namespace {

using Values = std::vector<ValueId>;
using Ints = std::vector<std::int64_t>;

std::int64_t normal(Writer& w, std::int64_t axis, std::int64_t rank) {
  if (axis < -rank || axis >= rank) {
    w.fail(fmt::format("its axis {} does not lie in a tensor of rank {}", axis, rank));
  }
  return axis < 0 ? axis + rank : axis;
}

/// Groups of channels as rows of a matrix, which is transposed.
Values shuffle_channels(Writer& w) {
  const auto x = w.in(0);
  const auto rank = w.rank(0);
  const auto axis = normal(w, w.integer("axis", 1), rank);
  const auto groups = w.integer("group", 1);
  if (groups < 1) {
    w.fail(fmt::format("it has {} groups", groups));
  }
  const auto each = w.node("Div", {w.extents(x, axis, axis + 1), w.ints({groups})});
  const auto apart =
      w.join({w.extents(x, 0, axis), w.ints({groups}), each, w.extents(x, axis + 1)});
  Ints order(static_cast<std::size_t>(rank) + 1);
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(axis)], order[static_cast<std::size_t>(axis) + 1]);
  const auto turned = w.transpose(w.node("Reshape", {x, apart}, {{"allowzero", std::int64_t{1}}}),
                                  std::move(order));
  return {w.node("Reshape", {turned, w.extents(x)}, {{"allowzero", std::int64_t{1}}})};
}

Values roll(Writer& w) { return w.own("Roll", {w.in(0), w.i64(1), w.i64(2)}, 1); }

/// `value` (a shape or a part of it) divided or multiplied by block lengths.
ValueId scaled(Writer& w, const char* type, ValueId value, const Ints& blocks) {
  return w.node(type, {value, w.ints(blocks)});
}

Ints blocks_of(Writer& w, std::size_t rank) {
  const auto blocks = w.constant(1, "block_shape");
  if (blocks.size() != rank ||
      std::any_of(blocks.begin(), blocks.end(), [](auto b) { return b < 1 || b > 1 << 20; })) {
    w.fail(
        fmt::format("its block_shape is {} for a tensor of rank {}", fmt::join(blocks, ","), rank));
  }
  return blocks;
}

std::int64_t product(Writer& w, const Ints& blocks) {
  std::int64_t all = 1;
  for (const auto block : blocks) {
    if (__builtin_mul_overflow(all, block, &all)) {
      w.fail("its blocks are too large");
    }
  }
  return all;
}

ValueId reshaped(Writer& w, ValueId value, ValueId shape) {
  return w.node("Reshape", {value, shape}, {{"allowzero", std::int64_t{1}}});
}

/// Each axis as (blocks, place within one); the places go to the front, into the batch.
Values space_to_batch(Writer& w) {
  const auto rank = static_cast<std::size_t>(w.rank(0));
  const auto blocks = blocks_of(w, rank);
  const auto padded = w.node("Pad", {w.in(0), w.join({w.i64(2), w.i64(3)})});
  const auto counts = scaled(w, "Div", w.extents(padded), blocks);
  const auto pairs = w.join({w.unsqueeze(counts, {1}), w.unsqueeze(w.ints(blocks), {1})}, 1);
  const auto apart = reshaped(w, padded, w.node("Reshape", {pairs, w.ints({-1})}));
  Ints order;
  for (std::size_t i = 0; i < rank; ++i) {
    order.push_back(static_cast<std::int64_t>(2 * i + 1));
  }
  for (std::size_t i = 0; i < rank; ++i) {
    order.push_back(static_cast<std::int64_t>(2 * i));
  }
  Ints batch(rank, 1);
  batch[0] = product(w, blocks);
  return {reshaped(w, w.transpose(apart, std::move(order)), scaled(w, "Mul", counts, batch))};
}

Values batch_to_space(Writer& w) {
  const auto x = w.in(0);
  const auto rank = static_cast<std::size_t>(w.rank(0));
  const auto blocks = blocks_of(w, rank);
  Ints batch(rank, 1);
  batch[0] = product(w, blocks);
  const auto counts = scaled(w, "Div", w.extents(x), batch);
  const auto apart = reshaped(w, x, w.join({w.ints(blocks), counts}));
  Ints order;
  for (std::size_t i = 0; i < rank; ++i) {
    order.push_back(static_cast<std::int64_t>(rank + i));
    order.push_back(static_cast<std::int64_t>(i));
  }
  const auto whole = scaled(w, "Mul", counts, blocks);
  const auto joined = reshaped(w, w.transpose(apart, std::move(order)), whole);
  return {w.node("Slice", {joined, w.i64(2), w.node("Sub", {whole, w.i64(3)})})};
}

Values extract_patches(Writer& w) {
  const auto rule = w.text("auto_pad", "valid");
  if (rule != "valid" && rule != "same_upper" && rule != "same_lower") {
    w.fail(fmt::format("auto_pad='{}' is not known", rule));
  }
  return w.own("ExtractPatches", {w.in(0)}, 1,
               {{"kernel_shape", w.integers("sizes")},
                {"strides", w.integers("strides")},
                {"dilations", w.integers("rates")},
                {"auto_pad", std::string{rule == "valid"        ? "VALID"
                                         : rule == "same_upper" ? "SAME_UPPER"
                                                                : "SAME_LOWER"}}});
}

Values reorg_yolo(Writer& w) {
  auto strides = w.has("stride") ? w.integers("stride") : w.integers("strides");
  if (strides.empty() || strides[0] != strides.back()) {
    w.unsupported(
        fmt::format("its strides are {}; equal ones were expected", fmt::join(strides, ",")));
  }
  return w.own("ReorgYolo", {w.in(0)}, 1, {{"stride", strides[0]}});
}

/// The numbers of the elements that a slice takes tell where the updates go.
Values slice_scatter(Writer& w) {
  const auto x = w.in(0);
  const auto size = w.node("Size", {x});
  const auto numbers =
      reshaped(w, w.node("Range", {w.integer_scalar(0), size, w.integer_scalar(1)}), w.extents(x));
  const auto axes = w.inputs() > 5 ? w.i64(5) : graph::no_value;
  const auto taken = w.node("Slice", {numbers, w.i64(2), w.i64(3), axes, w.i64(4)});
  const auto flat = [&](ValueId value) { return w.node("Reshape", {value, w.ints({-1})}); };
  const auto result = w.node("ScatterElements", {flat(x), flat(taken), flat(w.in(1))});
  return {reshaped(w, result, w.extents(x))};
}

ElementType number_type(Writer& w, const char* attribute) {
  const auto name = w.text(attribute, "");
  for (auto i = static_cast<int>(ElementType::boolean); i < static_cast<int>(ElementType::string);
       ++i) {
    if (name_of(static_cast<ElementType>(i)) == name) {
      return static_cast<ElementType>(i);
    }
  }
  w.unsupported(fmt::format("{}='{}' is not supported", attribute, name));
}

Values eye(Writer& w) {
  const auto one = [&](std::size_t i) { return w.node("Reshape", {w.i64(i), w.ints({1})}); };
  const auto diagonal = w.constant(2, "diagonal_index");
  if (diagonal.size() != 1) {
    w.fail(fmt::format("it has {} diagonals", diagonal.size()));
  }
  const auto shape = w.join({one(0), one(1)});
  const auto empty = w.node("ConstantOfShape", {shape});
  const auto ones = w.node("EyeLike", {w.cast(empty, ElementType::f32)}, {{"k", diagonal[0]}});
  const auto result = w.cast(ones, number_type(w, "output_type"));
  if (w.inputs() < 4) {
    return {result};
  }
  return {w.node("Expand", {result, w.join({w.i64(3), shape})})};
}

Values unique(Writer& w) {
  std::vector<Writer::Attribute> attributes{{"sorted", std::int64_t{w.flag("sorted", true)}}};
  if (w.inputs() > 1) {
    attributes.emplace_back("axis", w.axis(1, w.rank(0)));
  }
  auto results = w.nodes("Unique", {w.in(0)}, 4, std::move(attributes));
  results[1] = w.as_index(results[1], w.index_type("index_element_type"));
  results[2] = w.as_index(results[2], w.index_type("index_element_type"));
  results[3] = w.as_index(results[3], w.index_type("count_element_type"));
  return results;
}

constexpr std::array table{
    NamedConversion{"ShuffleChannels", shuffle_channels},
    NamedConversion{"Roll", roll},
    NamedConversion{"SpaceToBatch", space_to_batch},
    NamedConversion{"BatchToSpace", batch_to_space},
    NamedConversion{"ExtractImagePatches", extract_patches},
    NamedConversion{"ReorgYolo", reorg_yolo, "equal strides"},
    NamedConversion{"SliceScatter", slice_scatter},
    NamedConversion{"Eye", eye},
    NamedConversion{"Unique", unique},
};

}  // namespace

std::span<const NamedConversion> rearranging_conversions() { return table; }

}  // namespace coinfer::frontends::ir
