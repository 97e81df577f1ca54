#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coinfer/layout.hpp"
#include "coinfer/model.hpp"

/// Puts what prepares an image for a model, and what is done with its results, into the model
/// itself. Names and meanings are OpenVINO's.
namespace coinfer::preprocess {

enum class ColorFormat : std::uint8_t {
  undefined,
  nv12_single_plane,  ///< the Y plane and below it, half as high, the UV plane
  nv12_two_planes,    ///< Y and, half as high and wide, UV: a tensor each
  i420_single_plane,  ///< the Y plane and below it, a quarter as high each, U and V
  i420_three_planes,  ///< Y and, half as high and wide, U and V: a tensor each
  rgb,
  bgr,
  gray,
  rgbx,
  bgrx,
};
enum class ResizeAlgorithm : std::uint8_t {
  linear,
  cubic,
  nearest,
  bilinear_pillow,  ///< antialiased, as Pillow does it
  bicubic_pillow,
};
enum class PaddingMode : std::uint8_t { constant = 0, reflect = 2, symmetric = 3 };

class Chain;
struct Step {
  std::string title;
  std::function<void(Chain&)> apply;
};

/// What the caller's tensor is like. What is not said is as the model wants it.
struct InputTensorInfo {
  std::optional<ElementType> element_type;
  Layout layout;
  std::optional<PartialShape> shape;
  ColorFormat color = ColorFormat::undefined;
  /// Of several planes: what follows the input's names and a "/" in theirs; with none they have no
  /// names.
  std::vector<std::string> plane_names;
  /// Throws Error unless there are no names, or one for each of several planes.
  void set_color(ColorFormat format, std::vector<std::string> names = {});
  /// Height and width; -1: any.
  std::optional<std::pair<std::int64_t, std::int64_t>> spatial_shape;
};

/// What is done with it, in this order.
class PreProcessSteps {
 public:
  /// To the model's type when none is given.
  void convert_element_type(std::optional<ElementType> type = {});
  void convert_layout(Layout layout);
  /// Dimension i becomes what dimension `order[i]` was.
  void convert_layout(std::vector<std::int64_t> order);
  void convert_color(ColorFormat format);
  /// To the model's height and width when none are given.
  void resize(ResizeAlgorithm algorithm,
              std::optional<std::pair<std::int64_t, std::int64_t>> size = {});
  /// Subtracts, and divides by, one value, or one a channel; floating-point types only.
  void mean(std::vector<float> values);
  void scale(std::vector<float> values);
  void pad(std::vector<std::int64_t> begin, std::vector<std::int64_t> end, float value,
           PaddingMode mode);
  /// The part [begin, end); negative numbers count from the end. Throws Error for lists of unequal
  /// lengths.
  void crop(std::vector<std::int64_t> begin, std::vector<std::int64_t> end);
  void reverse_channels();

  std::span<const Step> steps() const { return steps_; }
  /// The tensor's layout after all steps; the model's when that is not known.
  Layout result_of(Layout layout) const;
  Layout source_of(Layout layout) const;

 private:
  std::vector<Step> steps_;
  std::vector<std::function<Layout(const Layout&, bool backwards)>> layouts_;
};

/// What is done with a result.
class PostProcessSteps {
 public:
  /// To the tensor's type when none is given.
  void convert_element_type(std::optional<ElementType> type = {});
  void convert_layout(Layout layout);
  void convert_layout(std::vector<std::int64_t> order);
  std::span<const Step> steps() const { return steps_; }

 private:
  std::vector<Step> steps_;
};

struct InputInfo {
  InputTensorInfo tensor;
  PreProcessSteps preprocess;
  Layout model_layout;
};

struct OutputInfo {
  Layout model_layout;
  PostProcessSteps postprocess;
  std::optional<ElementType> element_type;
  Layout layout;
};

/// Collects what is to be done, then does it. A handle: copies are the same. *Thread safety*:
/// distinct objects of distinct models: safe.
class PrePostProcessor {
 public:
  explicit PrePostProcessor(Model model);

  /// Throws Error naming what there is.
  InputInfo& input();
  InputInfo& input(std::size_t index);
  InputInfo& input(std::string_view name);
  OutputInfo& output();
  OutputInfo& output(std::size_t index);
  OutputInfo& output(std::string_view name);

  /// Changes the model, and returns it. Throws Error naming the input or output; the model is then
  /// as before.
  Model build();

  /// What `build` would do with each input and output of which something was said, a line a step;
  /// also where a step does not suit.
  std::string describe() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// "RGB", "NV12_SINGLE_PLANE"…
std::string_view name_of(ColorFormat format) noexcept;

}  // namespace coinfer::preprocess
