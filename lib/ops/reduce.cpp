#include <bit>
#include <cmath>

#include "ops/op.hpp"
#include "ops/reduce_walk.hpp"
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

// How elements are gathered: `first` starts, `add` takes one element, `join` two parts.
struct Sum {
  template <class A>
  static A first() {
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
};
struct SumSquare : Sum {
  template <class A>
  static A add(A sum, A x) {
    return sum + x * x;
  }
};
struct SumAbsolute : Sum {
  template <class A>
  static A add(A sum, A x) {
    if constexpr (std::is_integral_v<A>) {
      return static_cast<std::int64_t>(x) < 0 ? sum - x : sum + x;
    } else {
      return sum + std::abs(x);
    }
  }
};
struct Prod {
  template <class A>
  static A first() {
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
};
struct Max {
  template <class T>
  static constexpr T first() {
    if constexpr (std::numeric_limits<T>::has_infinity) {
      return -std::numeric_limits<T>::infinity();
    } else {
      return std::numeric_limits<T>::lowest();
    }
  }
  // A NaN among the elements wins, as in numpy.
  template <class A>
  static A add(A a, A b) {
    return ((a > b) | is_nan(a)) ? a : b;
  }
  template <class A>
  static A join(A a, A b) {
    return add(a, b);
  }
};
struct Min {
  template <class T>
  static constexpr T first() {
    if constexpr (std::numeric_limits<T>::has_infinity) {
      return std::numeric_limits<T>::infinity();
    } else {
      return std::numeric_limits<T>::max();
    }
  }
  template <class A>
  static A add(A a, A b) {
    return ((a < b) | is_nan(a)) ? a : b;
  }
  template <class A>
  static A join(A a, A b) {
    return add(a, b);
  }
};

// What is made of the gathered value of `count` elements.
struct Plain {
  template <class A>
  static A last(A value, std::int64_t) {
    return value;
  }
};
struct Divided {
  template <class A>
  static A last(A sum, std::int64_t count) {
    if constexpr (std::is_integral_v<A>) {
      return count == 0 ? A{0} : static_cast<A>(static_cast<std::int64_t>(sum) / count);
    } else {
      return sum / static_cast<A>(count);
    }
  }
};
struct Root {
  template <class A>
  static A last(A sum, std::int64_t) {
    if constexpr (std::is_integral_v<A>) {
      return static_cast<A>(std::sqrt(static_cast<double>(sum)));
    } else {
      return std::sqrt(sum);
    }
  }
};
struct Logarithm {
  template <class A>
  static A last(A sum, std::int64_t) {
    return static_cast<A>(std::log(sum));
  }
};

/// What the elements are gathered in: reals in float or double, integers modulo 2^64 for sums and
/// products, so that overflow is no undefined behaviour, and in their own type where they are
/// compared.
template <class Gather>
inline constexpr bool compares = std::is_same_v<Gather, Max> || std::is_same_v<Gather, Min>;
template <class Gather, class T>
using accumulator_of =
    std::conditional_t<std::is_integral_v<T> && !compares<Gather>, std::uint64_t, wide_of<T>>;

/// Elements of a row that are reduced side by side: enough for any vector unit, few enough for L1.
constexpr std::int64_t chunk = 512;
constexpr std::int64_t lanes = 64;
static_assert(chunk % lanes == 0);

/// The way of elements of one type into their accumulator's and back.
template <class A>
struct Conversion {
  std::int64_t width = sizeof(A);
  A first{};  // what the gathering starts with
  /// Null when the elements are of type A already.
  void (*load)(const void* src, std::int64_t count, A* dst) = nullptr;
  void (*store)(const A* src, std::int64_t count, void* dst) = nullptr;

