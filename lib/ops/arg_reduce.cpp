#include <cmath>

#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

void infer_arg(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  auto dims = ctx.shape(0).dimensions();
  if (!ctx.shape(0).has_rank()) {
    ctx.output(0, ElementType::i64, PartialShape::dynamic());
    return;
  }
  const auto axis = normalize_axis(ctx, ctx.attributes().integer("axis", 0), ctx.shape(0).rank());
  const auto at = static_cast<std::size_t>(axis);
  if (dims[at] == Dimension{0}) {
    ctx.fail("an empty axis has no extreme element");
  }
  if (ctx.attributes().integer("keepdims", 1) != 0) {
    dims[at] = Dimension{1};
  } else {
    dims.erase(dims.begin() + axis);
  }
  ctx.output(0, ElementType::i64, PartialShape{std::move(dims)});
}

/// `a` comes before `b`; a NaN is the greatest of all.
template <bool Largest, class A>
bool before(A a, A b) {
  if constexpr (std::is_floating_point_v<A>) {
    return Largest ? a > b || (std::isnan(a) && !std::isnan(b))
                   : a < b || (std::isnan(b) && !std::isnan(a));
  } else {
    return Largest ? a > b : a < b;
  }
}

template <bool Largest>
Kernel arg_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", 0), shape.rank()));
  const bool last = ctx.attributes().integer("select_last_index", 0) != 0;
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (i < axis ? outer : inner) *= i == axis ? 1 : shape[i];
  }
  const auto count = shape[axis];
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* from = static_cast<const T*>(src[0]);
          auto* to = static_cast<std::int64_t*>(dst[0]);
          for (std::int64_t o = 0; o < outer; ++o) {
            for (std::int64_t i = 0; i < inner; ++i) {
              const auto* line = from + o * count * inner + i;
              std::int64_t found = 0;
              auto best = static_cast<wide_of<T>>(line[0]);
              for (std::int64_t k = 1; k < count; ++k) {
                const auto x = static_cast<wide_of<T>>(line[k * inner]);
                if (last ? !before<Largest>(best, x) : before<Largest>(x, best)) {
                  best = x;
                  found = k;
                }
              }
              *to++ = found;
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

void infer_top_k(InferContext& ctx) {
  const bool by_input = ctx.opset() >= 10;
  ctx.check_inputs(by_input ? 2 : 1, by_input ? 2 : 1);
  std::optional<std::vector<std::int64_t>> count;
  if (by_input) {
    count = ctx.integers(1);
  } else {
    count = std::vector{ctx.attributes().integer("k", -1)};
  }
  if (count && (count->size() != 1 || count->front() < 0)) {
    ctx.fail(fmt::format("k is {}; one number >= 0 was expected", *count));
  }
  auto shape = ctx.shape(0);
  if (shape.has_rank()) {
    const auto axis = static_cast<std::size_t>(
        normalize_axis(ctx, ctx.attributes().integer("axis", -1), shape.rank()));
    if (count && count->front() > shape[axis].max_length()) {
      ctx.fail(fmt::format("k is {}, but the axis has {} elements", count->front(),
                           shape[axis].to_string()));
    }
    shape[axis] = count ? Dimension{count->front()} : Dimension{};
  }
  ctx.output(0, ctx.type(0), shape);
  ctx.output(1, ElementType::i64, std::move(shape));
}

/// What the elements of a type are compared in.
template <class T>
using compared_as =
    std::conditional_t<!std::is_integral_v<T>, wide_of<T>,
                       std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;

/// Elements with their places, read from a strided line and written back to one.
template <class A>
struct Line {
  using Element = std::pair<A, std::int64_t>;
  void (*read)(const void* src, std::int64_t at, std::int64_t step, std::span<Element> line);
  void (*write)(std::span<const Element> line, void* dst, std::int64_t at, std::int64_t step);
};

template <class T, class A = compared_as<T>>
Line<A> line_of() {
  using Element = Line<A>::Element;
  return {.read =
              [](const void* src, std::int64_t at, std::int64_t step, std::span<Element> line) {
                const auto* from = static_cast<const T*>(src) + at;
                for (std::size_t k = 0; k < line.size(); ++k, from += step) {
                  line[k] = {static_cast<A>(*from), static_cast<std::int64_t>(k)};
                }
              },
          .write =
              [](std::span<const Element> line, void* dst, std::int64_t at, std::int64_t step) {
                auto* to = static_cast<T*>(dst) + at;
                for (const auto& [value, index] : line) {
                  *to = static_cast<T>(value);
                  to += step;
                }
              }};
}

template <bool Largest, class A>
Kernel top_k_of(const Line<A>& elements, const Shape& shape, std::size_t axis, std::int64_t wanted,
                bool sorted) {
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (i < axis ? outer : inner) *= i == axis ? 1 : shape[i];
  }
  const auto count = shape[axis];
  return [=](const void* const* src, void* const* dst) {
    thread_local std::vector<typename Line<A>::Element> line;  // grows once per thread
    line.resize(static_cast<std::size_t>(count));
    auto* indices = static_cast<std::int64_t*>(dst[1]);
    // Equal elements keep their order.
    const auto less = [](const auto& a, const auto& b) {
      if (before<Largest>(a.first, b.first)) {
        return true;
      }
      return !before<Largest>(b.first, a.first) && a.second < b.second;
    };
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::int64_t i = 0; i < inner; ++i) {
        elements.read(src[0], o * count * inner + i, inner, line);
        if (sorted) {
          std::partial_sort(line.begin(), line.begin() + wanted, line.end(), less);
        } else if (wanted < count) {
          std::nth_element(line.begin(), line.begin() + wanted, line.end(), less);
        }
        const auto at = o * wanted * inner + i;
        const auto found = std::span{line}.first(static_cast<std::size_t>(wanted));
        if (dst[0] != nullptr) {
          elements.write(found, dst[0], at, inner);
        }
        if (indices != nullptr) {
          for (std::size_t k = 0; k < found.size(); ++k) {
            indices[at + static_cast<std::int64_t>(k) * inner] = found[k].second;
          }
        }
      }
    }
  };
}

Kernel top_k_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto axis = static_cast<std::size_t>(
      normalize_axis(ctx, ctx.attributes().integer("axis", -1), shape.rank()));
  const bool largest = ctx.attributes().integer("largest", 1) != 0;
  const bool sorted = ctx.attributes().integer("sorted", 1) != 0;
  const auto wanted = ctx.has_output(0) ? ctx.output_shape(0)[axis] : ctx.output_shape(1)[axis];
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        const auto line = line_of<T>();
        kernel = largest ? top_k_of<true>(line, shape, axis, wanted, sorted)
                         : top_k_of<false>(line, shape, axis, wanted, sorted);
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  // A node may have one output only: there is no second destination then.
  if (ctx.outputs() == 1) {
    return [kernel](const void* const* src, void* const* dst) {
      void* const both[] = {dst[0], nullptr};
      kernel(src, both);
    };
  }
  return kernel;
}

const Register arg_max{{.type = "ArgMax", .infer = infer_arg, .kernel = arg_kernel<true>}};
const Register arg_min{{.type = "ArgMin", .infer = infer_arg, .kernel = arg_kernel<false>}};
const Register top_k{{.type = "TopK", .infer = infer_top_k, .kernel = top_k_kernel}};

}  // namespace
}  // namespace coinfer::ops
