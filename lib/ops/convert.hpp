#pragma once

#include <cmath>
#include <limits>

#include "ops/types.hpp"

namespace coinfer::ops {

/// A number as another type: reals towards zero and saturated (a NaN becomes 0), integers modulo
/// 2^n.
template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return static_cast<wide_of<From>>(value) != 0;
  } else if constexpr (is_real<From> && std::is_integral_v<To>) {
    using Wide = wide_of<From>;
    const auto wide = static_cast<Wide>(value);
    if constexpr (sizeof(To) < 4) {
      return static_cast<To>(convert<std::int32_t>(wide));
    } else {
      // The upper limit is a power of two, so exact in any real type.
      constexpr auto low = static_cast<Wide>(std::numeric_limits<To>::min());
      constexpr auto beyond = static_cast<Wide>(std::numeric_limits<To>::max() / 2 + 1) * 2;
      if (!(wide >= low)) {
        return std::isnan(wide) ? To{0} : std::numeric_limits<To>::min();
      }
      return wide >= beyond ? std::numeric_limits<To>::max() : static_cast<To>(wide);
    }
  } else if constexpr (is_half<To>) {
    return To{static_cast<float>(value)};
  } else {
    return static_cast<To>(static_cast<wide_of<From>>(value));
  }
}

}  // namespace coinfer::ops
