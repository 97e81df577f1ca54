#include "coinfer/error.hpp"
#include "preprocess/chain.hpp"

namespace coinfer::preprocess {
namespace {

/// mean and scale: one value, or one a channel.
void by_channel(Chain& chain, const char* step, const char* type,
                const std::vector<float>& values) {
  chain.check_single(step);
  if (!is_floating(chain.type())) {
    chain.fail(
        fmt::format("{} is for floating-point types, the tensor is {}; convert_element_type "
                    "goes before it",
                    step, name_of(chain.type())));
  }
  if (values.empty()) {
    chain.fail(fmt::format("{} needs a value", step));
  }
  Shape shape;
  if (values.size() > 1) {
    const auto axis = chain.axis("C", step);
    const auto count = static_cast<std::int64_t>(values.size());
    if (!chain.shape()[static_cast<std::size_t>(axis)].contains(count)) {
      chain.fail(fmt::format("{} has {} values; the tensor has the shape {} and the layout {}",
                             step, count, chain.shape().to_string(), chain.layout.to_string()));
    }
    shape.resize(static_cast<std::size_t>(chain.rank()), 1);
    shape[static_cast<std::size_t>(axis)] = count;
  }
  chain.current = chain.add(type, {chain.current, chain.real(values, shape)});
}

std::vector<std::pair<std::string, graph::Attribute>> resize_attributes(ResizeAlgorithm algorithm) {
  const bool pillow =
      algorithm == ResizeAlgorithm::bilinear_pillow || algorithm == ResizeAlgorithm::bicubic_pillow;
  const bool cubic =
      algorithm == ResizeAlgorithm::cubic || algorithm == ResizeAlgorithm::bicubic_pillow;
  std::vector<std::pair<std::string, graph::Attribute>> attributes{
      {"coordinate_transformation_mode", std::string{"half_pixel"}},
      {"nearest_mode", std::string{"round_prefer_floor"}},
      {"mode", std::string{algorithm == ResizeAlgorithm::nearest ? "nearest"
                           : cubic                               ? "cubic"
                                                                 : "linear"}}};
  if (pillow) {
    attributes.emplace_back("antialias", std::int64_t{1});
    attributes.emplace_back("exclude_outside", std::int64_t{1});
    attributes.emplace_back("cubic_coeff_a", -0.5F);
  }
  return attributes;
}

void resize_to(Chain& chain, ResizeAlgorithm algorithm,
               std::optional<std::pair<std::int64_t, std::int64_t>> size) {
  chain.check_single("resize");
  const auto height = chain.axis("H", "resize");
  const auto width = chain.axis("W", "resize");
  if (!size) {
    const auto of_model = [&](const char* name) {
      const auto& goal = chain.goal;
      if (!goal.layout.has_name(name) || !goal.shape.has_rank()) {
        chain.fail("resize without a size needs the model's layout");
      }
      const auto extent =
          goal.shape[static_cast<std::size_t>(goal.layout.index_of(name, goal.shape.rank()))];
      if (extent.is_dynamic()) {
        chain.fail(fmt::format("resize without a size needs fixed ones of the model, which has {}",
                               goal.shape.to_string()));
      }
      return extent.length();
    };
    size = {of_model("H"), of_model("W")};
  }
  if (size->first <= 0 || size->second <= 0) {
    chain.fail(fmt::format("resize to {} rows and {} columns", size->first, size->second));
  }
  // Axes are resized in their order in memory.
  std::vector<std::int64_t> axes{height, width};
  std::vector<std::int64_t> sizes{size->first, size->second};
  if (height > width) {
    std::swap(axes[0], axes[1]);
    std::swap(sizes[0], sizes[1]);
  }
  auto attributes = resize_attributes(algorithm);
  attributes.emplace_back("axes", axes);
  const auto type = chain.type();
  const bool rounded = is_integral(type) && algorithm != ResizeAlgorithm::nearest;
  if (rounded) {
    chain.cast(ElementType::f32);
  }
  chain.current =
      chain.add("Resize", {chain.current, graph::no_value, graph::no_value, chain.integers(sizes)},
                std::move(attributes));
  if (rounded) {
    chain.current = chain.add("Round", {chain.current});
    if (type == ElementType::u8) {
      chain.current =
          chain.add("Clip", {chain.current, chain.real({0}, {}), chain.real({255}, {})});
    }
    chain.cast(type);
  }
}

/// The `count` elements next to an end of an axis, in reverse order.
graph::ValueId mirrored(Chain& chain, std::int64_t axis, std::int64_t count, bool at_end) {
  return at_end ? chain.part(chain.current, axis, -1, -count - 1, -1)
                : chain.part(chain.current, axis, count - 1,
                             std::numeric_limits<std::int64_t>::min(), -1);
}

/// The edge is repeated: abc becomes baabccb.
void pad_symmetric(Chain& chain, const std::vector<std::int64_t>& begin,
                   const std::vector<std::int64_t>& end) {
  for (std::size_t i = 0; i < begin.size(); ++i) {
    const auto axis = static_cast<std::int64_t>(i);
    const auto extent = chain.shape()[i];
    if (begin[i] < 0 || end[i] < 0) {
      chain.fail("pad SYMMETRIC takes no negative numbers; crop takes elements away");
    }
    if (std::max(begin[i], end[i]) > extent.min_length()) {
      chain.fail(fmt::format(
          "pad SYMMETRIC by {} and {} needs as many elements; the tensor has the shape {}",
          begin[i], end[i], chain.shape().to_string()));
    }
    std::vector<graph::ValueId> parts;
    if (begin[i] > 0) {
      parts.push_back(mirrored(chain, axis, begin[i], false));
    }
    parts.push_back(chain.current);
    if (end[i] > 0) {
      parts.push_back(mirrored(chain, axis, end[i], true));
    }
    if (parts.size() > 1) {
      chain.current = chain.add("Concat", parts, {{"axis", axis}});
    }
  }
}

Layout permuted(const Layout& layout, std::span<const std::int64_t> order, bool backwards) {
  const auto rank = static_cast<std::int64_t>(order.size());
  if (layout.empty() || !layout.allows_rank(rank)) {
    return layout;
  }
  const auto names = layout.names(rank);
  std::vector<std::string> moved(order.size(), "?");
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i] < 0 || order[i] >= rank) {
      return layout;
    }
    const auto from = static_cast<std::size_t>(order[i]);
    (backwards ? moved[from] : moved[i]) = backwards ? names[i] : names[from];
  }
  return Layout{fmt::format("[{}]", fmt::join(moved, ","))};
}

