#include <cmath>

#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

template <class T>
std::int64_t count_of(const InferContext& ctx, T start, T limit, T delta) {
  if (delta == T{0}) {
    ctx.fail("the delta is 0");
  }
  if constexpr (std::is_integral_v<T>) {
    const auto span = static_cast<__int128>(limit) - start;
    const auto step = static_cast<__int128>(delta);
    const auto count = (span > 0) == (step > 0) && span != 0
                           ? (span + (step > 0 ? step - 1 : step + 1)) / step
                           : 0;
    return static_cast<std::int64_t>(
        std::min<__int128>(count, std::numeric_limits<std::int64_t>::max()));
  } else {
    const auto count = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) /
                                 static_cast<double>(delta));
    if (!(count < 0x1p62)) {
      ctx.fail("the range has no end");
    }
    return count > 0 ? static_cast<std::int64_t>(count) : 0;
  }
}

void infer_range(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  const auto type = ctx.type(0);
  std::array<Tensor, 3> values;
  bool known = true;
  for (std::size_t i = 0; i < 3; ++i) {
    if (ctx.type(i) != type) {
      ctx.fail(fmt::format("the inputs are of types {} and {}; equal types were expected",
                           name_of(type), name_of(ctx.type(i))));
    }
    values[i] = ctx.value(i);
    if (values[i] && values[i].size() != 1) {
      ctx.fail(fmt::format("the input {} has the shape {}; a scalar was expected", i,
                           values[i].shape().to_string()));
    }
    known = known && values[i];
  }
  auto shape = PartialShape::dynamic(1);
  if (known) {
    const bool served = with_number(type, [&]<class T>(std::type_identity<T>) {
      using Wide = wide_of<T>;
      shape[0] = Dimension{
          count_of<Wide>(ctx, *values[0].data<T>(), *values[1].data<T>(), *values[2].data<T>())};
    });
    if (!served) {
      ctx.unsupported_type(type);
    }
  }
  ctx.output(0, type, std::move(shape));
}

Kernel range_kernel(const KernelContext& ctx) {
  const auto count = ctx.output_shape(0).elements();
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [count](const void* const* src, void* const* dst) {
          // Integers modulo 2^64, so that the last step cannot overflow.
          using Wide = std::conditional_t<std::is_integral_v<T>, std::uint64_t, wide_of<T>>;
          const auto start = static_cast<Wide>(*static_cast<const T*>(src[0]));
          const auto delta = static_cast<Wide>(*static_cast<const T*>(src[2]));
          auto* d = static_cast<T*>(dst[0]);
          for (std::int64_t i = 0; i < count; ++i) {
            d[i] = static_cast<T>(start + static_cast<Wide>(i) * delta);
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register range{{.type = "Range", .since = 11, .infer = infer_range, .kernel = range_kernel}};

}  // namespace
}  // namespace coinfer::ops
