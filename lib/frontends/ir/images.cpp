#include "frontends/ir/writer.hpp"

/// Images: resizing, sampling at places, pooling to a given size.
namespace coinfer::frontends::ir {
namespace {

using Values = std::vector<ValueId>;
using Ints = std::vector<std::int64_t>;
using Attributes = std::vector<Writer::Attribute>;

constexpr auto none = graph::no_value;

/// The image with zeros around it, when the layer asks for some.
ValueId padded(Writer& w) {
  auto begin = w.integers("pads_begin");
  auto end = w.integers("pads_end");
  const auto some = [](const Ints& pads) {
    return std::any_of(pads.begin(), pads.end(), [](auto pad) { return pad != 0; });
  };
  if (!some(begin) && !some(end)) {
    return w.in(0);
  }
  const auto rank = static_cast<std::size_t>(w.rank(0));
  begin.resize(rank, 0);
  end.resize(rank, 0);
  begin.insert(begin.end(), end.begin(), end.end());
  return w.node("Pad", {w.in(0), w.ints(std::move(begin))});
}

/// ONNX's modes and ways to treat the border of OpenVINO's modes.
Attributes resampling(Writer& w, const std::string& mode) {
  const bool pillow = mode.ends_with("_pillow");
  Attributes attributes;
  if (mode == "nearest") {
    attributes.emplace_back("mode", std::string{"nearest"});
  } else if (mode == "cubic" || mode == "bicubic_pillow") {
    attributes.emplace_back("mode", std::string{"cubic"});
    attributes.emplace_back("cubic_coeff_a", static_cast<float>(w.real("cube_coeff", -0.75)));
  } else if (mode == "linear" || mode == "linear_onnx" || mode == "bilinear_pillow") {
    attributes.emplace_back("mode", std::string{"linear"});
  } else {
    w.unsupported(fmt::format("mode='{}' is not supported", mode));
  }
  // Only the pillows widen their reach; OpenVINO's plugin does not look at `antialias`.
  attributes.emplace_back("antialias", std::int64_t{pillow});
  attributes.emplace_back("exclude_outside", std::int64_t{pillow || mode == "linear"});
  return attributes;
}

/// Before opset 4: sizes only, one rule for coordinates.
Values interpolate_1(Writer& w) {
  auto attributes = resampling(w, w.text("mode", ""));
  attributes.emplace_back("axes", w.integers("axes"));
  attributes.emplace_back("nearest_mode", std::string{"simple"});
  attributes.emplace_back(
      "coordinate_transformation_mode",
      std::string{w.flag("align_corners", true) ? "align_corners" : "asymmetric"});
  return {w.node("Resize", {padded(w), none, none, w.i64(1)}, std::move(attributes))};
}

Values interpolate(Writer& w) {
  if (w.opset() < 4) {
    return interpolate_1(w);
  }
  const bool newest = w.opset() >= 11;
  const auto mode = w.text("mode", "");
  auto attributes = resampling(w, mode);
  const std::size_t axes_at = newest ? 2 : 3;
  if (w.inputs() > axes_at) {
    attributes.emplace_back("axes", w.constant(axes_at, "axes"));
  }
  auto nearest = w.text("nearest_mode", "round_prefer_floor");
  attributes.emplace_back("nearest_mode", nearest);
  auto coordinates = w.text("coordinate_transformation_mode", "half_pixel");
  if (coordinates == "pytorch_half_pixel") {
    coordinates = "half_pixel_or_first";
  }
  attributes.emplace_back("coordinate_transformation_mode", coordinates);
  const auto rule = w.text("shape_calculation_mode", "sizes");
  if (rule != "sizes" && rule != "scales") {
    w.fail(fmt::format("shape_calculation_mode='{}' is not known", rule));
  }
  const auto image = padded(w);
  if (rule == "sizes") {
    return {w.node("Resize", {image, none, none, w.i64(1)}, std::move(attributes))};
  }
  auto scales = w.in(newest ? 1 : 2);
  if (w.type(scales) != ElementType::f32) {
    scales = w.cast(scales, ElementType::f32);
  }
  return {w.node("Resize", {image, none, scales}, std::move(attributes))};
}

Values grid_sample(Writer& w) {
  const auto mode = w.text("mode", "bilinear");
  return {w.node("GridSample", {w.in(0), w.in(1)},
                 {{"align_corners", std::int64_t{w.flag("align_corners", false)}},
                  {"mode", std::string{mode == "bilinear"  ? "linear"
                                       : mode == "bicubic" ? "cubic"
                                                           : mode}},
                  {"padding_mode", w.text("padding_mode", "zeros")},
                  {"clamp_taps", std::int64_t{1}}})};
}

Values adaptive_average(Writer& w) {
  return w.own("AdaptivePool", {w.in(0), w.i64(1)}, 1, {{"mode", std::string{"average"}}});
}

Values adaptive_max(Writer& w) {
  const auto type = w.index_type("index_element_type");
  auto results = w.own("AdaptivePool", {w.in(0), w.i64(1)}, 2, {{"mode", std::string{"max"}}});
  results[1] = w.as_index(results[1], type);
  return results;
}

template <bool interleaved, bool bgr>
Values from_yuv(Writer& w) {
  std::vector<ValueId> planes;
  for (std::size_t i = 0; i < w.inputs(); ++i) {
    planes.push_back(w.in(i));
  }
  if (planes.size() > (interleaved ? 2 : 3) || (!interleaved && planes.size() == 2)) {
    w.fail(fmt::format("{} planes were given", planes.size()));
  }
  return w.own("FromYuv", std::move(planes), 1,
               {{"interleaved", std::int64_t{interleaved}}, {"bgr", std::int64_t{bgr}}});
}

/// OpenVINO's blocks may lack the first axis.
Values col2im(Writer& w) {
  const bool one = w.rank(0) == 2;
  Attributes attributes;
  for (const auto* name : {"strides", "dilations"}) {
    if (w.has(name)) {
      attributes.emplace_back(name, w.integers(name));
    }
  }
  auto pads = w.integers("pads_begin");
  const auto end = w.integers("pads_end");
  pads.resize(2, 0);
  pads.insert(pads.end(), end.begin(), end.end());
  pads.resize(4, 0);
  attributes.emplace_back("pads", std::move(pads));
  const auto image =
      w.node("Col2Im", {one ? w.unsqueeze(w.in(0), {0}) : w.in(0), w.i64(1), w.i64(2)},
             std::move(attributes));
  return {one ? w.squeeze(image, {0}) : image};
}

constexpr std::array table{
    NamedConversion{"NV12toRGB", from_yuv<true, false>},
    NamedConversion{"NV12toBGR", from_yuv<true, true>},
    NamedConversion{"I420toRGB", from_yuv<false, false>},
    NamedConversion{"I420toBGR", from_yuv<false, true>},
    NamedConversion{"Col2Im", col2im},
    NamedConversion{
        "Interpolate", interpolate,
        "not the mode area; antialias is of the pillow modes only, as in the CPU plugin"},
    NamedConversion{"GridSample", grid_sample},
    NamedConversion{"AdaptiveAvgPool", adaptive_average},
    NamedConversion{"AdaptiveMaxPool", adaptive_max},
};

}  // namespace

std::span<const NamedConversion> image_conversions() { return table; }

}  // namespace coinfer::frontends::ir