void add_step(std::vector<Step>& steps, std::string title, std::function<void(Chain&)> apply) {
  steps.push_back({std::move(title), std::move(apply)});
}

std::string type_title(std::optional<ElementType> type) {
  return fmt::format("convert type ({})", name_of(type.value_or(ElementType::dynamic)));
}

std::string filled_with(float value, PaddingMode mode) {
  switch (mode) {
    case PaddingMode::constant:
      return fmt::format("with ({:g})", value);
    case PaddingMode::reflect:
      return "reflected from tensor";
    case PaddingMode::symmetric:
      return "symmetrically added from tensor";
  }
  return {};
}

}  // namespace

void PreProcessSteps::convert_element_type(std::optional<ElementType> type) {
  add_step(steps_, type_title(type), [type](Chain& chain) {
    chain.cast(type && *type != ElementType::dynamic ? *type : chain.goal.type);
  });
}

void PreProcessSteps::convert_layout(Layout layout) {
  layouts_.emplace_back(
      [layout](const Layout& given, bool backwards) { return backwards ? given : layout; });
  add_step(steps_, fmt::format("convert layout {}", layout.to_string()), [layout](Chain& chain) {
    chain.convert_layout(layout.empty() ? chain.goal.layout : layout);
  });
}

void PreProcessSteps::convert_layout(std::vector<std::int64_t> order) {
  layouts_.emplace_back(
      [order](const Layout& given, bool backwards) { return permuted(given, order, backwards); });
  auto title = fmt::format("convert layout ({})", fmt::join(order, ","));
  add_step(steps_, std::move(title),
           [order = std::move(order)](Chain& chain) { chain.transpose(order); });
}

void PreProcessSteps::convert_color(ColorFormat format) {
  add_step(steps_, fmt::format("convert color ({})", title_of(format)),
           [format](Chain& chain) { preprocess::convert_color(chain, format); });
}

void PreProcessSteps::resize(ResizeAlgorithm algorithm,
                             std::optional<std::pair<std::int64_t, std::int64_t>> size) {
  auto title = size ? fmt::format("resize to ({}, {})", size->first, size->second)
                    : std::string{"resize to model width/height"};
  add_step(steps_, std::move(title),
           [algorithm, size](Chain& chain) { resize_to(chain, algorithm, size); });
}

void PreProcessSteps::mean(std::vector<float> values) {
  auto title = fmt::format("mean ({:g})", fmt::join(values, ","));
  add_step(steps_, std::move(title), [values = std::move(values)](Chain& chain) {
    by_channel(chain, "mean", "Sub", values);
  });
}

