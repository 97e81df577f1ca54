#include "kernels/strided_copy.hpp"
#include "ops/dimensions.hpp"

namespace coinfer::ops {
namespace {

/// Elements added (or, negative, removed) before and after each dimension.
struct Pads {
  Dims before, after;
};

template <class Context>
Pads pads_of(const Context& ctx, const std::vector<std::int64_t>& pads,
             const std::optional<std::vector<std::int64_t>>& axes, std::int64_t rank) {
  const auto count = axes ? axes->size() : static_cast<std::size_t>(rank);
  if (pads.size() != 2 * count) {
    ctx.fail(fmt::format("{} pads were given for {} axes", pads.size(), count));
  }
  Pads result{Dims(static_cast<std::size_t>(rank), 0), Dims(static_cast<std::size_t>(rank), 0)};
  if (axes) {
    normalize_axes(ctx, *axes, rank);  // refuses what is given twice
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto axis = axes ? static_cast<std::size_t>(normalize_axis(ctx, (*axes)[i], rank)) : i;
    result.before[axis] = pads[i];
    result.after[axis] = pads[count + i];
  }
  return result;
}

void infer_pad(InferContext& ctx) {
  const bool by_input = ctx.opset() >= 11;
  ctx.check_inputs(by_input ? 2 : 1, by_input ? 4 : 1);
  const auto mode = ctx.attributes().text("mode", "constant");
  // "symmetric" is no mode of ONNX: reflect, with the last element repeated.
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap" &&
      mode != "symmetric") {
    ctx.fail(
        fmt::format("the attribute 'mode' is '{}'; constant, reflect, edge or wrap was "
                    "expected",
                    mode));
  }
  if (ctx.has(2) && ctx.type(2) != ctx.type(0)) {
    ctx.fail(fmt::format("the value to pad with is of type {}; {} was expected",
                         name_of(ctx.type(2)), name_of(ctx.type(0))));
  }
  const auto pads = ctx.integers("pads", 1);
  if (!pads.present) {
    ctx.fail("the pads are missing");
  }
  const bool some_axes = ctx.has(3);
  const auto axes = some_axes ? ctx.integers(3) : std::nullopt;
  auto shape = ctx.shape(0);
  if (!shape.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  if (!pads.values || (some_axes && !axes)) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic(shape.rank()));
    return;
  }
  const auto amounts = pads_of(ctx, *pads.values, axes, shape.rank());
  for (std::size_t i = 0; i < shape.dimensions().size(); ++i) {
    const auto before = amounts.before[i];
    const auto after = amounts.after[i];
    if (mode == "reflect" && shape[i].is_static() &&
        std::max(before, after) >= std::max<std::int64_t>(shape[i].length(), 1)) {
      ctx.fail(fmt::format("{} elements cannot be reflected from an axis of {}",
                           std::max(before, after), shape[i].length()));
    }
    if (mode != "constant" && shape[i] == Dimension{0} && std::max(before, after) > 0) {
      ctx.fail("an empty axis has no elements to pad with");
    }
    std::int64_t both = 0;
    if (__builtin_add_overflow(before, after, &both)) {
      ctx.fail(fmt::format("the pads {} and {} are too large", before, after));
    }
    shape[i] = add(ctx, shape[i], both);
  }
  ctx.output(0, ctx.type(0), std::move(shape));
}

/// The source's index of each destination index of one dimension; -1 for padding.
std::vector<std::int64_t> source_indices(const std::string& mode, std::int64_t before,
                                         std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(to));
  for (std::int64_t i = 0; i < to; ++i) {
    auto at = i - before;
    if (at < 0 || at >= from) {
      if (mode == "constant") {
        at = -1;
      } else if (mode == "edge") {
        at = std::clamp<std::int64_t>(at, 0, from - 1);
      } else if (mode == "wrap") {
        at = (at % from + from) % from;
      } else if (mode == "symmetric") {
        at = (at % (2 * from) + 2 * from) % (2 * from);
        at = at < from ? at : 2 * from - 1 - at;
      } else {
        const auto period = std::max<std::int64_t>(2 * (from - 1), 1);
        at = (at % period + period) % period;
        at = at < from ? at : period - at;
      }
    }
    indices[static_cast<std::size_t>(i)] = at;
  }
  return indices;
}

