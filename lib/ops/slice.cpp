#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

struct Span {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::int64_t count = 0;
};

/// numpy's begin:end:step over `extent` elements.
Span span_of(std::int64_t begin, std::int64_t end, std::int64_t step, std::int64_t extent) {
  if (extent == 0) {
    return {};
  }
  const auto from_front = [extent](std::int64_t at) { return at < 0 ? at + extent : at; };
  begin = from_front(begin);
  end = from_front(end);
  Span span;
  if (step > 0) {
    begin = std::clamp<std::int64_t>(begin, 0, extent);
    end = std::clamp<std::int64_t>(end, 0, extent);
    span.count = end > begin ? (end - begin - 1) / step + 1 : 0;
  } else {
    begin = std::clamp<std::int64_t>(begin, 0, extent - 1);
    end = std::clamp<std::int64_t>(end, -1, extent - 1);
    step = std::max(step, -std::numeric_limits<std::int64_t>::max());
    span.count = begin > end ? (begin - end - 1) / -step + 1 : 0;
  }
  span.start = span.count == 0 ? 0 : begin;
  span.step = span.count <= 1 ? 1 : step;
  return span;
}

struct Cuts {
  std::vector<std::int64_t> begins, ends, steps;
  Dims axes;
};

template <class Context>
void check_counts(const Context& ctx, Cuts& cuts,
                  const std::optional<std::vector<std::int64_t>>& axes, std::int64_t rank) {
  const auto count = cuts.begins.size();
  if (cuts.ends.size() != count || (axes && axes->size() != count) ||
      (!cuts.steps.empty() && cuts.steps.size() != count)) {
    ctx.fail(
        fmt::format("{} starts, {} ends, {} axes and {} steps were given; equal numbers were "
                    "expected",
                    count, cuts.ends.size(), axes ? axes->size() : count,
                    cuts.steps.empty() ? count : cuts.steps.size()));
  }
  if (!axes && static_cast<std::int64_t>(count) > rank) {
    ctx.fail(fmt::format("{} starts were given for a tensor of rank {}", count, rank));
  }
  std::vector<bool> seen(static_cast<std::size_t>(rank), false);
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis = axes ? normalize_axis(ctx, (*axes)[i], rank) : static_cast<std::int64_t>(i);
    if (seen[static_cast<std::size_t>(axis)]) {
      ctx.fail(fmt::format("the axis {} is given twice", axis));
    }
    seen[static_cast<std::size_t>(axis)] = true;
    cuts.axes.push_back(axis);
  }
  cuts.steps.resize(count, 1);
  if (std::find(cuts.steps.begin(), cuts.steps.end(), 0) != cuts.steps.end()) {
    ctx.fail("a step is 0");
  }
}

/// How many elements from `begin` to `end`, one after another, of as many as `extent` says. Where
/// an end counts from the back its bounds are one number.
Dimension part_of(Dimension extent, graph::Interval begin, graph::Interval end) {
  const Dimension any{0, extent.max_length()};
  const auto is_known = [](const graph::Interval& one) { return one.least == one.most; };
  const bool whole = end.least >= extent.max_length();  // to the end, however long
  if ((begin.least < 0 && (!is_known(begin) || (end.most >= 0 && !whole))) ||
      (end.least < 0 && !is_known(end))) {
    return any;
  }
  // Grows with the extent, from here on.
  const auto count = [](std::int64_t length, std::int64_t from, std::int64_t to) {
    const auto place = [length](std::int64_t at) {
      if (at >= 0) {
        return std::min(at, length);
      }
      return length == Dimension::unbounded
                 ? length
                 : std::max(length - std::min(length, -(at + 1)) - 1, std::int64_t{0});
    };
    return std::max(place(to) - place(from), std::int64_t{0});
  };
  if (extent.max_length() == Dimension::unbounded && (end.most < 0 || begin.least < 0)) {
    // Without end; what counts from the back at both ends has at most so many elements.
    constexpr auto longest = std::int64_t{1} << 48;
    const auto from_back = std::max(begin.least, -longest);
    const auto most = whole ? -from_back : std::max(end.most - from_back, std::int64_t{0});
    return Dimension{count(extent.min_length(), begin.most, end.least),
                     begin.least < 0 && most < longest ? most : Dimension::unbounded};
  }
  const auto most = count(extent.max_length(), begin.least, end.most);
  return Dimension{count(extent.min_length(), begin.most, end.least),
                   most > std::int64_t{1} << 48 ? Dimension::unbounded : most};
}

