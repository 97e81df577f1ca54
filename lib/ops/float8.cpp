#include <cmath>

#include "ops/elementwise.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"
#include "tensor/half.hpp"

namespace coinfer::ops {
namespace {

// coinfer.Float8: numbers rounded to what 8-bit floats (Micikevicius et al., FP8 Formats for Deep
// Learning, 2022) can hold: E4M3, or with wide = 1 E5M2. The nearest one, of two the even one.

struct Format {
  int mantissa;  ///< bits
  int least;     ///< exponent of the smallest normal number
  float largest;
  bool saturates;  ///< what is larger becomes the largest, else infinite
};

constexpr Format narrow{3, -6, 448, true};
constexpr Format wide{2, -14, 57344, false};

float rounded(float x, const Format& format) {
  if (x == 0 || !std::isfinite(x)) {
    return std::isinf(x) && format.saturates ? std::copysign(format.largest, x) : x;
  }
  const auto exponent = std::max(std::ilogb(x), format.least);
  const auto unit = std::ldexp(1.0F, exponent - format.mantissa);
  const auto near = std::nearbyint(x / unit) * unit;
  if (std::abs(near) > format.largest) {
    return std::copysign(format.saturates ? format.largest : HUGE_VALF, x);
  }
  return near;
}

void infer_float8(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.output(0, ctx.type(0), ctx.shape(0));
}

Kernel float8_kernel(const KernelContext& ctx) {
  const auto format = ctx.attributes().integer("wide", 0) != 0 ? wide : narrow;
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = map_kernel<T, T>(ctx, [format](T x) {
          const auto half = Float16{static_cast<float>(static_cast<wide_of<T>>(x))};
          return static_cast<T>(static_cast<wide_of<T>>(rounded(static_cast<float>(half), format)));
        });
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register float8{
    {.type = "Float8", .infer = infer_float8, .kernel = float8_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
