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

/// rows and columns of a result, as two attributes or as one list.
std::pair<std::int64_t, std::int64_t> pooled(Writer& w) {
  const auto sizes = w.integers(w.has("output_roi") ? "output_roi" : "output_size");
  if (sizes.size() == 2) {
    return {sizes[0], sizes[1]};
  }
  return {w.integer("pooled_h", 1), w.integer("pooled_w", 1)};
}

/// The method that an attribute names: `plain` or bilinear.
bool is_bilinear(Writer& w, const char* attribute, std::string_view plain) {
  const auto name = w.text(attribute, plain);
  if (name != plain && name != "bilinear") {
    w.fail(fmt::format("{}='{}' is not known", attribute, name));
  }
  return name == "bilinear";
}

Values roi_pooling(Writer& w) {
  const auto [rows, columns] = pooled(w);
  return w.own("RoiPooling", {w.in(0), w.in(1)}, 1,
               {{"rows", rows},
                {"columns", columns},
                {"bilinear", std::int64_t{is_bilinear(w, "method", "max")}},
                {"spatial_scale", static_cast<float>(w.real("spatial_scale", 1))}});
}

Values ps_roi_pooling(Writer& w) {
  const auto size = w.integer("group_size", 1);
  return w.own("PsRoiPooling", {w.in(0), w.in(1)}, 1,
               {{"rows", size},
                {"columns", size},
                {"channels", w.integer("output_dim", 1)},
                {"bins_x", w.integer("spatial_bins_x", 1)},
                {"bins_y", w.integer("spatial_bins_y", 1)},
                {"bilinear", std::int64_t{is_bilinear(w, "mode", "average")}},
                {"spatial_scale", static_cast<float>(w.real("spatial_scale", 1))}});
}

Values detection_output(Writer& w) {
  const auto keep = w.integers("keep_top_k");
  if (keep.size() > 1) {
    w.unsupported(fmt::format("keep_top_k={} is not supported", fmt::join(keep, ",")));
  }
  const auto code = w.text("code_type", "caffe.PriorBoxParameter.CORNER");
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < w.inputs(); ++i) {
    inputs.push_back(w.in(i));
  }
  const auto flag = [&](const char* name) { return std::int64_t{w.flag(name, false)}; };
  const auto real_of = [&](const char* name, double otherwise) {
    return static_cast<float>(w.real(name, otherwise));
  };
  return w.own("DetectionOutput", inputs, 1,
               {{"num_classes", w.integer("num_classes", -1)},
                {"background_label_id", w.integer("background_label_id", 0)},
                {"top_k", w.integer("top_k", -1)},
                {"keep_top_k", keep.empty() ? std::int64_t{-1} : keep[0]},
                {"variance_encoded_in_target", flag("variance_encoded_in_target")},
                {"center_size", std::int64_t{code.ends_with("CENTER_SIZE")}},
                {"share_location", std::int64_t{w.flag("share_location", true)}},
                {"clip_before_nms", flag("clip_before_nms")},
                {"clip_after_nms", flag("clip_after_nms")},
                {"decrease_label_id", flag("decrease_label_id")},
                {"normalized", flag("normalized")},
                {"nms_threshold", real_of("nms_threshold", 0)},
                {"confidence_threshold", real_of("confidence_threshold", 0)},
                {"objectness_score", real_of("objectness_score", 0)},
                {"input_height", real_of("input_height", 1)},
                {"input_width", real_of("input_width", 1)}});
}

/// Both kinds have the same inputs and results.
Values class_selection(Writer& w) {
  if (w.inputs() > 2) {
    w.unsupported("numbers of regions (input 2) are not supported");
  }
  const auto type = w.index_type("output_type");
  const auto real_of = [&](const char* name, double otherwise) {
    return static_cast<float>(w.real(name, otherwise));
  };
  const bool matrix = w.layer().type == "MatrixNms";
  const auto decay = w.text("decay_function", "linear");
  auto results = w.own(
      matrix ? "MatrixNms" : "MulticlassNms", {real(w, 0), real(w, 1)}, 3,
      {{"score_threshold", real_of("score_threshold", 0)},
       {"iou_threshold", real_of("iou_threshold", 0)},
       {"nms_eta", real_of("nms_eta", 1)},
       {"post_threshold", real_of("post_threshold", 0)},
       {"gaussian_sigma", real_of("gaussian_sigma", 2)},
       {"gaussian", std::int64_t{decay == "gaussian"}},
       {"nms_top_k", w.integer("nms_top_k", -1)},
       {"keep_top_k", w.integer("keep_top_k", -1)},
       {"background_class", w.integer("background_class", -1)},
       {"normalized", std::int64_t{w.flag("normalized", true)}},
       {"sort_result_type", w.text("sort_result_type", "none")},
       {"sort_result_across_batch", std::int64_t{w.flag("sort_result_across_batch", false)}}});
  results[0] =
      w.type(w.in(0)) == ElementType::f32 ? results[0] : w.cast(results[0], w.type(w.in(0)));
  results[1] = w.as_index(results[1], type);
  results[2] = w.as_index(results[2], type);
  return results;
}

constexpr std::array table{
    NamedConversion{"NonMaxSuppression", non_max_suppression},
    NamedConversion{"MulticlassNms", class_selection, "boxes of images, not of regions"},
    NamedConversion{"MatrixNms", class_selection},
    NamedConversion{"PriorBox", prior_box,
                    "attributes for which OpenVINO reserves as many boxes as it makes"},
    NamedConversion{"PriorBoxClustered", prior_box_clustered},
    NamedConversion{"ROIAlign", roi_align},
    NamedConversion{"ROIPooling", roi_pooling},
    NamedConversion{"PSROIPooling", ps_roi_pooling},
    NamedConversion{"DetectionOutput", detection_output},
    NamedConversion{"RegionYolo", region_yolo},
};

}  // namespace

std::span<const NamedConversion> detection_conversions() { return table; }

}  // namespace coinfer::frontends::ir