  /// The elements from index `at` of `src`; `buffer` has room for `count`.
  const A* row(const void* src, std::int64_t at, std::int64_t count, A* buffer) const {
    const auto* from = static_cast<const std::byte*>(src) + at * width;
    if (load == nullptr) {
      return reinterpret_cast<const A*>(from);
    }
    load(from, count, buffer);
    return buffer;
  }
};

template <class T, class A>
void load_as(const void* src, std::int64_t count, A* dst) {
  const auto* from = static_cast<const T*>(src);
  for (std::int64_t i = 0; i < count; ++i) {
    if constexpr (std::is_integral_v<T>) {
      dst[i] = static_cast<A>(static_cast<std::int64_t>(from[i]));  // modulo 2^64
    } else {
      dst[i] = static_cast<A>(from[i]);
    }
  }
}

template <class T, class A>
void store_as(const A* src, std::int64_t count, void* dst) {
  auto* to = static_cast<T*>(dst);
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = static_cast<T>(src[i]);
  }
}

template <class Gather, class T, class A>
Conversion<A> conversion_of() {
  Conversion<A> result{.width = sizeof(T),
                       .first = static_cast<A>(Gather::template first<wide_of<T>>()),
                       .store = store_as<T, A>};
  if constexpr (sizeof(T) != sizeof(A) || is_half<T>) {
    result.load = load_as<T, A>;
  }
  return result;
}

/// Ends `n` gathered values of `count` elements each, in place.
template <class A>
using Finish = void (*)(A* values, std::int64_t n, std::int64_t count);

template <class Last, class A>
void finish(A* values, std::int64_t n, std::int64_t count) {
  for (std::int64_t i = 0; i < n; ++i) {
    values[i] = Last::last(values[i], count);
  }
}

template <class Gather, class A>
void reduce_blocks(const ReduceWalk& walk, const Conversion<A>& as, Finish<A> last, const void* src,
                   void* dst) {
  A sums[chunk];
  A buffer[chunk];
  auto* to = static_cast<std::byte*>(dst);
  ReduceWalk::each(walk.kept_extents, walk.kept_strides, [&](std::int64_t outer) {
    for (std::int64_t start = 0; start < walk.block; start += chunk) {
      const auto width = std::min(chunk, walk.block - start);
      std::fill_n(sums, width, as.first);
      ReduceWalk::each(walk.reduced_extents, walk.reduced_strides, [&](std::int64_t inner) {
        const auto* row = as.row(src, outer + inner + start, width, buffer);
        for (std::int64_t i = 0; i < width; ++i) {
          sums[i] = Gather::add(sums[i], row[i]);
        }
      });
      last(sums, width, walk.count);
      as.store(sums, width, to);
      to += width * as.width;
    }
  });
}

/// Adds a row to the lanes.
template <class Gather, class A>
void add_row(A* parts, const A* row, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (std::int64_t k = 0; k < lanes; ++k) {
      parts[k] = Gather::add(parts[k], row[i + k]);
    }
  }
  for (std::int64_t k = 0; i < count; ++i, ++k) {
    parts[k] = Gather::add(parts[k], row[i]);
  }
}

template <class Gather, class A>
void reduce_rows(const ReduceWalk& walk, const Conversion<A>& as, Finish<A> last, const void* src,
                 void* dst) {
  A buffer[chunk];
  A results[lanes];  // ended and stored together
  std::int64_t have = 0;
  auto* to = static_cast<std::byte*>(dst);
  const auto flush = [&] {
    last(results, have, walk.count);
    as.store(results, have, to);
    to += have * as.width;
    have = 0;
  };
  const auto step = as.load == nullptr ? walk.run : chunk;
  // Short rows leave the upper lanes as they start, where they change nothing.
  const auto used = std::min(
      lanes, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(walk.run))));
  ReduceWalk::each(walk.kept_extents, walk.kept_strides, [&](std::int64_t outer) {
    A parts[lanes];
    std::fill_n(parts, used, as.first);
    ReduceWalk::each(walk.reduced_extents, walk.reduced_strides, [&](std::int64_t inner) {
      for (std::int64_t start = 0; start < walk.run; start += step) {
        const auto count = std::min(step, walk.run - start);
        add_row<Gather>(parts, as.row(src, outer + inner + start, count, buffer), count);
      }
    });
    for (auto half = used / 2; half > 0; half /= 2) {
      for (std::int64_t k = 0; k < half; ++k) {
        parts[k] = Gather::join(parts[k], parts[k + half]);
      }
    }
    results[have++] = parts[0];
    if (have == lanes) {
      flush();
    }
  });
  flush();
}

