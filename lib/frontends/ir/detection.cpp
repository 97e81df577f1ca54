#include "frontends/ir/writer.hpp"

/// Finding objects: boxes to start from, regions of images, the best of many boxes.
namespace coinfer::frontends::ir {
namespace {

using Values = std::vector<ValueId>;
using Ints = std::vector<std::int64_t>;

/// Input `i` as one f32; `otherwise` when it is left out.
ValueId number(Writer& w, std::size_t i, float otherwise) {
  if (w.inputs() <= i) {
    return w.graph().add_constant(Tensor::scalar(otherwise));
  }
  return w.type(w.in(i)) == ElementType::f32 ? w.in(i) : w.cast(w.in(i), ElementType::f32);
}

ValueId real(Writer& w, std::size_t i) { return number(w, i, 0); }

Values non_max_suppression(Writer& w) {
  const auto type = w.index_type("output_type");
  const auto encoding = w.text("box_encoding", "corner");
  if (encoding != "corner" && encoding != "center") {
    w.fail(fmt::format("box_encoding='{}' is not known", encoding));
  }
  const auto most = w.inputs() > 2 ? w.i64(2) : w.integer_scalar(0);
  auto results =
      w.own("NonMaxSuppression",
            {real(w, 0), real(w, 1), most, number(w, 3, 0), number(w, 4, 0), number(w, 5, 0)}, 3,
            {{"center_point_box", std::int64_t{encoding == "center"}},
             {"sort_result_descending", std::int64_t{w.flag("sort_result_descending", true)}}});
  results[0] = w.as_index(results[0], type);
  results[2] = w.as_index(results[2], type);
  if (w.layer().outputs.size() > 1 && w.type(w.in(1)) != ElementType::f32) {
    results[1] = w.cast(results[1], w.type(w.in(1)));
  }
  return results;
}

Values prior_box(Writer& w) {
  const auto real_of = [&](const char* name, float otherwise) {
    return static_cast<float>(w.real(name, otherwise));
  };
  const bool newest = w.opset() >= 8;
  return w.own("PriorBox", {w.i64(0), w.i64(1)}, 1,
               {{"min_size", w.reals("min_size")},
                {"max_size", w.reals("max_size")},
                {"aspect_ratio", w.reals("aspect_ratio")},
                {"density", w.reals("density")},
                {"fixed_ratio", w.reals("fixed_ratio")},
                {"fixed_size", w.reals("fixed_size")},
                {"variance", w.reals("variance")},
                {"flip", std::int64_t{w.flag("flip", false)}},
                {"clip", std::int64_t{w.flag("clip", false)}},
                {"step", real_of("step", 0)},
                {"offset", real_of("offset", 0)},
                {"scale_all_sizes", std::int64_t{w.flag("scale_all_sizes", true)}},
                {"min_max_aspect_ratios_order",
                 std::int64_t{!newest || w.flag("min_max_aspect_ratios_order", true)}}});
}

Values prior_box_clustered(Writer& w) {
  const auto real_of = [&](const char* name) { return static_cast<float>(w.real(name, 0)); };
  return w.own("PriorBoxClustered", {w.i64(0), w.i64(1)}, 1,
               {{"width", w.reals("width")},
                {"height", w.reals("height")},
                {"variance", w.reals("variance")},
                {"clip", std::int64_t{w.flag("clip", true)}},
                {"step", real_of("step")},
                {"step_widths", real_of("step_w")},
                {"step_heights", real_of("step_h")},
                {"offset", real_of("offset")}});
}

Values roi_align(Writer& w) {
  return w.own("RoiAlign", {w.in(0), w.in(1), w.i64(2)}, 1,
               {{"rows", w.integer("pooled_h", 1)},
                {"columns", w.integer("pooled_w", 1)},
                {"sampling_ratio", w.integer("sampling_ratio", 0)},
                {"spatial_scale", static_cast<float>(w.real("spatial_scale", 1))},
                {"mode", w.text("mode", "avg")},
                {"aligned_mode", w.text("aligned_mode", "asymmetric")}});
}

/// Each region's numbers apart: a place (squashed), an extent, a score and the classes.
Values region_yolo(Writer& w) {
  const auto x = w.in(0);
  const auto coords = w.integer("coords", 4), classes = w.integer("classes", 0);
  const bool softmax = w.flag("do_softmax", true);
  const auto regions =
      softmax ? w.integer("num", 1) : static_cast<std::int64_t>(w.integers("mask").size());
  if (coords < 2 || classes < 1 || regions < 1 || coords > 1 << 20 || classes > 1 << 20) {
    w.fail(
        fmt::format("it has {} coordinates, {} classes and {} regions", coords, classes, regions));
  }
  const auto shaped = [&](ValueId value, ValueId shape) {
    return w.node("Reshape", {value, shape}, {{"allowzero", std::int64_t{1}}});
  };
  const auto apart = shaped(
      x, w.join({w.extents(x, 0, 1), w.ints({regions, coords + classes + 1}), w.extents(x, 2)}));
  auto parts = w.nodes("Split", {apart, w.ints({2, coords - 2, 1, classes})}, 4,
                       {{"axis", std::int64_t{2}}});
  parts[0] = w.node("Sigmoid", {parts[0]});
  parts[2] = w.node("Sigmoid", {parts[2]});
  parts[3] = softmax ? w.node("Softmax", {parts[3]}, {{"axis", std::int64_t{2}}})
                     : w.node("Sigmoid", {parts[3]});
  const auto joined = w.join({parts[0], parts[1], parts[2], parts[3]}, 2);
  if (!softmax) {
    return {shaped(joined, w.extents(x))};
  }
  const auto begin = w.integer("axis", 1);
  const auto end = w.integer("end_axis", -1);
  const auto last = end < 0 ? end + 4 : end;
  if (begin < 0 || begin > last || last > 3) {
    w.fail(fmt::format("it joins the axes {} to {}", begin, end));
  }
  return {w.node("Reshape",
                 {joined, w.join({w.extents(x, 0, begin), w.ints({-1}), w.extents(x, last + 1)})})};
}

constexpr std::array table{
    NamedConversion{"NonMaxSuppression", non_max_suppression},
    NamedConversion{"PriorBox", prior_box,
                    "attributes for which OpenVINO reserves as many boxes as it makes"},
    NamedConversion{"PriorBoxClustered", prior_box_clustered},
    NamedConversion{"ROIAlign", roi_align},
    NamedConversion{"RegionYolo", region_yolo},
};

}  // namespace

std::span<const NamedConversion> detection_conversions() { return table; }
std::span<const NamedConversion> signal_conversions() { return {}; }

}  // namespace coinfer::frontends::ir
