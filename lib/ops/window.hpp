#pragma once

#include <string>

#include "ops/op.hpp"

namespace coinfer::ops {

/// How a convolution or pooling window moves over the spatial extents.
struct Window {
  Dims kernel;
  Dims strides;
  Dims dilations;
  Dims pads_begin;
  Dims pads_end;
  enum class Auto : std::uint8_t { none, same_upper, same_lower } automatic = Auto::none;
  bool ceil = false;
  bool keep_outside = false;  ///< with `ceil`: also windows that start behind the input

  std::size_t rank() const { return kernel.size(); }
  std::int64_t span(std::size_t i) const { return (kernel[i] - 1) * dilations[i] + 1; }

  /// The output's extent; bounds for bounds.
  template <class Context>
  Dimension output(const Context& ctx, std::size_t i, Dimension in) const {
    if (in == Dimension{}) {
      return Dimension{};
    }
    if (in.is_static()) {
      return Dimension{extent(ctx, i, in.length())};
    }
    const auto padding = automatic == Auto::none ? pads_begin[i] + pads_end[i] : span(i);
    const auto least = in.min_length() + padding < span(i) ? 0 : extent(ctx, i, in.min_length());
    return in.max_length() == Dimension::unbounded
               ? Dimension{least, Dimension::unbounded}
               : Dimension{least, extent(ctx, i, in.max_length())};
  }

  template <class Context>
  std::int64_t extent(const Context& ctx, std::size_t i, std::int64_t length) const {
    if (automatic != Auto::none) {
      return (length + strides[i] - 1) / strides[i];
    }
    const auto room = length + pads_begin[i] + pads_end[i] - span(i);
    if (room < 0) {
      ctx.fail("the window of " + std::to_string(span(i)) + " does not fit the padded extent " +
               std::to_string(length + pads_begin[i] + pads_end[i]));
    }
    auto out = (ceil ? (room + strides[i] - 1) / strides[i] : room / strides[i]) + 1;
    // A window that would start in the padding behind the input is left out.
    if (ceil && !keep_outside && (out - 1) * strides[i] >= length + pads_begin[i]) {
      --out;
    }
    return out;
  }

  /// Turns automatic padding into numbers, once the input's extents are known.
  void resolve(const Shape& input) {
    if (automatic == Auto::none) {
      return;
    }
    for (std::size_t i = 0; i < rank(); ++i) {
      const auto in = input[i + 2];
      const auto out = (in + strides[i] - 1) / strides[i];
      const auto total = std::max<std::int64_t>((out - 1) * strides[i] + span(i) - in, 0);
      const auto less = total / 2;
      pads_begin[i] = automatic == Auto::same_upper ? less : total - less;
      pads_end[i] = total - pads_begin[i];
    }
    automatic = Auto::none;
  }
};

/// From the node's attributes; `kernel` are the window's extents.
template <class Context>
Window window_of(const Context& ctx, const Dims& kernel) {
  const auto& attributes = ctx.attributes();
  const auto rank = kernel.size();
  const auto list = [&](const char* name, std::size_t count, std::int64_t otherwise,
                        std::int64_t least) {
    Dims result(count, otherwise);
    if (const auto given = attributes.integers(name)) {
      if (given->size() != count) {
        ctx.fail(std::string{name} + " has " + std::to_string(given->size()) + " numbers; " +
                 std::to_string(count) + " were expected");
      }
      for (std::size_t i = 0; i < count; ++i) {
        if ((*given)[i] < least || (*given)[i] > (std::int64_t{1} << 31)) {
          ctx.fail(std::string{name} + " has the number " + std::to_string((*given)[i]));
        }
        result[i] = (*given)[i];
      }
    }
    return result;
  };
  Window window;
  window.kernel = kernel;
  window.strides = list("strides", rank, 1, 1);
  window.dilations = list("dilations", rank, 1, 1);
  const auto pads = list("pads", 2 * rank, 0, 0);
  window.pads_begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(rank));
  window.pads_end.assign(pads.begin() + static_cast<std::ptrdiff_t>(rank), pads.end());
  window.ceil = attributes.integer("ceil_mode", 0) != 0;
  // 2 is no value of ONNX's.
  window.keep_outside = attributes.integer("ceil_mode", 0) == 2;
  const auto automatic = attributes.text("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER") {
    window.automatic = Window::Auto::same_upper;
  } else if (automatic == "SAME_LOWER") {
    window.automatic = Window::Auto::same_lower;
  } else if (automatic == "VALID") {
    window.pads_begin.assign(rank, 0);
    window.pads_end.assign(rank, 0);
  } else if (automatic != "NOTSET" && !automatic.empty()) {
    ctx.fail("auto_pad '" + automatic + "' is not known");
  }
  return window;
}

}  // namespace coinfer::ops
