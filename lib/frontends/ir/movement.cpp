#include <limits>
#include <numeric>

#include "frontends/ir/writer.hpp"

/// Shapes and places: reshaping, slicing, gathering, scattering, joining, sorting.
namespace coinfer::frontends::ir {
namespace {

using Values = std::vector<ValueId>;
using Ints = std::vector<std::int64_t>;

Values reshape(Writer& w) {
  return {w.node("Reshape", {w.in(0), w.i64(1)},
                 {{"allowzero", std::int64_t{!w.flag("special_zero", false)}}})};
}

Values squeeze(Writer& w) {
  if (w.inputs() < 2) {
    return {w.node("Squeeze", {w.in(0)})};
  }
  return {w.node("Squeeze", {w.in(0), w.i64(1)})};
}

Values unsqueeze(Writer& w) { return {w.node("Unsqueeze", {w.in(0), w.i64(1)})}; }

Values transpose(Writer& w) {
  auto order = w.constant(1, "order");
  return {order.empty() ? w.node("Transpose", {w.in(0)}) : w.transpose(w.in(0), order)};
}

Values shape_of(Writer& w) {
  return {w.as_index(w.node("Shape", {w.in(0)}), w.index_type("output_type"))};
}

Values concat(Writer& w) {
  Values inputs;
  for (std::size_t i = 0; i < w.inputs(); ++i) {
    inputs.push_back(w.in(i));
  }
  return {w.node("Concat", inputs, {{"axis", w.integer("axis", 0)}})};
}

Values split(Writer& w) {
  const auto axis = w.constant(1, "axis");
  const auto count = w.integer("num_splits", 1);
  if (axis.size() != 1 || count < 1 || count > 1 << 16) {
    w.fail(fmt::format("it has {} axes and num_splits={}", axis.size(), count));
  }
  return w.nodes("Split", {w.in(0)}, static_cast<std::size_t>(count),
                 {{"axis", axis[0]}, {"num_outputs", count}});
}

Values variadic_split(Writer& w) {
  const auto axis = w.constant(1, "axis");
  auto lengths = w.constant(2, "split_lengths");
  if (axis.size() != 1 || lengths.empty()) {
    w.fail(fmt::format("it has {} axes and {} lengths", axis.size(), lengths.size()));
  }
  const auto count = lengths.size();
  auto split = w.ints(lengths);
  const auto open = std::find(lengths.begin(), lengths.end(), -1);
  if (open != lengths.end()) {
    const auto others = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{1});
    *open = 0;
    Ints one(count, 0);
    one[static_cast<std::size_t>(open - lengths.begin())] = 1;
    const auto length = w.node("Gather", {w.node("Shape", {w.in(0)}), w.ints({axis[0]})},
                               {{"axis", std::int64_t{0}}});
    const auto left = w.node("Sub", {length, w.ints({others})});
    split = w.node("Add", {w.ints(lengths), w.node("Mul", {w.ints(std::move(one)), left})});
  }
  return w.nodes("Split", {w.in(0), split}, count, {{"axis", axis[0]}});
}

Values gather(Writer& w) {
  const auto axis = w.constant(2, "axis");
  if (axis.size() != 1) {
    w.fail(fmt::format("it has {} axes", axis.size()));
  }
  const auto batch = w.integer("batch_dims", 0);
  if (batch == 0) {
    return {w.node("Gather", {w.in(0), w.in(1)}, {{"axis", axis[0]}})};
  }
  const auto at = axis[0] < 0 ? axis[0] + w.rank(0) : axis[0];
  if (batch > at || batch < -w.rank(1)) {
    w.fail(fmt::format("its batch_dims={} lies behind its axis {}", batch, at));
  }
  const auto batches = batch < 0 ? batch + w.rank(1) : batch;
  // GatherND picks right behind the batch: the axis goes there, and what it becomes goes back.
  const auto moved = [](std::int64_t rank, std::int64_t from, std::int64_t count, std::int64_t to) {
    Ints order;
    for (std::int64_t i = 0; i < rank; ++i) {
      if (i < from || i >= from + count) {
        order.push_back(i);
      }
    }
    for (std::int64_t i = 0; i < count; ++i) {
      order.insert(order.begin() + to + i, from + i);
    }
    return order;
  };
  const auto indices = w.unsqueeze(w.i64(1), {-1});
  if (batches == at) {
    return {w.node("GatherND", {w.in(0), indices}, {{"batch_dims", batches}})};
  }
  const auto picked = w.rank(1) - batches;
  const auto result =
      w.node("GatherND", {w.transpose(w.in(0), moved(w.rank(0), at, 1, batches)), indices},
             {{"batch_dims", batches}});
  return {w.transpose(result, moved(w.rank(0) - 1 + picked, batches, picked, at))};
}

Values gather_elements(Writer& w) {
  return {w.node("GatherElements", {w.in(0), w.in(1)}, {{"axis", w.integer("axis", 0)}})};
}

Values gather_nd(Writer& w) {
  const auto batch = w.integer("batch_dims", 0);
  const auto result = w.node("GatherND", {w.in(0), w.i64(1)}, {{"batch_dims", batch}});
  if (batch < 2 || w.opset() >= 8) {
    return {result};
  }
  // Before opset 8 the batch dimensions of the result were joined.
  return {w.node("Reshape", {result, w.join({w.ints({-1}), w.extents(result, batch)})})};
}

/// The axis comes first for ScatterND, and goes back.
Values scatter_update(Writer& w) {
  const auto rank = w.rank(0);
  const auto axis = w.axis(3, rank);
  const auto indices = w.unsqueeze(w.i64(1), {-1});
  if (axis == 0) {
    return {w.node("ScatterND", {w.in(0), indices, w.in(2)})};
  }
  const auto picked = w.rank(1);
  const auto turned = [&](std::int64_t length, std::int64_t total) {
    Ints order;
    for (std::int64_t i = 0; i < length; ++i) {
      order.push_back(axis + i);
    }
    for (std::int64_t i = 0; i < total; ++i) {
      if (i < axis || i >= axis + length) {
        order.push_back(i);
      }
    }
    return order;
  };
  const auto there = turned(1, rank);
  Ints back(there.size());
  for (std::size_t i = 0; i < there.size(); ++i) {
    back[static_cast<std::size_t>(there[i])] = static_cast<std::int64_t>(i);
  }
  const auto result =
      w.node("ScatterND", {w.transpose(w.in(0), there), indices,
                           w.transpose(w.in(2), turned(picked, rank - 1 + picked))});
  return {w.transpose(result, back)};
}

/// ONNX's name of a reduction.
std::string reduction(Writer& w) {
  auto name = w.text("reduction", "none");
  if (name == "none" || name == "min" || name == "max") {
    return name;
  }
  if (name == "sum" || name == "sub" || name == "mean") {
    return "add";
  }
  if (name == "prod") {
    return "mul";
  }
  w.unsupported(fmt::format("reduction='{}' is not supported", name));
}

Values scatter_nd(Writer& w) {
  const auto how = reduction(w);
  const auto updates = w.text("reduction", "none") == "sub" ? w.node("Neg", {w.in(2)}) : w.in(2);
  return {w.node("ScatterND", {w.in(0), w.i64(1), updates}, {{"reduction", how}})};
}

/// What a reduction starts from when the value that was there does not count.
ValueId neutral(Writer& w, const std::string& how, ValueId like) {
  if (how == "add" || how == "mul") {
    return w.scalar(how == "add" ? 0 : 1, like);
  }
  const bool low = how == "max";
  if (!is_floating(w.type(like))) {
    const auto limit =
        low ? std::numeric_limits<std::int32_t>::min() : std::numeric_limits<std::int32_t>::max();
    if (w.type(like) != ElementType::i32) {
      w.unsupported(fmt::format("use_init_val=false with integers of type {} is not supported",
                                name_of(w.type(like))));
    }
    return w.scalar(limit, like);
  }
  const auto infinity = std::numeric_limits<double>::infinity();
  return w.scalar(low ? -infinity : infinity, like);
}

Values scatter_elements(Writer& w) {
  const auto how = reduction(w);
  const auto x = w.in(0), indices = w.in(1), updates = w.in(2);
  const auto axis = w.axis(3, w.rank(0));
  const auto scatter = [&](ValueId into, ValueId values, const std::string& reducing) {
    return w.node("ScatterElements", {into, indices, values},
                  {{"axis", axis}, {"reduction", reducing}});
  };
  const auto all = [&](ValueId value) { return w.node("Expand", {value, w.extents(indices)}); };
  const bool mean = w.text("reduction", "none") == "mean";
  const bool counts = w.flag("use_init_val", true);
  const auto start = how == "none" || counts ? x : scatter(x, all(neutral(w, how, x)), "none");
  const auto result = scatter(start, updates, how);
  if (!mean) {
    return {result};
  }
  const auto one = w.scalar(1, x);
  const auto first = w.node("Expand", {one, w.extents(x)});
  const auto begun = counts ? first : scatter(first, all(w.scalar(0, x)), "none");
  const auto number = scatter(begun, all(one), "add");
  return {w.node("Div", {result, number})};
}

Ints mask(Writer& w, const char* name, std::size_t size) {
  auto values = w.integers(name);
  values.resize(std::max(values.size(), size), 0);
  return values;
}

constexpr auto end_of_axis = std::numeric_limits<std::int64_t>::max();

/// One bound of each of `picked` entries of input `i`: the entry, or `fixed` where that is set.
ValueId bounds(Writer& w, std::size_t i, const Ints& picked,
               const std::vector<std::optional<std::int64_t>>& fixed) {
  Ints values;
  const auto known = w.known(i);
  Tensor replaced{ElementType::boolean, Shape{static_cast<std::int64_t>(picked.size())}};
  for (std::size_t k = 0; k < picked.size(); ++k) {
    const auto at = static_cast<std::size_t>(picked[k]);
    values.push_back(fixed[k] ? *fixed[k] : known ? known->at(at) : 0);
    replaced.data<bool>()[k] = fixed[k].has_value();
  }
  if (known || std::all_of(fixed.begin(), fixed.end(), [](auto f) { return f.has_value(); })) {
    return w.ints(std::move(values));
  }
  const auto entries = w.node("Gather", {w.i64(i), w.ints(picked)}, {{"axis", std::int64_t{0}}});
  return w.node("Where",
                {w.graph().add_constant(std::move(replaced)), w.ints(std::move(values)), entries});
}

/// How many entries begin, end and strides have.
std::size_t entries(Writer& w, std::size_t i) {
  if (const auto values = w.known(i)) {
    return values->size();
  }
  const auto& shape = w.graph()[w.in(i)].shape;
  if (!shape.has_rank() || shape.rank() != 1 || !shape[0].is_static() || shape[0].length() > 64) {
    w.unsupported(fmt::format("the length of its input {} is not known", i));
  }
  return static_cast<std::size_t>(shape[0].length());
}

Values strided_slice(Writer& w) {
  const auto size = entries(w, 1);
  const auto step = w.inputs() > 3 ? w.constant(3, "strides") : Ints(size, 1);
  if (entries(w, 2) != size || step.size() != size) {
    w.fail(
        fmt::format("begin has {} values, end {}, strides {}", size, entries(w, 2), step.size()));
  }
  const auto open_begin = mask(w, "begin_mask", size), open_end = mask(w, "end_mask", size);
  const auto added = mask(w, "new_axis_mask", size), dropped = mask(w, "shrink_axis_mask", size);
  const auto rest = mask(w, "ellipsis_mask", size);
  Ints axes, steps, picked, drop, add;
  std::vector<std::optional<std::int64_t>> starts, ends;
  Ints single;             // places in `picked` of which one element is taken
  std::int64_t axis = 0;   // of the data
  std::int64_t place = 0;  // among the axes before any is dropped
  for (std::size_t i = 0; i < size; ++i) {
    if (rest[i] != 0) {
      std::int64_t named = 0;
      for (std::size_t k = 0; k < size; ++k) {
        named += k != i && added[k] == 0 ? 1 : 0;
      }
      const auto skipped = std::max<std::int64_t>(w.rank(0) - named, 0);
      axis += skipped;
      place += skipped;
    } else if (added[i] != 0) {
      add.push_back(place++);
    } else {
      const bool one = dropped[i] != 0;
      const auto stride = one ? 1 : step[i];
      axes.push_back(axis++);
      steps.push_back(stride);
      starts.emplace_back();
      ends.emplace_back();
      if (one) {
        single.push_back(static_cast<std::int64_t>(picked.size()));
        drop.push_back(place);
      } else {
        if (open_begin[i] != 0) {
          starts.back() = stride > 0 ? 0 : end_of_axis;
        }
        if (open_end[i] != 0) {
          ends.back() = stride > 0 ? end_of_axis : -end_of_axis;
        }
      }
      picked.push_back(static_cast<std::int64_t>(i));
      ++place;
    }
  }
  auto value = w.in(0);
  if (!axes.empty()) {
    const auto start = bounds(w, 1, picked, starts);
    auto end = bounds(w, 2, picked, ends);
    if (!single.empty()) {
      // The element -1 ends where the axis does.
      const auto after =
          w.node("Where", {w.node("Equal", {start, w.ints({-1})}), w.ints({end_of_axis}),
                           w.node("Add", {start, w.ints({1})})});
      Tensor is_single{ElementType::boolean, Shape{static_cast<std::int64_t>(picked.size())}};
      std::fill_n(is_single.data<bool>(), picked.size(), false);
      for (const auto at : single) {
        is_single.data<bool>()[at] = true;
      }
      end = w.node("Where", {w.graph().add_constant(std::move(is_single)), after, end});
    }
    value = w.node("Slice", {value, start, end, w.ints(axes), w.ints(steps)});
  }
  return {w.squeeze(w.unsqueeze(value, add), drop)};
}

Values slice(Writer& w) {
  const auto axes = w.inputs() > 4 ? w.i64(4) : graph::no_value;
  return {w.node("Slice", {w.in(0), w.i64(1), w.i64(2), axes, w.i64(3)})};
}

Values pad(Writer& w) {
  const auto mode = w.text("pad_mode", "constant");
  if (mode != "constant" && mode != "edge" && mode != "reflect" && mode != "symmetric") {
    w.unsupported(fmt::format("pad_mode='{}' is not supported", mode));
  }
  const auto pads = w.node("Concat", {w.i64(1), w.i64(2)}, {{"axis", std::int64_t{0}}});
  Values inputs{w.in(0), pads};
  if (mode == "constant" && w.inputs() > 3) {
    inputs.push_back(w.in(3));
  }
  return {w.node("Pad", inputs, {{"mode", mode}})};
}

Values tile(Writer& w) { return {w.node("Tile", {w.in(0), w.i64(1)})}; }

Values broadcast(Writer& w) {
  const auto mode = w.text("mode", "numpy");
  auto value = w.in(0);
  if (mode == "explicit") {
    const auto mapping = w.constant(2, "axes_mapping");
    const auto target = w.known(1);
    const auto& shape = w.shape(1);
    const auto rank = target ? static_cast<std::int64_t>(target->size())
                      : shape.has_rank() && shape.rank() == 1 && shape[0].is_static()
                          ? shape[0].length()
                          : std::int64_t{-1};
    if (rank < 0) {
      w.unsupported("the rank of its result is not known");
    }
    Ints axes;
    for (std::int64_t i = 0; i < rank; ++i) {
      if (std::find(mapping.begin(), mapping.end(), i) == mapping.end()) {
        axes.push_back(i);
      }
    }
    value = w.unsqueeze(value, axes);
  } else if (mode != "numpy" && mode != "bidirectional") {
    w.unsupported(fmt::format("mode='{}' is not supported", mode));
  }
  return {w.node("Expand", {value, w.i64(1)})};
}

Values range(Writer& w) {
  const auto name = w.text("output_type", "");
  ElementType type = w.type(w.in(0));
  for (auto i = static_cast<int>(ElementType::bf16); i < static_cast<int>(ElementType::string);
       ++i) {
    if (name_of(static_cast<ElementType>(i)) == name) {
      type = static_cast<ElementType>(i);
    }
  }
  Values inputs;
  for (std::size_t i = 0; i < 3; ++i) {
    inputs.push_back(w.type(w.in(i)) == type ? w.in(i) : w.cast(w.in(i), type));
  }
  return {w.node("Range", inputs)};
}

Values one_hot(Writer& w) {
  const auto off_on = w.node("Concat", {w.unsqueeze(w.in(3), {0}), w.unsqueeze(w.in(2), {0})},
                             {{"axis", std::int64_t{0}}});
  return {w.node("OneHot", {w.in(0), w.in(1), off_on}, {{"axis", w.integer("axis", -1)}})};
}

Values top_k(Writer& w) {
  const auto type = w.index_type("index_element_type", "i32");
  const auto axis = w.integer("axis", -1);
  const bool largest = w.text("mode", "max") == "max";
  const auto count = w.node("Reshape", {w.i64(1), w.ints({1})});
  auto results =
      w.nodes("TopK", {w.in(0), count}, 2, {{"axis", axis}, {"largest", std::int64_t{largest}}});
  if (w.text("sort", "value") == "index") {
    const auto order =
        w.nodes("TopK", {results[1], count}, 2, {{"axis", axis}, {"largest", std::int64_t{0}}});
    results = {w.node("GatherElements", {results[0], order[1]}, {{"axis", axis}}), order[0]};
  }
  return {results[0], w.as_index(results[1], type)};
}

Values non_zero(Writer& w) {
  return {w.as_index(w.node("NonZero", {w.in(0)}), w.index_type("output_type"))};
}

Values cum_sum(Writer& w) {
  return {w.node("CumSum", {w.in(0), w.in(1)},
                 {{"exclusive", std::int64_t{w.flag("exclusive", false)}},
                  {"reverse", std::int64_t{w.flag("reverse", false)}}})};
}

Values depth_to_space(Writer& w) {
  const auto mode = w.text("mode", "blocks_first");
  return {w.node("DepthToSpace", {w.in(0)},
                 {{"blocksize", w.integer("block_size", 1)},
                  {"mode", std::string{mode == "blocks_first" ? "DCR" : "CRD"}}})};
}

Values space_to_depth(Writer& w) {
  if (w.text("mode", "blocks_first") != "blocks_first") {
    w.unsupported("mode='depth_first' is not supported");
  }
  return {w.node("SpaceToDepth", {w.in(0)}, {{"blocksize", w.integer("block_size", 1)}})};
}

Values reverse_sequence(Writer& w) {
  return {w.node(
      "ReverseSequence", {w.in(0), w.i64(1)},
      {{"batch_axis", w.integer("batch_axis", 0)}, {"time_axis", w.integer("seq_axis", 1)}})};
}

constexpr std::array table{
    NamedConversion{"Reshape", reshape},
    NamedConversion{"Squeeze", squeeze},
    NamedConversion{"Unsqueeze", unsqueeze},
    NamedConversion{"Transpose", transpose},
    NamedConversion{"ShapeOf", shape_of},
    NamedConversion{"Concat", concat},
    NamedConversion{"Split", split},
    NamedConversion{"VariadicSplit", variadic_split},
    NamedConversion{"Gather", gather},
    NamedConversion{"GatherElements", gather_elements},
    NamedConversion{"GatherND", gather_nd},
    NamedConversion{"ScatterUpdate", scatter_update},
    NamedConversion{"ScatterNDUpdate", scatter_nd},
    NamedConversion{"ScatterElementsUpdate", scatter_elements},
    NamedConversion{"StridedSlice", strided_slice},
    NamedConversion{"Slice", slice},
    NamedConversion{"Pad", pad},
    NamedConversion{"Tile", tile},
    NamedConversion{"Broadcast", broadcast, "not the mode pdpd"},
    NamedConversion{"Range", range},
    NamedConversion{"OneHot", one_hot},
    NamedConversion{"TopK", top_k},
    NamedConversion{"NonZero", non_zero},
    NamedConversion{"CumSum", cum_sum},
    NamedConversion{"DepthToSpace", depth_to_space},
    NamedConversion{"SpaceToDepth", space_to_depth, "not the mode depth_first"},
    NamedConversion{"ReverseSequence", reverse_sequence,
                    "batch and sequence are the first two axes"},
};

}  // namespace

std::span<const NamedConversion> movement_conversions() { return table; }

}  // namespace coinfer::frontends::ir
