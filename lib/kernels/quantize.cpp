#include "kernels/quantize.hpp"

#include <cmath>

#include "kernels/isa.hpp"
#include "kernels/parallel.hpp"

namespace coinfer::kernels {
namespace {

constexpr std::int64_t grain = 32 * 1024;

/// The bounds of what is rounded, before the zero point is added.
struct Bounds {
  float low, high;
  explicit Bounds(const Steps& steps)
      : low{(steps.is_signed ? -128.0F : 0.0F) - steps.zero},
        high{(steps.is_signed ? 127.0F : 255.0F) - steps.zero} {}
};

COINFER_INLINE float bounded(float value, float low, float high) {
  value = low < value ? value : low;  // a NaN gives low
  return value < high ? value : high;
}

template <class Q>
COINFER_INLINE void quantize_loop(const float* x, Q* y, std::int64_t count, const Steps& to) {
  const Bounds bounds{to};
  const auto zero = static_cast<std::int32_t>(to.zero);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto value = bounded(std::nearbyint(x[i] / to.scale), bounds.low, bounds.high);
    y[i] = static_cast<Q>(static_cast<std::int32_t>(value) + zero);
  }
}

template <class Q>
COINFER_INLINE void dequantize_loop(const Q* x, float* y, std::int64_t count, const Steps& from) {
  const auto zero = static_cast<std::int32_t>(from.zero);
  for (std::int64_t i = 0; i < count; ++i) {
    y[i] = static_cast<float>(static_cast<std::int32_t>(x[i]) - zero) * from.scale;
  }
}

/// y = a * a_factor + b * b_factor + shift, rounded, in steps of y.
struct Sum {
  float a_factor, b_factor, shift, low, high;
  std::int32_t zero;
};

template <class A, class B, class Q>
COINFER_INLINE void add_loop(const A* a, const B* b, Q* y, std::int64_t count, const Sum& sum) {
  for (std::int64_t i = 0; i < count; ++i) {
    const auto value =
        static_cast<float>(static_cast<std::int32_t>(a[i])) * sum.a_factor +
        (static_cast<float>(static_cast<std::int32_t>(b[i])) * sum.b_factor + sum.shift);
    const auto rounded = bounded(std::nearbyint(value), sum.low, sum.high);
    y[i] = static_cast<Q>(static_cast<std::int32_t>(rounded) + sum.zero);
  }
}

template <class Q>
struct QuantizeLoop {
  static COINFER_AVX512 void avx512(const float* x, Q* y, std::int64_t count, const Steps& to) {
    quantize_loop(x, y, count, to);
  }
  static COINFER_AVX2 void avx2(const float* x, Q* y, std::int64_t count, const Steps& to) {
    quantize_loop(x, y, count, to);
  }
  static void baseline(const float* x, Q* y, std::int64_t count, const Steps& to) {
    quantize_loop(x, y, count, to);
  }
};

template <class Q>
struct DequantizeLoop {
  static COINFER_AVX512 void avx512(const Q* x, float* y, std::int64_t count, const Steps& from) {
    dequantize_loop(x, y, count, from);
  }
  static COINFER_AVX2 void avx2(const Q* x, float* y, std::int64_t count, const Steps& from) {
    dequantize_loop(x, y, count, from);
  }
  static void baseline(const Q* x, float* y, std::int64_t count, const Steps& from) {
    dequantize_loop(x, y, count, from);
  }
};

template <class A, class B, class Q>
struct AddLoop {
  static COINFER_AVX512 void avx512(const A* a, const B* b, Q* y, std::int64_t n, const Sum& sum) {
    add_loop(a, b, y, n, sum);
  }
  static COINFER_AVX2 void avx2(const A* a, const B* b, Q* y, std::int64_t n, const Sum& sum) {
    add_loop(a, b, y, n, sum);
  }
  static void baseline(const A* a, const B* b, Q* y, std::int64_t n, const Sum& sum) {
    add_loop(a, b, y, n, sum);
  }
};

template <class Loop>
auto best() {
  switch (isa()) {
    case Isa::avx512:
      return &Loop::avx512;
    case Isa::avx2:
      return &Loop::avx2;
    default:
      return &Loop::baseline;
  }
}

/// Calls f with the type of elements.
template <class F>
ops::Kernel with_type(bool is_signed, F f) {
  return is_signed ? f(std::type_identity<std::int8_t>{}) : f(std::type_identity<std::uint8_t>{});
}

}  // namespace

ops::Kernel quantize(std::int64_t count, const Steps& to, int threads) {
  return with_type(to.is_signed, [&]<class Q>(std::type_identity<Q>) -> ops::Kernel {
    return [=, work = best<QuantizeLoop<Q>>()](const void* const* src, void* const* dst) {
      const auto* x = static_cast<const float*>(src[0]);
      auto* y = static_cast<Q*>(dst[0]);
      parallel(count, grain, threads, [&](std::int64_t begin, std::int64_t end) {
        work(x + begin, y + begin, end - begin, to);
      });
    };
  });
}

ops::Kernel dequantize(std::int64_t count, const Steps& from, int threads) {
  return with_type(from.is_signed, [&]<class Q>(std::type_identity<Q>) -> ops::Kernel {
    return [=, work = best<DequantizeLoop<Q>>()](const void* const* src, void* const* dst) {
      const auto* x = static_cast<const Q*>(src[0]);
      auto* y = static_cast<float*>(dst[0]);
      parallel(count, grain, threads, [&](std::int64_t begin, std::int64_t end) {
        work(x + begin, y + begin, end - begin, from);
      });
    };
  });
}

ops::Kernel add_quantized(std::int64_t count, const Steps& a, const Steps& b, const Steps& to,
                          bool relu, int threads) {
  const Bounds bounds{to};
  Sum sum{a.scale / to.scale, b.scale / to.scale, 0,
          bounds.low,         bounds.high,        static_cast<std::int32_t>(to.zero)};
  sum.shift = -a.zero * sum.a_factor - b.zero * sum.b_factor;
  sum.low = relu ? std::max(sum.low, 0.0F) : sum.low;
  return with_type(a.is_signed, [&]<class A>(std::type_identity<A>) {
    return with_type(b.is_signed, [&]<class B>(std::type_identity<B>) {
      return with_type(to.is_signed, [&]<class Q>(std::type_identity<Q>) -> ops::Kernel {
        return [=, work = best<AddLoop<A, B, Q>>()](const void* const* src, void* const* dst) {
          const auto* left = static_cast<const A*>(src[0]);
          const auto* right = static_cast<const B*>(src[1]);
          auto* y = static_cast<Q*>(dst[0]);
          parallel(count, grain, threads, [&](std::int64_t begin, std::int64_t end) {
            work(left + begin, right + begin, y + begin, end - begin, sum);
          });
        };
      });
    });
  });
}

}  // namespace coinfer::kernels
