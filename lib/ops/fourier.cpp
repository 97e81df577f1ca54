#include <cmath>
#include <complex>
#include <numbers>

#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.Fourier: the discrete Fourier transform along one axis of complex numbers [..., 2] (real,
// imaginary), of `length` elements (input 1, i64; -1: as many as there are): the axis is cut or
// filled up with zeros. With inverse = 1 the inverse, divided by the length; with half = 1 the
// input holds only the first half of a spectrum whose other half is its conjugate.

std::size_t axis_of(std::int64_t axis, std::int64_t rank) {
  if (axis < 0 || axis >= rank - 1) {
    throw Error(fmt::format("the axis {} does not lie in complex numbers of rank {}", axis, rank));
  }
  return static_cast<std::size_t>(axis);
}

void infer_fourier(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_type(0, {ElementType::f32, ElementType::f16, ElementType::bf16, ElementType::f64});
  ctx.check_type(1, {ElementType::i64});
  const auto length = ctx.integers(1);
  auto shape = ctx.shape(0);
  if (shape.has_rank()) {
    const auto rank = shape.rank();
    if (rank < 2 || !shape[static_cast<std::size_t>(rank - 1)].contains(2)) {
      ctx.fail(
          fmt::format("complex numbers [..., 2] were expected, not a shape {}", shape.to_string()));
    }
    const auto given = ctx.attributes().integer("axis", 0);
    if (given < 0 || given >= rank - 1) {
      ctx.fail(fmt::format("the axis {} does not lie in complex numbers of rank {}", given, rank));
    }
    auto& extent = shape[static_cast<std::size_t>(given)];
    if (!length) {
      extent = Dimension{};
    } else if (length->size() != 1 || length->front() < -1 || length->front() == 0 ||
               length->front() > std::int64_t{1} << 31) {
      ctx.fail(fmt::format("the length is {}", fmt::join(*length, ",")));
    } else if (length->front() != -1) {
      extent = Dimension{length->front()};
    } else if (ctx.attributes().integer("half", 0) != 0) {
      extent = extent.is_static() && extent.length() > 1 ? Dimension{2 * (extent.length() - 1)}
                                                         : Dimension{};
    }
    if (extent == Dimension{0}) {
      ctx.fail("nothing can be transformed: the axis is empty");
    }
  }
  ctx.output(0, ctx.type(0), std::move(shape));
}

using Complex = std::complex<double>;

/// Mixed radix (Cooley and Tukey, Math. Comp. 19, 1965): as many steps as the length has prime
/// factors.
class Transform {
 public:
  Transform(std::int64_t length, bool inverse) : length_{static_cast<std::size_t>(length)} {
    roots_.resize(length_);
    for (std::size_t i = 0; i < length_; ++i) {
      const auto angle = (inverse ? 2 : -2) * std::numbers::pi * static_cast<double>(i) /
                         static_cast<double>(length_);
      roots_[i] = {std::cos(angle), std::sin(angle)};
    }
  }

  /// `scratch` holds `length` elements.
  void operator()(const Complex* src, Complex* dst, Complex* scratch) const {
    part(src, 1, dst, length_, 1, scratch);
  }

 private:
  static std::size_t smallest_factor(std::size_t n) {
    for (std::size_t p = 2; p * p <= n; ++p) {
      if (n % p == 0) {
        return p;
      }
    }
    return n;
  }

  void part(const Complex* src, std::size_t stride, Complex* dst, std::size_t n, std::size_t turn,
            Complex* scratch) const {
    if (n == 1) {
      *dst = *src;
      return;
    }
    const auto p = smallest_factor(n);
    const auto m = n / p;
    for (std::size_t q = 0; q < p; ++q) {
      part(src + q * stride, stride * p, dst + q * m, m, turn * p, scratch);
    }
    for (std::size_t k = 0; k < m; ++k) {
      for (std::size_t q = 0; q < p; ++q) {
        scratch[q] = dst[q * m + k] * roots_[q * k * turn % length_];
      }
      for (std::size_t r = 0; r < p; ++r) {
        Complex sum = 0;
        for (std::size_t q = 0; q < p; ++q) {
          sum += scratch[q] * roots_[q * r % p * m * turn % length_];
        }
        dst[r * m + k] = sum;
      }
    }
  }

  std::size_t length_;
  std::vector<Complex> roots_;
};

Kernel fourier_kernel(const KernelContext& ctx) {
  const auto from = ctx.shape(0);
  const auto to = ctx.output_shape(0);
  const auto axis = axis_of(ctx.attributes().integer("axis", 0), from.rank());
  const auto present = from[axis];
  const auto length = to[axis];
  const bool inverse = ctx.attributes().integer("inverse", 0) != 0;
  const bool half = ctx.attributes().integer("half", 0) != 0;
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (std::size_t i = 0; i + 1 < from.size(); ++i) {
    (i < axis ? outer : inner) *= i == axis ? 1 : from[i];
  }
  const Transform transform{length, inverse};
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          // Grow once per thread.
          thread_local std::vector<Complex> line, result, scratch;
          const auto size = static_cast<std::size_t>(length);
          line.resize(size);
          result.resize(size);
          scratch.resize(size);
          const auto scale = inverse ? 1 / static_cast<double>(length) : 1.0;
          for (std::int64_t o = 0; o < outer; ++o) {
            for (std::int64_t i = 0; i < inner; ++i) {
              const auto* x = static_cast<const T*>(src[0]) + (o * present * inner + i) * 2;
              const auto read = [&](std::int64_t k) {
                return k < present
                           ? Complex{static_cast<double>(static_cast<wide_of<T>>(x[k * inner * 2])),
                                     static_cast<double>(
                                         static_cast<wide_of<T>>(x[k * inner * 2 + 1]))}
                           : Complex{};
              };
              for (std::int64_t k = 0; k < length; ++k) {
                line[static_cast<std::size_t>(k)] =
                    half && k > length / 2 ? std::conj(read(length - k)) : read(k);
              }
              transform(line.data(), result.data(), scratch.data());
              auto* d = static_cast<T*>(dst[0]) + (o * length * inner + i) * 2;
              for (std::size_t k = 0; k < size; ++k, d += inner * 2) {
                d[0] = static_cast<T>(static_cast<wide_of<T>>(result[k].real() * scale));
                d[1] = static_cast<T>(static_cast<wide_of<T>>(result[k].imag() * scale));
              }
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register fourier{
    {.type = "Fourier", .infer = infer_fourier, .kernel = fourier_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
