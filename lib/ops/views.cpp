// Operators that give the same elements another shape: views wherever strides allow it.
#include <cstring>

#include "ops/dimensions.hpp"
#include "ops/op.hpp"
#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

/// A number of elements that is not known; `unbounded` where it is beyond counting.
struct Count {
  std::int64_t least = 1, most = 1;

  void times(Dimension extent) {
    const auto one = [](std::int64_t count, std::int64_t by) {
      std::int64_t product = 0;
      return by == Dimension::unbounded || count == Dimension::unbounded ||
                     __builtin_mul_overflow(count, by, &product)
                 ? Dimension::unbounded
                 : product;
    };
    least = one(least, extent.min_length());
    most = extent.max_length() == 0 || most == 0 ? 0 : one(most, extent.max_length());
  }
};

/// What is left of `before` elements for the extent that is -1.
Dimension open_extent(const Count& before, const Count& after) {
  const bool bounded = after.least > 0 && before.most != Dimension::unbounded;
  const bool known =
      after.most > 0 && after.most != Dimension::unbounded && before.least != Dimension::unbounded;
  return Dimension{known ? before.least / after.most + (before.least % after.most != 0) : 0,
                   bounded ? before.most / after.least : Dimension::unbounded};
}

/// The new shape when only bounds of it are known.
PartialShape bounded_reshape(const InferContext& ctx, std::span<const graph::Interval> wanted) {
  const bool keep_zeros = ctx.attributes().integer("allowzero", 0) != 0;
  const auto& from = ctx.shape(0);
  PartialShape::Dimensions dims;
  std::optional<std::size_t> open;
  bool sure = from.has_rank();
  Count before, after;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& [least, most] = wanted[i];
    if (least == -1 && most == -1 && !open) {
      open = i;
      dims.push_back(Dimension{});
      continue;
    }
    if (least == 0 && most == 0 && !keep_zeros && from.has_rank() && i < from.dimensions().size()) {
      dims.push_back(from[i]);
    } else if (least > 0 || (least == 0 && keep_zeros)) {
      dims.push_back(extent_of(wanted[i]));
    } else {
      dims.push_back(Dimension{});  // may stand for another extent
      sure = false;
    }
    after.times(dims.back());
  }
  if (open && sure) {
    for (const auto extent : from.dimensions()) {
      before.times(extent);
    }
    dims[*open] = open_extent(before, after);
  }
  return PartialShape{std::move(dims)};
}

