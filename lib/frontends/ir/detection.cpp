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

Values nms_rotated(Writer& w) {
  const auto type = w.index_type("output_type");
  auto results = w.own(
      "NonMaxSuppression",
      {real(w, 0), real(w, 1), w.i64(2), number(w, 3, 0), number(w, 4, 0), number(w, 5, 0)}, 3,
      {{"sort_result_descending", std::int64_t{w.flag("sort_result_descending", true)}},
       {"rotated", std::int64_t{1}},
       {"clockwise", std::int64_t{w.flag("clockwise", true)}}});
  results[0] = w.as_index(results[0], type);
  results[2] = w.as_index(results[2], type);
  if (w.type(w.in(1)) != ElementType::f32) {
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

Values roi_align_rotated(Writer& w) {
  return w.own("RoiAlign", {w.in(0), w.in(1), w.i64(2)}, 1,
               {{"rows", w.integer("pooled_h", 1)},
                {"columns", w.integer("pooled_w", 1)},
                {"sampling_ratio", w.integer("sampling_ratio", 0)},
                {"spatial_scale", static_cast<float>(w.real("spatial_scale", 1))},
                {"aligned_mode", std::string{"half_pixel_for_nn"}},
                {"rotated", std::int64_t{1}},
                {"clockwise", std::int64_t{w.flag("clockwise_mode", false)}}});
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

std::vector<ValueId> reals(Writer& w, std::initializer_list<std::size_t> inputs) {
  std::vector<ValueId> values;
  for (const auto i : inputs) {
    values.push_back(real(w, i));
  }
  return values;
}

/// What is computed in f32, as the layer's element type.
ValueId as_given(Writer& w, ValueId value) {
  return w.type(w.in(0)) == ElementType::f32 ? value : w.cast(value, w.type(w.in(0)));
}

std::vector<Writer::Attribute> proposal_limits(Writer& w) {
  return {{"min_size", static_cast<float>(w.real("min_size", 0))},
          {"nms_threshold", static_cast<float>(w.real("nms_threshold", 0))},
          {"pre_nms_count", w.integer("pre_nms_count", 0)},
          {"post_nms_count", w.integer("post_nms_count", 0)}};
}

Values generate_proposals(Writer& w) {
  const auto type = w.index_type("roi_num_type");
  auto attributes = proposal_limits(w);
  attributes.emplace_back("normalized", std::int64_t{w.flag("normalized", true)});
  attributes.emplace_back("nms_eta", static_cast<float>(w.real("nms_eta", 1)));
  const auto found = w.own("GenerateProposals", reals(w, {0, 1, 2, 3}), 3, std::move(attributes));
  return {as_given(w, found[0]), as_given(w, found[1]), w.as_index(found[2], type)};
}

/// The regions of each image, with its number before them; and their scores.
Values proposal(Writer& w) {
  const auto framework = w.text("framework", "");
  if (!framework.empty() && framework != "tensorflow") {
    w.unsupported(fmt::format("framework='{}' is not supported", framework));
  }
  const auto real_of = [&](const char* name, double otherwise) {
    return static_cast<float>(w.real(name, otherwise));
  };
  const auto flag = [&](const char* name, bool otherwise) {
    return std::int64_t{w.flag(name, otherwise)};
  };
  const auto found = w.own("Proposal", reals(w, {0, 1, 2}), 2,
                           {{"base_size", w.integer("base_size", 0)},
                            {"pre_nms_count", w.integer("pre_nms_topn", 0)},
                            {"post_nms_count", w.integer("post_nms_topn", 0)},
                            {"nms_threshold", real_of("nms_thresh", 0)},
                            {"step", w.integer("feat_stride", 0)},
                            {"min_size", real_of("min_size", 0)},
                            {"ratio", w.reals("ratio")},
                            {"scale", w.reals("scale")},
                            {"clip_before", flag("clip_before_nms", true)},
                            {"clip_after", flag("clip_after_nms", false)},
                            {"normalize", flag("normalize", false)},
                            {"extent_scale", real_of("box_size_scale", 1)},
                            {"place_scale", real_of("box_coordinate_scale", 1)},
                            {"tensorflow", std::int64_t{!framework.empty()}}});
  return {as_given(w, found[0]), as_given(w, found[1])};
}

Values detectron_proposals(Writer& w) {
  auto attributes = proposal_limits(w);
  attributes.emplace_back("normalized", std::int64_t{0});
  attributes.emplace_back("fixed", std::int64_t{1});
  const auto found = w.own("GenerateProposals", reals(w, {0, 1, 2, 3}), 2, std::move(attributes));
  return {as_given(w, found[0]), as_given(w, found[1])};
}

Values detectron_detection(Writer& w) {
  if (w.flag("class_agnostic_box_regression", false)) {
    w.unsupported("class_agnostic_box_regression='true' is not supported");
  }
  const auto found = w.own("ClassBoxes", reals(w, {0, 1, 2, 3}), 3,
                           {{"score_threshold", static_cast<float>(w.real("score_threshold", 0))},
                            {"nms_threshold", static_cast<float>(w.real("nms_threshold", 0))},
                            {"max_delta_log_wh", static_cast<float>(w.real("max_delta_log_wh", 0))},
                            {"num_classes", w.integer("num_classes", 0)},
                            {"post_nms_count", w.integer("post_nms_count", -1)},
                            {"max_detections_per_image", w.integer("max_detections_per_image", 0)},
                            {"deltas_weights", w.reals("deltas_weights")}});
  return {as_given(w, found[0]), w.as_index(found[1], ElementType::i32), as_given(w, found[2])};
}

/// The grid is the feature map's; without given steps it fills the image.
Values detectron_grid(Writer& w) {
  const auto check = [&](const char* name, std::size_t axis) {
    const auto given = w.integer(name, 0);
    const auto& map = w.shape(1);
    // OpenVINO's shapes follow the feature map, its plugin the attribute.
    if (given != 0 && (map.rank() != 4 || map[axis] != Dimension{given})) {
      w.unsupported(
          fmt::format("a grid with {}='{}' over a feature map of shape {} is not supported", name,
                      given, map.to_string()));
    }
  };
  check("h", 2);
  check("w", 3);
  const auto grid = w.extents(w.in(1), 2, 4);
  const auto counts = w.cast(grid, ElementType::f32);
  const auto image = w.cast(w.extents(w.in(2), 2, 4), ElementType::f32);
  const auto filling = w.node("Div", {image, counts});
  const auto step = [&](const char* name, std::int64_t at) {
    const auto given = static_cast<float>(w.real(name, 0));
    return given > 0 ? w.graph().add_constant(Tensor::vector<float>(std::array{given}))
                     : w.node("Gather", {filling, w.ints({at})}, {{"axis", std::int64_t{0}}});
  };
  const auto steps = w.join({step("stride_y", 0), step("stride_x", 1)});
  auto boxes = w.own("PriorGrid", {real(w, 0), grid, steps}, 1)[0];
  if (!w.flag("flatten", true)) {
    boxes = w.node("Reshape", {boxes, w.join({grid, w.ints({-1, 4})})});
  }
  return {as_given(w, boxes)};
}

/// The regions with the highest scores; zeros where there are fewer.
Values detectron_best(Writer& w) {
  const auto most = w.integer("max_rois", 0);
  if (most < 1 || most > std::int64_t{1} << 24) {
    w.fail(fmt::format("max_rois is {}", most));
  }
  const auto count = w.node("Min", {w.extents(w.in(1), 0, 1), w.ints({most})});
  const auto best = w.nodes("TopK", {w.in(1), count}, 2, {{"axis", std::int64_t{0}}});
  const auto rows = w.node("Gather", {w.in(0), best[1]}, {{"axis", std::int64_t{0}}});
  const auto missing = w.node("Sub", {w.ints({most}), count});
  return {w.node("Pad", {rows, w.join({w.ints({0, 0}), missing, w.ints({0})})})};
}

constexpr std::array table{
    NamedConversion{"GenerateProposals", generate_proposals},
    NamedConversion{"ExperimentalDetectronGenerateProposalsSingleImage", detectron_proposals},
    NamedConversion{"ExperimentalDetectronDetectionOutput", detectron_detection,
                    "not class_agnostic_box_regression"},
    NamedConversion{"ExperimentalDetectronPriorGridGenerator", detectron_grid,
                    "h and w as the feature map has them"},
    NamedConversion{"ExperimentalDetectronTopKROIs", detectron_best},
    NamedConversion{"NonMaxSuppression", non_max_suppression},
    NamedConversion{"NMSRotated", nms_rotated},
    NamedConversion{"MulticlassNms", class_selection, "boxes of images, not of regions"},
    NamedConversion{"MatrixNms", class_selection},
    NamedConversion{"PriorBox", prior_box,
                    "attributes for which OpenVINO reserves as many boxes as it makes"},
    NamedConversion{"PriorBoxClustered", prior_box_clustered},
    NamedConversion{"ROIAlign", roi_align},
    NamedConversion{"ROIAlignRotated", roi_align_rotated},
    NamedConversion{"Proposal", proposal},
    NamedConversion{"ROIPooling", roi_pooling},
    NamedConversion{"PSROIPooling", ps_roi_pooling},
    NamedConversion{"DetectionOutput", detection_output},
    NamedConversion{"RegionYolo", region_yolo},
};

}  // namespace

std::span<const NamedConversion> detection_conversions() { return table; }

}  // namespace coinfer::frontends::ir
