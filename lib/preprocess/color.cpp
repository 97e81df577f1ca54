#include "coinfer/error.hpp"
#include "preprocess/chain.hpp"

namespace coinfer::preprocess {
namespace {

using enum ColorFormat;
using graph::ValueId;

bool is_bgr(ColorFormat format) { return format == bgr || format == bgrx; }

/// Computes in f32 and rounds to the old type.
template <class Compute>
void in_f32(Chain& chain, Compute compute) {
  const auto type = chain.type();
  chain.cast(ElementType::f32);
  compute();
  if (is_integral(type)) {
    chain.current = chain.add("Round", {chain.current});
  }
  chain.cast(type);
}

/// Brightness as ITU-R BT.601 has it.
void to_gray(Chain& chain, std::int64_t axis) {
  std::vector<float> weights{0.299F, 0.587F, 0.114F};
  if (is_bgr(chain.color)) {
    std::swap(weights[0], weights[2]);
  }
  in_f32(chain, [&] {
    Shape shape(static_cast<std::size_t>(chain.rank()), 1);
    shape[static_cast<std::size_t>(axis)] = 3;
    const auto weighted = chain.add("Mul", {chain.current, chain.real(weights, shape)});
    chain.current = chain.add("ReduceSum", {weighted, chain.integers({axis})});
  });
}

/// The Y, U and V planes of an image, each as large as it.
struct Planes {
  ValueId y, u, v;
};

Planes planes_of(Chain& chain, std::int64_t height, std::int64_t width) {
  const auto half_height = height / 2;
  const auto half_width = width / 2;
  const auto rows = [&](std::int64_t begin, std::int64_t end) {
    return chain.part(chain.current, 1, begin, end);
  };
  const auto shaped = [&](ValueId id, std::int64_t channels) {
    // 0: the batch as it is.
    return chain.add("Reshape", {id, chain.integers({0, half_height, half_width, channels})});
  };
  const auto enlarged = [&](ValueId id) {
    return chain.add("Resize",
                     {id, graph::no_value, graph::no_value, chain.integers({height, width})},
                     {{"axes", std::vector<std::int64_t>{1, 2}},
                      {"mode", std::string{"nearest"}},
                      {"coordinate_transformation_mode", std::string{"asymmetric"}},
                      {"nearest_mode", std::string{"floor"}}});
  };
  Planes planes;
  if (chain.planes.size() == 2) {
    return {chain.planes[0], enlarged(chain.part(chain.planes[1], 3, 0, 1)),
            enlarged(chain.part(chain.planes[1], 3, 1, 2))};
  }
  if (chain.planes.size() == 3) {
    return {chain.planes[0], enlarged(chain.planes[1]), enlarged(chain.planes[2])};
  }
  planes.y = rows(0, height);
  if (chain.color == nv12_single_plane) {
    const auto both = shaped(rows(height, height + half_height), 2);
    planes.u = enlarged(chain.part(both, 3, 0, 1));
    planes.v = enlarged(chain.part(both, 3, 1, 2));
    return planes;
  }
  // The rows of U and V lie one after another, also where a row of the tensor holds two of them.
  const auto both = chain.add(
      "Reshape", {rows(height, height + half_height), chain.integers({0, 2, half_height, -1, 1})});
  const auto plane = [&](std::int64_t index) {
    return enlarged(shaped(chain.part(both, 1, index, index + 1), 1));
  };
  planes.u = plane(0);
  planes.v = plane(1);
  return planes;
}

/// ITU-R BT.601, limited range.
void from_planes(Chain& chain, ColorFormat to) {
  if (chain.rank() != 4 || chain.axis("H", "convert_color") != 1 ||
      chain.axis("W", "convert_color") != 2 || chain.axis("C", "convert_color") != 3) {
    chain.fail(fmt::format("an image of the format {} has the layout NHWC, not {}",
                           name_of(chain.color), chain.layout.to_string()));
  }
  if (chain.shape()[1].is_dynamic() || chain.shape()[2].is_dynamic()) {
    chain.fail(fmt::format("an image of the format {} needs a fixed height and width",
                           name_of(chain.color)));
  }
  const auto all_rows = chain.shape()[1].length();
  const auto width = chain.shape()[2].length();
  const bool single = chain.planes.empty();
  if (all_rows % (single ? 3 : 2) != 0 || width % 2 != 0) {
    chain.fail(
        fmt::format("an image of the format {} has an even height and width; the tensor has "
                    "{} rows and {} columns",
                    name_of(chain.color), all_rows, width));
  }
  in_f32(chain, [&] {
    const auto planes = planes_of(chain, single ? all_rows / 3 * 2 : all_rows, width);
    const auto number = [&](float value) { return chain.real({value}, {}); };
    const auto y = chain.add("Mul", {chain.add("Sub", {planes.y, number(16)}), number(1.164F)});
    const auto u = chain.add("Sub", {planes.u, number(128)});
    const auto v = chain.add("Sub", {planes.v, number(128)});
    const auto plus = [&](ValueId sum, ValueId chroma, float factor) {
      return chain.add("Add", {sum, chain.add("Mul", {chroma, number(factor)})});
    };
    const auto red = plus(y, v, 1.596F);
    const auto green = plus(plus(y, u, -0.391F), v, -0.813F);
    const auto blue = plus(y, u, 2.018F);
    const auto joined = to == rgb ? std::vector{red, green, blue} : std::vector{blue, green, red};
    chain.current = chain.add(
        "Clip", {chain.add("Concat", joined, {{"axis", std::int64_t{3}}}), number(0), number(255)});
    chain.planes.clear();
  });
}

}  // namespace

std::string title_of(ColorFormat format) {
  switch (format) {
    case nv12_single_plane:
      return "NV12 (single plane)";
    case nv12_two_planes:
      return "NV12 (multi-plane)";
    case i420_single_plane:
      return "I420 (single plane)";
    case i420_three_planes:
      return "I420 (multi-plane)";
    default:
      return std::string{name_of(format)};
  }
}

std::string_view name_of(ColorFormat format) noexcept {
  switch (format) {
    case undefined:
      return "UNDEFINED";
    case nv12_single_plane:
      return "NV12_SINGLE_PLANE";
    case nv12_two_planes:
      return "NV12_TWO_PLANES";
    case i420_single_plane:
      return "I420_SINGLE_PLANE";
    case i420_three_planes:
      return "I420_THREE_PLANES";
    case rgb:
      return "RGB";
    case bgr:
      return "BGR";
    case gray:
      return "GRAY";
    case rgbx:
      return "RGBX";
    case bgrx:
      return "BGRX";
  }
  return "";
}

std::int64_t channels_of(ColorFormat format) {
  switch (format) {
    case rgb:
    case bgr:
      return 3;
    case rgbx:
    case bgrx:
      return 4;
    case gray:
    case nv12_single_plane:
    case nv12_two_planes:
    case i420_single_plane:
    case i420_three_planes:
      return 1;  // of several planes: the first
    default:
      return 0;
  }
}

bool is_planar(ColorFormat format) {
  return format == nv12_single_plane || format == i420_single_plane;
}

std::size_t tensors_of(ColorFormat format) {
  return format == nv12_two_planes ? 2 : format == i420_three_planes ? 3 : 1;
}

void InputTensorInfo::set_color(ColorFormat format, std::vector<std::string> names) {
  const auto count = tensors_of(format);
  if (!names.empty() && (count == 1 || names.size() != count)) {
    throw Error(count == 1
                    ? fmt::format("an image of the format {} has no planes that have names",
                                  name_of(format))
                    : fmt::format("an image of the format {} has {} planes, {} names were given",
                                  name_of(format), count, names.size()));
  }
  color = format;
  plane_names = std::move(names);
}

void convert_color(Chain& chain, ColorFormat to) {
  const auto from = chain.color;
  const bool planar = is_planar(from) || tensors_of(from) > 1;
  if (from == to) {
    return;
  }
  const bool known = (from == rgb || from == bgr || from == rgbx || from == bgrx || planar) &&
                     (to == rgb || to == bgr || (to == gray && !planar));
  if (!known) {
    chain.fail(
        fmt::format("the color format {} cannot be converted to {}", name_of(from), name_of(to)));
  }
  if (planar) {
    from_planes(chain, to);
  } else {
    const auto axis = chain.axis("C", "convert_color");
    if (channels_of(from) == 4) {
      chain.current = chain.part(chain.current, axis, 0, 3);
    }
    if (to == gray) {
      to_gray(chain, axis);
    } else if (is_bgr(from) != is_bgr(to)) {
      chain.current =
          chain.part(chain.current, axis, 2, std::numeric_limits<std::int64_t>::min(), -1);
    }
  }
  chain.color = to;
}

}  // namespace coinfer::preprocess