/// -1 in `wanted` follows from the element count; 0 copies the input's extent unless allowed.
void infer_reshape(InferContext& ctx) {
  ctx.check_inputs(1, 2);
  const auto wanted = ctx.integers("shape", 1);
  const auto& from = ctx.shape(0);
  if (!wanted.values) {
    if (const auto bounds = ctx.bounds(1); bounds && ctx.shape(1).rank() == 1) {
      ctx.output(0, ctx.type(0), bounded_reshape(ctx, *bounds));
      return;
    }
    const bool rank_known =
        wanted.present && ctx.has(1) && ctx.shape(1).is_static() && ctx.shape(1).rank() == 1;
    ctx.output(
        0, ctx.type(0),
        rank_known ? PartialShape::dynamic(ctx.shape(1)[0].length()) : PartialShape::dynamic());
    return;
  }
  const bool keep_zeros = ctx.attributes().integer("allowzero", 0) != 0;
  PartialShape::Dimensions dims;
  std::optional<std::size_t> open;
  // What is multiplied on both sides cancels out, also extents that are not known.
  bool copied_unknown = false;
  std::vector<bool> cancelled(from.has_rank() ? from.dimensions().size() : 0, false);
  for (std::size_t i = 0; i < wanted.values->size(); ++i) {
    const auto extent = (*wanted.values)[i];
    if (extent == -1) {
      if (open) {
        ctx.fail("the new shape has more than one -1");
      }
      open = i;
      dims.push_back(Dimension{});
    } else if (extent < -1) {
      ctx.fail(fmt::format("the new shape has the extent {}", extent));
    } else if (extent == 0 && !keep_zeros) {
      if (!from.has_rank()) {
        dims.push_back(Dimension{});
        copied_unknown = true;
        continue;
      }
      if (i >= cancelled.size()) {
        ctx.fail(fmt::format("the new shape copies the extent {} of an input of shape {}", i,
                             from.to_string()));
      }
      dims.push_back(from[i]);
      cancelled[i] = true;
    } else {
      dims.push_back(Dimension{extent});
    }
  }
  if (!from.has_rank() || copied_unknown) {
    ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
    return;
  }
  std::int64_t before = 1;
  std::int64_t after = 1;
  bool known = true;
  for (std::size_t i = 0; i < cancelled.size(); ++i) {
    if (!cancelled[i]) {
      known = known && from[i].is_static();
      before = product(ctx, before, from[i].is_static() ? from[i].length() : 1);
    }
  }
  bool zero = false;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const bool copied = i < cancelled.size() && cancelled[i] && (*wanted.values)[i] == 0;
    if (open != i && !copied) {
      after = product(ctx, after, dims[i].length());
    }
    zero = zero || (copied && dims[i] == Dimension{0});
  }
  if (known) {
    const bool fits =
        open ? (after == 0 ? before == 0 : before % after == 0) : before == after || zero;
    if (!fits) {
      ctx.fail(fmt::format("the shape {} cannot become [{}]", from.to_string(),
                           fmt::join(*wanted.values, ",")));
    }
    if (open) {
      dims[*open] = Dimension{after == 0 ? 0 : before / after};
    }
  } else if (open && after > 0) {
    Count left;
    for (std::size_t i = 0; i < cancelled.size(); ++i) {
      if (!cancelled[i]) {
        left.times(from[i]);
      }
    }
    dims[*open] = open_extent(left, {after, after});
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

void infer_flatten(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  const auto& from = ctx.shape(0);
  if (!from.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic(2));
    return;
  }
  auto axis = ctx.attributes().integer("axis", 1);
  if (axis < -from.rank() || axis > from.rank()) {
    ctx.fail(fmt::format("the axis {} does not lie in a tensor of rank {}", axis, from.rank()));
  }
  axis += axis < 0 ? from.rank() : 0;
  const auto product = [&](std::int64_t begin, std::int64_t end) {
    std::int64_t result = 1;
    for (auto i = begin; i < end; ++i) {
      const auto extent = from[static_cast<std::size_t>(i)];
      if (extent.is_dynamic()) {
        return Dimension{};
      }
      result = ops::product(ctx, result, extent.length());
    }
    return Dimension{result};
  };
  ctx.output(0, ctx.type(0), PartialShape{product(0, axis), product(axis, from.rank())});
}

