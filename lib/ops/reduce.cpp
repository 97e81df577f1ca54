#include <cmath>

#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

/// Which axes an operator reduces: of the attribute or the input, all when none are given. nullopt
/// when they are not known yet.
template <class Context>
std::optional<std::vector<bool>> reduced_axes(const Context& ctx, bool present,
                                              const std::optional<std::vector<std::int64_t>>& axes,
                                              std::int64_t rank) {
  if (present && !axes) {
    return std::nullopt;
  }
  if (!present || axes->empty()) {
    const bool none = ctx.attributes().integer("noop_with_empty_axes", 0) != 0;
    return std::vector<bool>(static_cast<std::size_t>(rank), !none);
  }
  std::vector<bool> reduced(static_cast<std::size_t>(rank), false);
  for (const auto axis : normalize_axes(ctx, *axes, rank)) {
    reduced[static_cast<std::size_t>(axis)] = true;
  }
  return reduced;
}

void infer_reduce(InferContext& ctx) {
  ctx.check_inputs(1, 2);
  const auto axes = ctx.integers("axes", 1);
  const bool keep = ctx.attributes().integer("keepdims", 1) != 0;
  const auto& shape = ctx.shape(0);
  if (!shape.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  const auto reduced = reduced_axes(ctx, axes.present, axes.values, shape.rank());
  if (!reduced) {
    ctx.output(0, ctx.type(0),
               keep ? PartialShape::dynamic(shape.rank()) : PartialShape::dynamic());
    return;
  }
  PartialShape::Dimensions dims;
  for (std::size_t i = 0; i < reduced->size(); ++i) {
    if (!(*reduced)[i]) {
      dims.push_back(shape[i]);
    } else if (keep) {
      dims.push_back(Dimension{1});
    }
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

// One reduction: `first` starts, `add` takes one element, `join` two parts, `last` ends over
// `count` elements.
struct Sum {
  static constexpr bool real_only = false;
  template <class A>
  static constexpr A first() {
    return 0;
  }
  template <class A>
  static A add(A sum, A x) {
    return sum + x;
  }
  template <class A>
  static A join(A a, A b) {
    return a + b;
  }
  template <class A>
  static A last(A sum, std::int64_t) {
    return sum;
  }
};
struct Mean : Sum {
  template <class A>
  static A last(A sum, std::int64_t count) {
    if constexpr (std::is_integral_v<A>) {
      return count == 0 ? A{0} : static_cast<A>(static_cast<std::int64_t>(sum) / count);
    } else {
      return sum / static_cast<A>(count);
    }
  }
};
struct SumSquare : Sum {
  template <class A>
  static A add(A sum, A x) {
    return sum + x * x;
  }
};
struct L1 : Sum {
  template <class A>
  static A add(A sum, A x) {
    if constexpr (std::is_integral_v<A>) {
      return static_cast<std::int64_t>(x) < 0 ? sum - x : sum + x;
    } else {
      return sum + std::abs(x);
    }
  }
};
struct L2 : SumSquare {
  template <class A>
  static A last(A sum, std::int64_t) {
    if constexpr (std::is_integral_v<A>) {
      return static_cast<A>(std::sqrt(static_cast<double>(sum)));
    } else {
      return std::sqrt(sum);
    }
  }
};
struct LogSum : Sum {
  static constexpr bool real_only = true;
  template <class A>
  static A last(A sum, std::int64_t) {
    return std::log(sum);
  }
};
struct Prod {
  static constexpr bool real_only = false;
  template <class A>
  static constexpr A first() {
    return 1;
  }
  template <class A>
  static A add(A product, A x) {
    return product * x;
  }
  template <class A>
  static A join(A a, A b) {
    return a * b;
  }
  template <class A>
  static A last(A product, std::int64_t) {
    return product;
  }
};
struct Max {
  static constexpr bool real_only = false;
  template <class A>
  static constexpr A first() {
    if constexpr (std::numeric_limits<A>::has_infinity) {
      return -std::numeric_limits<A>::infinity();
    } else {
      return std::numeric_limits<A>::lowest();
    }
  }
  // A NaN among the elements wins, as in numpy.
  template <class A>
  static A add(A a, A b) {
    return ((a > b) | (a != a)) ? a : b;
  }
  template <class A>
  static A join(A a, A b) {
    return add(a, b);
  }
  template <class A>
  static A last(A a, std::int64_t) {
    return a;
  }
};
struct Min {
  static constexpr bool real_only = false;
  template <class A>
  static constexpr A first() {
    if constexpr (std::numeric_limits<A>::has_infinity) {
      return std::numeric_limits<A>::infinity();
    } else {
      return std::numeric_limits<A>::max();
    }
  }
  template <class A>
  static A add(A a, A b) {
    return ((a < b) | (a != a)) ? a : b;
  }
  template <class A>
  static A join(A a, A b) {
    return add(a, b);
  }
  template <class A>
  static A last(A a, std::int64_t) {
    return a;
  }
};
struct LogSumExp {
  static constexpr bool real_only = true;
};

/// What the elements are gathered in. Integers: modulo 2^64 for sums and products, so that overflow
/// is no undefined behaviour; their own type where they are compared.
template <class Op, class T>
using accumulator_of = std::conditional_t<std::is_integral_v<T> && !std::is_same_v<Op, Max> &&
                                              !std::is_same_v<Op, Min>,
                                          std::uint64_t, wide_of<T>>;
/// A walk over a dense source of which some dimensions are reduced. The innermost run of kept
/// dimensions is `block` elements (1 when the innermost dimension is reduced; then `run` reduced
/// elements lie in a row). `kept` and `reduced` hold the offsets of everything further out.
struct Walk {
  std::int64_t block = 1;
  std::int64_t run = 1;
  std::int64_t count = 1;           // elements reduced to one
  Dims kept_extents, kept_strides;  // outer kept dimensions
  Dims reduced_extents, reduced_strides;

  Walk(const Shape& shape, const std::vector<bool>& reduced) {
    const auto strides = kernels::strides_of(shape);
    // Dimensions merged while neighbours are of one kind.
    struct Part {
      std::int64_t extent, stride;
      bool reduced;
    };
    boost::container::small_vector<Part, 6> parts;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (reduced[i]) {
        count *= shape[i];
      }
      if (shape[i] == 1) {
        continue;
      }
      if (!parts.empty() && parts.back().reduced == reduced[i]) {
        parts.back().extent *= shape[i];
        parts.back().stride = strides[i];
      } else {
        parts.push_back({shape[i], strides[i], reduced[i]});
      }
    }
    if (!parts.empty()) {
      (parts.back().reduced ? run : block) = parts.back().extent;
      parts.pop_back();
    }
    for (const auto& part : parts) {
      (part.reduced ? reduced_extents : kept_extents).push_back(part.extent);
      (part.reduced ? reduced_strides : kept_strides).push_back(part.stride);
    }
  }

  /// Calls visit(offset) for each index of the dimensions.
  template <class Visit>
  static void each(const Dims& extents, const Dims& strides, Visit visit) {
    if (extents.empty()) {
      visit(std::int64_t{0});
      return;
    }
    if (extents.size() == 1) {
      for (std::int64_t i = 0; i < extents[0]; ++i) {
        visit(i * strides[0]);
      }
      return;
    }
    for (const auto extent : extents) {
      if (extent == 0) {
        return;
      }
    }
    Dims index(extents.size(), 0);
    std::int64_t offset = 0;
    for (;;) {
      visit(offset);
      auto i = extents.size();
      for (;;) {
        if (i == 0) {
          return;
        }
        --i;
        offset += strides[i];
        if (++index[i] < extents[i]) {
          break;
        }
        offset -= strides[i] * extents[i];
        index[i] = 0;
      }
    }
  }
};

/// Elements of a row that are reduced side by side: enough for any vector unit, few enough for L1.
constexpr std::int64_t chunk = 512;
constexpr std::int64_t lanes = 64;

template <class Op, class T>
void reduce_blocks(const Walk& walk, const T* src, T* dst) {
  using A = accumulator_of<Op, T>;
  A sums[chunk];
  Walk::each(walk.kept_extents, walk.kept_strides, [&](std::int64_t outer) {
    for (std::int64_t start = 0; start < walk.block; start += chunk) {
      const auto width = std::min(chunk, walk.block - start);
      std::fill_n(sums, width, Op::template first<A>());
      Walk::each(walk.reduced_extents, walk.reduced_strides, [&](std::int64_t inner) {
        const auto* row = src + outer + inner + start;
        for (std::int64_t i = 0; i < width; ++i) {
          sums[i] = Op::add(sums[i], static_cast<A>(row[i]));
        }
      });
      for (std::int64_t i = 0; i < width; ++i) {
        dst[i] = static_cast<T>(Op::last(sums[i], walk.count));
      }
      dst += width;
    }
  });
}

template <class Op, class T>
void reduce_rows(const Walk& walk, const T* src, T* dst) {
  using A = accumulator_of<Op, T>;
  Walk::each(walk.kept_extents, walk.kept_strides, [&](std::int64_t outer) {
    A parts[lanes];
    std::fill_n(parts, lanes, Op::template first<A>());
    Walk::each(walk.reduced_extents, walk.reduced_strides, [&](std::int64_t inner) {
      const auto* row = src + outer + inner;
      std::int64_t i = 0;
      for (; i + lanes <= walk.run; i += lanes) {
        for (std::int64_t k = 0; k < lanes; ++k) {
          parts[k] = Op::add(parts[k], static_cast<A>(row[i + k]));
        }
      }
      for (std::int64_t k = 0; i < walk.run; ++i, ++k) {
        parts[k] = Op::add(parts[k], static_cast<A>(row[i]));
      }
    });
    for (auto half = lanes / 2; half > 0; half /= 2) {
      for (std::int64_t k = 0; k < half; ++k) {
        parts[k] = Op::join(parts[k], parts[k + half]);
      }
    }
    *dst++ = static_cast<T>(Op::last(parts[0], walk.count));
  });
}

/// log(sum(exp(x))), with the maximum taken out so that nothing overflows.
template <class T>
void log_sum_exp(const Walk& walk, const T* src, T* dst) {
  using A = wide_of<T>;
  Walk::each(walk.kept_extents, walk.kept_strides, [&](std::int64_t outer) {
    for (std::int64_t i = 0; i < walk.block; ++i) {
      auto top = Max::first<A>();
      const auto each_element = [&](auto visit) {
        Walk::each(walk.reduced_extents, walk.reduced_strides, [&](std::int64_t inner) {
          const auto* row = src + outer + inner + i;
          for (std::int64_t k = 0; k < walk.run; ++k) {
            visit(static_cast<A>(row[k]));
          }
        });
      };
      each_element([&](A x) { top = Max::add(top, x); });
      const A shift = std::isfinite(top) ? top : A{0};
      A sum = 0;
      each_element([&](A x) { sum += std::exp(x - shift); });
      *dst++ = static_cast<T>(std::log(sum) + shift);
    }
  });
}

template <class Op, class T>
Kernel reduce_of(const Walk& walk) {
  return [walk](const void* const* src, void* const* dst) {
    const auto* from = static_cast<const T*>(src[0]);
    auto* to = static_cast<T*>(dst[0]);
    if constexpr (std::is_same_v<Op, LogSumExp>) {
      log_sum_exp<T>(walk, from, to);
    } else if (walk.block > 1) {
      reduce_blocks<Op, T>(walk, from, to);
    } else {
      reduce_rows<Op, T>(walk, from, to);
    }
  };
}

template <class Op>
Kernel reduce_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto axes = ctx.integers("axes", 1);
  const auto reduced = reduced_axes(ctx, axes.has_value() || ctx.has(1), axes, shape.rank());
  if (!reduced) {
    ctx.fail("the axes are not known");
  }
  const Walk walk{shape, *reduced};
  const auto type = ctx.type(0);
  Kernel kernel;
  if constexpr (Op::real_only) {
    with_float(type, [&]<class T>(std::type_identity<T>) { kernel = reduce_of<Op, T>(walk); });
  } else {
    if constexpr (std::is_same_v<Op, Max> || std::is_same_v<Op, Min>) {
      if (type == ElementType::boolean) {
        return reduce_of<Op, std::uint8_t>(walk);
      }
    }
    with_number(type, [&]<class T>(std::type_identity<T>) { kernel = reduce_of<Op, T>(walk); });
  }
  if (!kernel) {
    ctx.unsupported_type(type);
  }
  return kernel;
}

template <class Op>
constexpr OpDef definition(std::string_view type) {
  return {.type = type, .infer = infer_reduce, .kernel = reduce_kernel<Op>};
}

const Register sum{definition<Sum>("ReduceSum")};
const Register mean{definition<Mean>("ReduceMean")};
const Register max{definition<Max>("ReduceMax")};
const Register min{definition<Min>("ReduceMin")};
const Register prod{definition<Prod>("ReduceProd")};
const Register l1{definition<L1>("ReduceL1")};
const Register l2{definition<L2>("ReduceL2")};
const Register log_sum{definition<LogSum>("ReduceLogSum")};
const Register log_sum_exp_op{definition<LogSumExp>("ReduceLogSumExp")};
const Register sum_square{definition<SumSquare>("ReduceSumSquare")};

}  // namespace
}  // namespace coinfer::ops