/// log(sum(exp(x))), with the maximum taken out so that nothing overflows.
template <class T>
void log_sum_exp(const ReduceWalk& walk, const T* src, T* dst) {
  using A = wide_of<T>;
  ReduceWalk::each(walk.kept_extents, walk.kept_strides, [&](std::int64_t outer) {
    for (std::int64_t i = 0; i < walk.block; ++i) {
      auto top = Max::first<A>();
      const auto each_element = [&](auto visit) {
        ReduceWalk::each(walk.reduced_extents, walk.reduced_strides, [&](std::int64_t inner) {
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

template <class Gather, class A>
Kernel gather_kernel(const ReduceWalk& walk, const Conversion<A>& as, Finish<A> last) {
  return [walk, as, last](const void* const* src, void* const* dst) {
    (walk.block > 1 ? reduce_blocks<Gather, A> : reduce_rows<Gather, A>)(walk, as, last, src[0],
                                                                         dst[0]);
  };
}

ReduceWalk walk_of(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto axes = ctx.integers("axes", 1);
  const auto reduced = reduced_axes(ctx, axes.has_value() || ctx.has(1), axes, shape.rank());
  if (!reduced) {
    ctx.fail("the axes are not known");
  }
  return {shape, *reduced};
}

template <class Gather, class Last>
Kernel reduce_kernel(const KernelContext& ctx) {
  const auto walk = walk_of(ctx);
  const auto type = ctx.type(0);
  Kernel kernel;
  const auto take = [&]<class T>(std::type_identity<T>) {
    using A = accumulator_of<Gather, T>;
    kernel = gather_kernel<Gather, A>(walk, conversion_of<Gather, T, A>(), finish<Last, A>);
  };
  if constexpr (std::is_same_v<Last, Logarithm>) {
    with_float(type, take);
  } else if (compares<Gather> && type == ElementType::boolean) {
    take(std::type_identity<std::uint8_t>{});
  } else {
    with_number(type, take);
  }
  if (!kernel) {
    ctx.unsupported_type(type);
  }
  return kernel;
}

Kernel log_sum_exp_kernel(const KernelContext& ctx) {
  const auto walk = walk_of(ctx);
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [walk](const void* const* src, void* const* dst) {
          log_sum_exp<T>(walk, static_cast<const T*>(src[0]), static_cast<T*>(dst[0]));
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

template <class Gather, class Last = Plain>
constexpr OpDef definition(std::string_view type) {
  return {.type = type, .infer = infer_reduce, .kernel = reduce_kernel<Gather, Last>};
}

const Register sum{definition<Sum>("ReduceSum")};
const Register mean{definition<Sum, Divided>("ReduceMean")};
const Register max{definition<Max>("ReduceMax")};
const Register min{definition<Min>("ReduceMin")};
const Register prod{definition<Prod>("ReduceProd")};
const Register l1{definition<SumAbsolute>("ReduceL1")};
const Register l2{definition<SumSquare, Root>("ReduceL2")};
const Register log_sum{definition<Sum, Logarithm>("ReduceLogSum")};
const Register log_sum_exp_op{
    {.type = "ReduceLogSumExp", .infer = infer_reduce, .kernel = log_sum_exp_kernel}};
const Register sum_square{definition<SumSquare>("ReduceSumSquare")};

}  // namespace
}  // namespace coinfer::ops
