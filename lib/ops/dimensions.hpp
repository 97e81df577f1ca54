#pragma once

#include "ops/op.hpp"

namespace coinfer::ops {

/// An extent plus a number; fails when the sum overflows or is negative.
template <class Context>
Dimension add(const Context& ctx, Dimension extent, std::int64_t amount) {
  const auto one = [&](std::int64_t length) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(length, amount, &sum)) {
      ctx.fail("the extent " + std::to_string(length) + " plus " + std::to_string(amount) +
               " is too large");
    }
    return sum;
  };
  const auto max =
      extent.max_length() == Dimension::unbounded ? Dimension::unbounded : one(extent.max_length());
  const auto min = one(extent.min_length());
  if (max < 0 || (extent.is_static() && min < 0)) {
    ctx.fail("an extent would be " + std::to_string(min));
  }
  return extent.is_static() ? Dimension{min} : Dimension{std::max<std::int64_t>(min, 0), max};
}

/// An extent times a number >= 0; fails when the product overflows.
template <class Context>
Dimension multiply(const Context& ctx, Dimension extent, std::int64_t factor) {
  if (factor < 0) {
    ctx.fail("an extent is to be multiplied by " + std::to_string(factor));
  }
  const auto one = [&](std::int64_t length) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(length, factor, &product)) {
      ctx.fail("the extent " + std::to_string(length) + " times " + std::to_string(factor) +
               " is too large");
    }
    return product;
  };
  if (extent.is_static()) {
    return Dimension{one(extent.length())};
  }
  const auto max =
      extent.max_length() == Dimension::unbounded ? Dimension::unbounded : one(extent.max_length());
  return Dimension{one(extent.min_length()), max};
}

/// A count of elements times one more extent >= 0; fails when the product overflows.
template <class Context>
std::int64_t product(const Context& ctx, std::int64_t elements, std::int64_t extent) {
  return multiply(ctx, Dimension{elements}, extent).length();
}

}  // namespace coinfer::ops