void infer_squeeze(InferContext& ctx) {
  ctx.check_inputs(1, 2);
  const auto axes = ctx.integers("axes", 1);
  const auto& from = ctx.shape(0);
  if (!from.has_rank() || (axes.present && !axes.values)) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  PartialShape::Dimensions dims;
  if (!axes.present) {
    for (const auto& extent : from.dimensions()) {
      if (extent.is_dynamic()) {
        ctx.output(0, ctx.type(0), PartialShape::dynamic());
        return;
      }
      if (extent != Dimension{1}) {
        dims.push_back(extent);
      }
    }
    ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
    return;
  }
  const auto removed = normalize_axes(ctx, *axes.values, from.rank());
  for (std::size_t i = 0; i < from.dimensions().size(); ++i) {
    if (std::find(removed.begin(), removed.end(), static_cast<std::int64_t>(i)) == removed.end()) {
      dims.push_back(from[i]);
    } else if (!from[i].contains(1)) {
      ctx.fail(fmt::format("the axis {} of the shape {} is not 1", i, from.to_string()));
    }
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

void infer_unsqueeze(InferContext& ctx) {
  ctx.check_inputs(1, 2);
  const auto axes = ctx.integers("axes", 1);
  const auto& from = ctx.shape(0);
  if (!from.has_rank() || !axes.values) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  const auto rank = from.rank() + static_cast<std::int64_t>(axes.values->size());
  const auto added = normalize_axes(ctx, *axes.values, rank);
  PartialShape::Dimensions dims;
  std::size_t next = 0;
  for (std::int64_t i = 0; i < rank; ++i) {
    const bool is_new = std::find(added.begin(), added.end(), i) != added.end();
    dims.push_back(is_new ? Dimension{1} : from[next++]);
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

void infer_identity(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

// coinfer.Assume: its first input, as long as the second one is what the graph was written for.
void infer_assume(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  const auto expected = ctx.attributes().integers("expected").value_or(std::vector<std::int64_t>{});
  const auto values = ctx.integers(1);
  if (values && *values != expected) {
    ctx.fail(
        fmt::format("a value that follows from the shapes of the inputs is {} now; the model was "
                    "read with {}, which cannot change: read it with the new shapes",
                    fmt::join(*values, ","), fmt::join(expected, ",")));
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

void infer_dropout(InferContext& ctx) {
  ctx.check_inputs(1, 3);
  if (ctx.has(2)) {
    const auto training = ctx.value(2);
    if (training && training.type() == ElementType::boolean && training.size() == 1 &&
        *training.data<bool>()) {
      ctx.fail("training mode is not supported");
    }
  }
  ctx.output(0, ctx.type(0), ctx.shape(0));
  ctx.output(1, ctx.opset() >= 10 ? ElementType::boolean : ctx.type(0), ctx.shape(0));
}

Kernel copy_kernel(const KernelContext& ctx) {
  const auto count = ctx.shape(0).elements();
  if (ctx.type(0) == ElementType::string) {
    return [count](const void* const* src, void* const* dst) {
      std::copy_n(static_cast<const std::string*>(src[0]), count,
                  static_cast<std::string*>(dst[0]));
    };
  }
  const auto bytes = static_cast<std::size_t>(count) * size_of(ctx.type(0));
  const bool mask = ctx.has_output(1);
  const auto mask_type = mask ? ctx.output_type(1) : ElementType::boolean;
  return [=](const void* const* src, void* const* dst) {
    if (bytes != 0) {
      std::memcpy(dst[0], src[0], bytes);
    }
    if (mask && mask_type == ElementType::boolean) {
      std::fill_n(static_cast<bool*>(dst[1]), count, true);
    } else if (mask) {
      std::memset(dst[1], 0, bytes);
    }
  };
}

/// The result is the input's memory; where strides forbid it, a copy that lies as its readers will
/// most likely want it: an image that was channels-last stays so.
bool lower_reshape(plan::Lowering& lowering, const graph::Node& node) {
  if (node.outputs.size() > 1 && lowering.is_needed(node.outputs[1])) {
    return false;
  }
  const auto& from = lowering.view(node.inputs[0]);
  const auto dims = lowering.dims(node.outputs[0]);
  if (auto view = reshaped(from, dims)) {
    lowering.alias(node.outputs[0], *view);
    return true;
  }
  const bool plain_inside = from.dims.size() < 3 || from.strides[1] != 1;
  if (dims.size() >= 4 && dims.size() <= 5 && (!plain_inside || from.dims.size() > dims.size())) {
    plan::View image{{}, 0, from.type, dims, plan::channels_last_strides(dims)};
    if (const auto inside = reshaped(image, from.dims)) {
      const auto source = from;
      auto to = lowering.temporary(from.type, source.dims, inside->strides);
      lowering.copy(source, to);
      to.dims = dims;
      to.strides = image.strides;
      lowering.alias(node.outputs[0], to);
      return true;
    }
  }
  auto copied = lowering.plain(node.inputs[0]);
  lowering.alias(node.outputs[0], *reshaped(copied, dims));
  return true;
}

constexpr OpDef viewing(std::string_view type, int since, void (*infer)(InferContext&)) {
  return {
      .type = type, .since = since, .infer = infer, .kernel = copy_kernel, .lower = lower_reshape};
}

const Register reshape{viewing("Reshape", 1, infer_reshape)};
const Register flatten{viewing("Flatten", 1, infer_flatten)};
const Register squeeze{viewing("Squeeze", 1, infer_squeeze)};
const Register unsqueeze{viewing("Unsqueeze", 1, infer_unsqueeze)};
const Register identity{viewing("Identity", 1, infer_identity)};
const Register dropout{viewing("Dropout", 7, infer_dropout)};
const Register assume{{.type = "Assume",
                       .infer = infer_assume,
                       .kernel = copy_kernel,
                       .lower = lower_reshape,
                       .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