void infer_slice(InferContext& ctx) {
  const bool by_input = ctx.opset() >= 10;
  ctx.check_inputs(by_input ? 3 : 1, by_input ? 5 : 1);
  const auto begins = ctx.integers("starts", 1);
  const auto ends = ctx.integers("ends", 2);
  const auto axes = ctx.integers("axes", 3);
  const auto steps = ctx.integers("steps", 4);
  if (!begins.present || !ends.present) {
    ctx.fail("starts and ends are missing");
  }
  const auto& shape = ctx.shape(0);
  if (!shape.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  const auto rank = shape.rank();
  if (!begins.values || !ends.values || (axes.present && !axes.values) ||
      (steps.present && !steps.values)) {
    auto result = PartialShape::dynamic(rank);
    if (axes.values) {
      result = shape;
      const auto first = by_input ? ctx.bounds(1) : std::nullopt;
      const auto last = by_input ? ctx.bounds(2) : std::nullopt;
      const auto count = axes.values->size();
      const bool dense = !steps.present || (steps.values && steps.values->size() == count &&
                                            std::all_of(steps.values->begin(), steps.values->end(),
                                                        [](auto step) { return step == 1; }));
      const bool bounded = first && last && first->size() == count && last->size() == count;
      for (std::size_t i = 0; i < count; ++i) {
        const auto at = static_cast<std::size_t>(normalize_axis(ctx, (*axes.values)[i], rank));
        result[at] = bounded && dense ? part_of(shape[at], (*first)[i], (*last)[i])
                                      : Dimension{0, shape[at].max_length()};
      }
    }
    ctx.output(0, ctx.type(0), std::move(result));
    return;
  }
  Cuts cuts{*begins.values, *ends.values, steps.values.value_or(std::vector<std::int64_t>{}), {}};
  check_counts(ctx, cuts, axes.values, rank);
  auto result = shape;
  for (std::size_t i = 0; i < cuts.axes.size(); ++i) {
    const auto at = static_cast<std::size_t>(cuts.axes[i]);
    const auto extent = shape[at];
    if (extent.is_static()) {
      result[at] =
          Dimension{span_of(cuts.begins[i], cuts.ends[i], cuts.steps[i], extent.length()).count};
    } else if (cuts.begins[i] != 0 || cuts.steps[i] != 1 || cuts.ends[i] < extent.max_length()) {
      // Ends of 2^31-1 and more mean "to the end" in exported models.
      const bool whole = cuts.begins[i] == 0 && cuts.steps[i] == 1 && cuts.ends[i] >= 0x7fffffff;
      const auto end = cuts.ends[i] >= 0x7fffffff ? Dimension::unbounded : cuts.ends[i];
      if (whole) {
        result[at] = extent;
      } else if (cuts.steps[i] == 1) {
        result[at] = part_of(extent, {cuts.begins[i], cuts.begins[i]}, {end, end});
      } else {
        result[at] = Dimension{0, extent.max_length()};
      }
    }
  }
  ctx.output(0, ctx.type(0), std::move(result));
}

/// Where the kept elements lie in a source with the strides given.
struct Kept {
  std::int64_t offset = 0;
  Dims strides;
};

Kept kept_of(const KernelContext& ctx, Dims strides) {
  const auto from = ctx.shape(0);
  const auto begins = ctx.integers("starts", 1);
  const auto ends = ctx.integers("ends", 2);
  if (!begins || !ends) {
    ctx.fail("starts and ends are not known");
  }
  Cuts cuts{*begins, *ends, ctx.integers("steps", 4).value_or(std::vector<std::int64_t>{}), {}};
  check_counts(ctx, cuts, ctx.integers("axes", 3), from.rank());
  Kept kept{0, std::move(strides)};
  for (std::size_t i = 0; i < cuts.axes.size(); ++i) {
    const auto at = static_cast<std::size_t>(cuts.axes[i]);
    const auto span = span_of(cuts.begins[i], cuts.ends[i], cuts.steps[i], from[at]);
    kept.offset += span.start * kept.strides[at];
    kept.strides[at] *= span.step;
  }
  return kept;
}

Kernel slice_kernel(const KernelContext& ctx) {
  const auto to = ctx.output_shape(0);
  const auto kept = kept_of(ctx, kernels::strides_of(ctx.shape(0)));
  return [copy = kernels::StridedCopy{ctx.type(0), to, kept.strides, kernels::strides_of(to),
                                      kept.offset}](const void* const* src, void* const* dst) {
    copy(src[0], dst[0]);
  };
}

/// A slice that is one block of memory is no work at all.
bool lower_slice(plan::Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  auto view = lowering.view(node.inputs[0]);
  auto kept = kept_of(ctx, view.strides);
  view.dims = ctx.output_shape(0);
  view.strides = std::move(kept.strides);
  view.offset += kept.offset * static_cast<std::int64_t>(size_of(view.type));
  const bool forward = std::all_of(view.strides.begin(), view.strides.end(),
                                   [](std::int64_t stride) { return stride >= 0; });
  if (!forward || view.elements() == 0 || !view.is_dense()) {
    return false;
  }
  lowering.alias(node.outputs[0], std::move(view));
  return true;
}

const Register slice{
    {.type = "Slice", .infer = infer_slice, .kernel = slice_kernel, .lower = lower_slice}};

}  // namespace
}  // namespace coinfer::ops