template <class T>
T padding_of(const KernelContext& ctx) {
  if constexpr (std::is_same_v<T, std::string>) {
    return {};
  } else {
    T bits{};
    if (const auto value = ctx.attributes().real("value", 0); value != 0) {
      if (ctx.type(0) != ElementType::f32) {
        ctx.unsupported_type(ctx.type(0));  // opset < 11 knows real tensors only
      }
      std::memcpy(&bits, &value, std::min(sizeof bits, sizeof value));
    }
    return bits;
  }
}

/// What a run needs: the constant border is filled, then the inner part copied; other modes gather.
template <class T>
Kernel pad_of(const KernelContext& ctx, const Pads& pads, const std::string& mode) {
  const auto from = ctx.shape(0);
  const auto to = ctx.output_shape(0);
  const auto count = to.elements();
  if (mode == "constant") {
    const auto src_steps = kernels::strides_of(from);
    const auto dst_steps = kernels::strides_of(to);
    Shape inner;
    std::int64_t src_offset = 0;
    std::int64_t dst_offset = 0;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const auto skip = std::max<std::int64_t>(-pads.before[i], 0);
      const auto begin = std::max<std::int64_t>(pads.before[i], 0);
      inner.push_back(std::max<std::int64_t>(std::min(from[i] - skip, to[i] - begin), 0));
      src_offset += skip * src_steps[i];
      dst_offset += begin * dst_steps[i];
    }
    const kernels::StridedCopy copy{ctx.type(0), inner,      src_steps,
                                    dst_steps,   src_offset, dst_offset};
    const bool by_input = ctx.has(2);
    const auto padding = padding_of<T>(ctx);
    const bool whole = inner == to;
    return [=](const void* const* src, void* const* dst) {
      if (!whole) {
        std::fill_n(static_cast<T*>(dst[0]), count,
                    by_input ? *static_cast<const T*>(src[2]) : padding);
      }
      copy(src[0], dst[0]);
    };
  }
  std::vector<std::vector<std::int64_t>> offsets;
  const auto steps = kernels::strides_of(from);
  for (std::size_t i = 0; i < from.size(); ++i) {
    offsets.push_back(source_indices(mode, pads.before[i], from[i], to[i]));
    for (auto& at : offsets.back()) {
      at *= steps[i];
    }
  }
  return [=](const void* const* src, void* const* dst) {
    const auto* a = static_cast<const T*>(src[0]);
    auto* d = static_cast<T*>(dst[0]);
    if (to.empty() || count == 0) {
      std::copy_n(a, count, d);
      return;
    }
    const auto& columns = offsets.back();
    const auto rows = count / static_cast<std::int64_t>(columns.size());
    Dims index(to.size(), 0);
    for (std::int64_t row = 0; row < rows; ++row) {
      std::int64_t base = 0;
      for (std::size_t k = 0; k + 1 < to.size(); ++k) {
        base += offsets[k][static_cast<std::size_t>(index[k])];
      }
      for (const auto column : columns) {
        *d++ = a[base + column];
      }
      for (auto k = to.size() - 1; k-- > 0 && ++index[k] == to[k];) {
        index[k] = 0;
      }
    }
  };
}

Kernel pad_kernel(const KernelContext& ctx) {
  const auto pads = ctx.integers("pads", 1);
  if (!pads || (ctx.has(3) && !ctx.value(3))) {
    ctx.fail("the pads are not known");
  }
  const auto axes = ctx.has(3) ? ctx.integers("", 3) : std::nullopt;
  const auto amounts = pads_of(ctx, *pads, axes, ctx.shape(0).rank());
  const auto mode = ctx.attributes().text("mode", "constant");
  return kernels::with_width(ctx.type(0), [&]<class T>(std::type_identity<T>) -> Kernel {
    return pad_of<T>(ctx, amounts, mode);
  });
}

const Register pad{{.type = "Pad", .since = 2, .infer = infer_pad, .kernel = pad_kernel}};

}  // namespace
}  // namespace coinfer::ops
