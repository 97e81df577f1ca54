#include <cmath>
#include <limits>
#include <numbers>

#include "ops/elementwise.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.ErfInv: x with erf(x) = y.

/// Winitzki's approximation (A handy approximation for the error function and its inverse, 2008),
/// then Halley's iteration, on erfc so that nothing cancels out near 1.
double inverse_erf(double y) {
  const auto size = std::abs(y);
  if (!(size < 1)) {
    return size == 1 ? std::copysign(std::numeric_limits<double>::infinity(), y)
                     : std::numeric_limits<double>::quiet_NaN();
  }
  if (size == 0) {
    return y;
  }
  constexpr double a = 0.147;
  const auto tail = 1 - size;  // exact above one half
  const auto logarithm = std::log(tail * (1 + size));
  const auto half = 2 / (std::numbers::pi * a) + logarithm / 2;
  auto x = std::sqrt(std::sqrt(half * half - logarithm / a) - half);
  for (int i = 0; i < 3; ++i) {
    const auto error = size > 0.5 ? tail - std::erfc(x) : std::erf(x) - size;
    const auto step = error / (2 * std::numbers::inv_sqrtpi * std::exp(-x * x));
    x -= step / (1 + x * step);
  }
  return std::copysign(x, y);
}

void infer_erf_inv(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

Kernel erf_inv_kernel(const KernelContext& ctx) {
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = map_kernel<T, T>(ctx, [](T y) {
          return static_cast<T>(static_cast<wide_of<T>>(
              inverse_erf(static_cast<double>(static_cast<wide_of<T>>(y)))));
        });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register erf_inv{
    {.type = "ErfInv", .infer = infer_erf_inv, .kernel = erf_inv_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
