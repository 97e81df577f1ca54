#include "frontends/ir/writer.hpp"

/// Fourier transforms.
namespace coinfer::frontends::ir {
namespace {

using Values = std::vector<ValueId>;
using Ints = std::vector<std::int64_t>;

/// The axes that input 1 names, counted from the front of `rank` axes.
Ints axes_of(Writer& w, std::int64_t rank) {
  auto axes = w.constant(1, "axes");
  for (auto& axis : axes) {
    if (axis < -rank || axis >= rank) {
      w.fail(fmt::format("its axis {} does not lie in a signal of rank {}", axis, rank));
    }
    axis += axis < 0 ? rank : 0;
  }
  if (axes.empty()) {
    w.fail("it has no axes");
  }
  return axes;
}

/// The length along the axis that stands at `place` among the axes.
ValueId length(Writer& w, std::size_t place) {
  if (w.inputs() < 3) {
    return w.ints({-1});
  }
  return w.node("Gather", {w.i64(2), w.ints({static_cast<std::int64_t>(place)})},
                {{"axis", std::int64_t{0}}});
}

ValueId transformed(Writer& w, ValueId value, std::int64_t axis, ValueId length, bool inverse,
                    bool half = false) {
  return w.own(
      "Fourier", {value, length}, 1,
      {{"axis", axis}, {"inverse", std::int64_t{inverse}}, {"half", std::int64_t{half}}})[0];
}

template <bool inverse>
Values dft(Writer& w) {
  auto value = w.in(0);
  const auto axes = axes_of(w, w.rank(0) - 1);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    value = transformed(w, value, axes[i], length(w, i), inverse);
  }
  return {value};
}

/// Real numbers as complex ones.
ValueId complex(Writer& w, ValueId value) {
  const auto real = w.unsqueeze(value, {-1});
  return w.join({real, w.node("Mul", {real, w.scalar(0, value)})}, -1);
}

/// The first half of a spectrum along an axis, and the element in the middle.
ValueId first_half(Writer& w, ValueId spectrum, std::int64_t axis) {
  const auto extent = w.extents(spectrum, axis, axis + 1);
  const auto end = w.node("Add", {w.node("Div", {extent, w.ints({2})}), w.ints({1})});
  return w.node("Slice", {spectrum, w.ints({0}), end, w.ints({axis})});
}

/// The last axis is transformed first, and half of its spectrum kept.
Values rdft(Writer& w) {
  const auto axes = axes_of(w, w.rank(0));
  auto value = complex(w, w.in(0));
  value = transformed(w, value, axes.back(), length(w, axes.size() - 1), false);
  value = first_half(w, value, axes.back());
  for (std::size_t i = 0; i + 1 < axes.size(); ++i) {
    value = transformed(w, value, axes[i], length(w, i), false);
  }
  return {value};
}

Values irdft(Writer& w) {
  const auto axes = axes_of(w, w.rank(0) - 1);
  auto value = w.in(0);
  for (std::size_t i = 0; i + 1 < axes.size(); ++i) {
    value = transformed(w, value, axes[i], length(w, i), true);
  }
  value = transformed(w, value, axes.back(), length(w, axes.size() - 1), true, true);
  return {w.node("Gather", {value, w.integer_scalar(0)}, {{"axis", std::int64_t{-1}}})};
}

/// Frames of a signal, each weighed by a window in its middle and transformed.
Values stft(Writer& w) {
  const auto signal = w.in(0);
  const auto sizes = w.constant(2, "frame_size"), steps = w.constant(3, "frame_step");
  if (sizes.size() != 1 || steps.size() != 1 || sizes[0] < 1 || steps[0] < 1) {
    w.fail(fmt::format("its frames are {} long, {} apart", fmt::join(sizes, ","),
                       fmt::join(steps, ",")));
  }
  const auto size = sizes[0];
  const auto end = w.node("Add", {w.extents(signal, -1), w.ints({1 - size})});
  const auto starts =
      w.node("Range", {w.integer_scalar(0), w.squeeze(end, {0}), w.integer_scalar(steps[0])});
  const auto places =
      w.node("Range", {w.integer_scalar(0), w.integer_scalar(size), w.integer_scalar(1)});
  const auto indices = w.node("Add", {w.unsqueeze(starts, {1}), places});
  const auto frames = w.node("Gather", {signal, indices}, {{"axis", std::int64_t{-1}}});
  const auto missing = w.node("Sub", {w.ints({size}), w.extents(w.in(1))});
  const auto before = w.node("Div", {missing, w.ints({2})});
  const auto window = w.node("Pad", {w.in(1), w.join({before, w.node("Sub", {missing, before})})});
  auto value = complex(w, w.node("Mul", {frames, window}));
  const auto rank = w.rank(0);  // of the signal: the frames' last axis
  value = transformed(w, value, rank, w.ints({-1}), false);
  value = first_half(w, value, rank);
  if (!w.flag("transpose_frames", false)) {
    return {value};
  }
  Ints order;
  for (std::int64_t i = 0; i < rank + 2; ++i) {
    order.push_back(i);
  }
  std::swap(order[static_cast<std::size_t>(rank) - 1], order[static_cast<std::size_t>(rank)]);
  return {w.transpose(value, std::move(order))};
}

/// Transforms each frame back and adds the frames up where they overlap.
Values istft(Writer& w) {
  const auto rank = w.rank(0);  // [..., frequencies, frames, 2]
  if (rank != 3 && rank != 4) {
    w.fail(fmt::format("spectra of rank {} were given; 3 or 4 was expected", rank));
  }
  Ints order;
  for (std::int64_t i = 0; i < rank; ++i) {
    order.push_back(i);
  }
  std::swap(order[static_cast<std::size_t>(rank) - 3], order[static_cast<std::size_t>(rank) - 2]);
  const auto scalar = [&](std::size_t i) { return w.node("Reshape", {w.i64(i), w.ints({1})}); };
  const auto spectra = w.transpose(w.in(0), std::move(order));
  const auto complex = transformed(w, spectra, rank - 2, scalar(2), true, true);
  const auto frames =
      w.node("Gather", {complex, w.integer_scalar(0)}, {{"axis", std::int64_t{-1}}});
  std::vector<ValueId> inputs{frames, w.in(1), scalar(3)};
  if (w.inputs() > 4) {
    inputs.push_back(scalar(4));
  }
  return w.own("OverlapAdd", std::move(inputs), 1,
               {{"centred", std::int64_t{w.flag("center", false)}},
                {"normalized", std::int64_t{w.flag("normalized", false)}}});
}

constexpr std::array table{
    NamedConversion{"DFT", dft<false>}, NamedConversion{"IDFT", dft<true>},
    NamedConversion{"RDFT", rdft},      NamedConversion{"IRDFT", irdft},
    NamedConversion{"STFT", stft},      NamedConversion{"ISTFT", istft},
};

}  // namespace

std::span<const NamedConversion> signal_conversions() { return table; }

}  // namespace coinfer::frontends::ir