void PreProcessSteps::scale(std::vector<float> values) {
  auto title = fmt::format("scale ({:g})", fmt::join(values, ","));
  add_step(steps_, std::move(title), [values = std::move(values)](Chain& chain) {
    by_channel(chain, "scale", "Div", values);
  });
}

void PreProcessSteps::pad(std::vector<std::int64_t> begin, std::vector<std::int64_t> end,
                          float value, PaddingMode mode) {
  if (begin.size() != end.size()) {
    throw Error(fmt::format("pad: begin has {} numbers, end has {}", begin.size(), end.size()));
  }
  auto title = fmt::format("pad(begin ({}), end ({}), {})", fmt::join(begin, ","),
                           fmt::join(end, ","), filled_with(value, mode));
  add_step(steps_, std::move(title),
           [begin = std::move(begin), end = std::move(end), value, mode](Chain& chain) {
             if (static_cast<std::int64_t>(begin.size()) != chain.rank()) {
               chain.fail(fmt::format("pad has numbers for {} dimensions, the tensor has {}",
                                      begin.size(), chain.rank()));
             }
             chain.check_single("pad");
             if (mode == PaddingMode::symmetric) {
               pad_symmetric(chain, begin, end);
               return;
             }
             auto pads = begin;
             pads.insert(pads.end(), end.begin(), end.end());
             std::vector<graph::ValueId> inputs{chain.current, chain.integers(pads)};
             if (mode == PaddingMode::constant) {
               inputs.push_back(chain.real({value}, {}));
             }
             chain.current = chain.add(
                 "Pad", inputs,
                 {{"mode", std::string{mode == PaddingMode::constant ? "constant" : "reflect"}}});
           });
}

void PreProcessSteps::crop(std::vector<std::int64_t> begin, std::vector<std::int64_t> end) {
  if (begin.size() != end.size()) {
    throw Error(fmt::format("crop: begin has {} numbers, end has {}", begin.size(), end.size()));
  }
  auto title = fmt::format("Crop ([ {} ],[ {} ])", fmt::join(begin, ", "), fmt::join(end, ", "));
  add_step(steps_, std::move(title),
           [begin = std::move(begin), end = std::move(end)](Chain& chain) {
             chain.check_single("crop");
             if (static_cast<std::int64_t>(begin.size()) > chain.rank()) {
               chain.fail(fmt::format("crop has numbers for {} dimensions, the tensor has {}",
                                      begin.size(), chain.rank()));
             }
             std::vector<std::int64_t> axes(begin.size());
             for (std::size_t i = 0; i < axes.size(); ++i) {
               axes[i] = static_cast<std::int64_t>(i);
             }
             chain.current = chain.add("Slice", {chain.current, chain.integers(begin),
                                                 chain.integers(end), chain.integers(axes)});
           });
}

void PreProcessSteps::reverse_channels() {
  add_step(steps_, "reverse channels", [](Chain& chain) {
    chain.check_single("reverse_channels");
    const auto axis = chain.axis("C", "reverse_channels");
    chain.current = chain.part(chain.current, axis, std::numeric_limits<std::int64_t>::max(),
                               std::numeric_limits<std::int64_t>::min(), -1);
  });
}

Layout PreProcessSteps::result_of(Layout layout) const {
  for (const auto& change : layouts_) {
    layout = change(layout, false);
  }
  return layout;
}

Layout PreProcessSteps::source_of(Layout layout) const {
  for (auto change = layouts_.rbegin(); change != layouts_.rend(); ++change) {
    layout = (*change)(layout, true);
  }
  return layout;
}

void PostProcessSteps::convert_element_type(std::optional<ElementType> type) {
  add_step(steps_, type_title(type), [type](Chain& chain) {
    const auto wanted = type && *type != ElementType::dynamic ? *type : chain.goal.type;
    if (wanted != ElementType::dynamic) {
      chain.cast(wanted);
    }
  });
}

void PostProcessSteps::convert_layout(Layout layout) {
  add_step(steps_, fmt::format("convert layout {}", layout.to_string()), [layout](Chain& chain) {
    const auto& wanted = layout.empty() ? chain.goal.layout : layout;
    if (!wanted.empty()) {
      chain.convert_layout(wanted);
    }
  });
}

void PostProcessSteps::convert_layout(std::vector<std::int64_t> order) {
  auto title = fmt::format("convert layout ({})", fmt::join(order, ","));
  add_step(steps_, std::move(title),
           [order = std::move(order)](Chain& chain) { chain.transpose(order); });
}

}  // namespace coinfer::preprocess
