#include "ops/resize.hpp"

#include <cmath>

#include "kernels/strided_copy.hpp"
#include "ops/dimensions.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

constexpr std::size_t no_input = 99;

/// Which inputs hold what: it changed twice.
struct Inputs {
  std::size_t roi = no_input;
  std::size_t scales = no_input;
  std::size_t sizes = no_input;
};

template <class Context>
Inputs inputs_of(const Context& ctx) {
  if (ctx.node().type == "Upsample") {
    return ctx.opset() >= 9 ? Inputs{.scales = 1} : Inputs{};
  }
  return ctx.opset() >= 11 ? Inputs{.roi = 1, .scales = 2, .sizes = 3} : Inputs{.scales = 1};
}

template <class Context>
std::vector<double> reals_of(const Context& ctx, const Tensor& tensor) {
  std::vector<double> result;
  if (!with_number(tensor.type(), [&]<class T>(std::type_identity<T>) {
        for (std::int64_t i = 0; i < tensor.size(); ++i) {
          result.push_back(static_cast<double>(static_cast<wide_of<T>>(tensor.data<T>()[i])));
        }
      })) {
    ctx.unsupported_type(tensor.type());
  }
  return result;
}

template <class Context>
Resampling resampling_of(const Context& ctx) {
  const auto& attributes = ctx.attributes();
  Resampling how;
  const auto mode = attributes.text("mode", "nearest");
  if (mode == "linear" || mode == "bilinear") {
    how.mode = Resampling::Mode::linear;
  } else if (mode == "cubic") {
    how.mode = Resampling::Mode::cubic;
  } else if (mode != "nearest") {
    ctx.fail(
        fmt::format("the attribute 'mode' is '{}'; nearest, linear or cubic was expected", mode));
  }
  if (ctx.node().type == "Resize" && ctx.opset() >= 11) {
    how.coordinates = attributes.text("coordinate_transformation_mode", "half_pixel");
    how.nearest = attributes.text("nearest_mode", "round_prefer_floor");
    how.cubic_a = attributes.real("cubic_coeff_a", -0.75F);
    how.exclude_outside = attributes.integer("exclude_outside", 0) != 0;
    how.antialias = attributes.integer("antialias", 0) != 0;
    how.outside_value = attributes.real("extrapolation_value", 0);
  }
  const auto check = [&](const std::string& value, std::initializer_list<std::string_view> known) {
    if (std::find(known.begin(), known.end(), value) == known.end()) {
      ctx.fail(fmt::format("'{}' is not a mode of this operator; one of {} was expected", value,
                           fmt::join(known, ", ")));
    }
  };
  // "half_pixel_or_first" is OpenVINO's pytorch_half_pixel: one element alone is the first one.
  check(how.coordinates,
        {"asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric",
         "tf_crop_and_resize", "tf_half_pixel_for_nn", "half_pixel_or_first"});
  check(how.nearest, {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"});
  return how;
}

template <class Context>
Dims axes_of(const Context& ctx, std::int64_t rank) {
  Dims axes;
  const auto given = ctx.node().type == "Resize" ? ctx.attributes().integers("axes") : std::nullopt;
  if (given) {
    normalize_axes(ctx, *given, rank);
    for (const auto axis : *given) {
      axes.push_back(normalize_axis(ctx, axis, rank));
    }
  } else {
    for (std::int64_t i = 0; i < rank; ++i) {
      axes.push_back(i);
    }
  }
  return axes;
}

/// Everything that the values of the inputs decide; nullopt while one is not known.
struct Request {
  std::vector<double> scales;  // empty: sizes are given
  std::vector<double> sizes;
  std::vector<double> roi;
};

/// Extents of one known shape. Fails when numbers do not fit it.
template <class Context>
std::vector<ResampledAxis> resample(const Context& ctx, const Request& request,
                                    std::span<const std::int64_t> from) {
  const auto rank = static_cast<std::int64_t>(from.size());
  const auto axes = axes_of(ctx, rank);
  std::vector<ResampledAxis> result;
  for (const auto extent : from) {
    result.push_back({.from = extent, .to = extent});
  }
  const auto& numbers = request.scales.empty() ? request.sizes : request.scales;
  if (numbers.size() != axes.size()) {
    ctx.fail(fmt::format("{} scales or sizes were given for {} axes", numbers.size(), axes.size()));
  }
  constexpr double limit = 0x1p40;
  double shared = 0;
  const auto policy = ctx.attributes().text("keep_aspect_ratio_policy", "stretch");
  const bool keep = request.scales.empty() && policy != "stretch";
  for (std::size_t i = 0; i < axes.size(); ++i) {
    auto& axis = result[static_cast<std::size_t>(axes[i])];
    const auto number = numbers[i];
    const bool by_scale = !request.scales.empty();
    if (!(number >= 0 && number < limit) || (by_scale && number == 0)) {
      ctx.fail(fmt::format("a scale or size is {}", number));
    }
    if (!by_scale && axis.from == 0 && number != 0) {
      ctx.fail("an empty axis cannot be resized");
    }
    axis.scale = by_scale ? number : axis.from == 0 ? 1 : number / static_cast<double>(axis.from);
    const auto to = by_scale ? std::floor(static_cast<double>(axis.from) * number) : number;
    if (!(to < limit)) {
      ctx.fail(fmt::format("an extent would be {}", to));
    }
    axis.to = static_cast<std::int64_t>(to);
    shared = i == 0                   ? axis.scale
             : policy == "not_larger" ? std::min(shared, axis.scale)
                                      : std::max(shared, axis.scale);
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    auto& axis = result[static_cast<std::size_t>(axes[i])];
    if (keep) {
      axis.scale = shared;
      const auto to = std::floor(static_cast<double>(axis.from) * shared + 0.5);
      if (!(to < limit)) {
        ctx.fail(fmt::format("an extent would be {}", to));
      }
      axis.to = static_cast<std::int64_t>(to);
    }
    if (request.roi.size() == 2 * axes.size()) {
      axis.begin = request.roi[i];
      axis.end = request.roi[axes.size() + i];
    }
  }
  return result;
}

void check_policy(const InferContext& ctx) {
  const auto policy = ctx.attributes().text("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller") {
    ctx.fail(fmt::format("the attribute 'keep_aspect_ratio_policy' is '{}'", policy));
  }
}

/// `value(i)` gives an input's value; null while it is not known.
template <class Context, class ValueOf>
std::optional<Request> request_of(const Context& ctx, const Resampling& how, ValueOf value) {
  const auto inputs = inputs_of(ctx);
  Request request;
  if (inputs.scales == no_input) {
    const auto scales = ctx.attributes().reals("scales");
    if (!scales) {
      ctx.fail("the attribute 'scales' is missing");
    }
    request.scales.assign(scales->begin(), scales->end());
    return request;
  }
  bool known = true;
  const auto read = [&](std::size_t i, std::vector<double>& to) {
    if (i == no_input || !ctx.has(i)) {
      return;
    }
    const auto tensor = value(i);
    known = known && tensor;
    if (tensor) {
      to = reals_of(ctx, tensor);
    }
  };
  read(inputs.scales, request.scales);
  read(inputs.sizes, request.sizes);
  if (how.coordinates == "tf_crop_and_resize") {
    read(inputs.roi, request.roi);
  }
  if (!known) {
    return std::nullopt;
  }
  if (request.scales.empty() == request.sizes.empty()) {
    ctx.fail("either scales or sizes were expected");
  }
  for (const auto bound : request.roi) {
    if (!std::isfinite(bound)) {
      ctx.fail("the region is not finite");
    }
  }
  return request;
}

void infer_resize(InferContext& ctx) {
  ctx.check_inputs(1, 4);
  check_policy(ctx);
  const auto how = resampling_of(ctx);
  const auto request = request_of(ctx, how, [&](std::size_t i) { return ctx.value(i); });
  auto shape = ctx.shape(0);
  if (!shape.has_rank() || !request) {
    ctx.output(0, ctx.type(0),
               shape.has_rank() ? PartialShape::dynamic(shape.rank()) : PartialShape::dynamic());
    return;
  }
  // Extents that are not known stand as 1; what is made of them is not known either.
  Dims from;
  for (const auto extent : shape.dimensions()) {
    from.push_back(extent.is_static() ? extent.length() : 1);
  }
  const auto axes = resample(ctx, *request, from);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (shape[i].is_static() || !request->sizes.empty()) {
      const bool open = shape.is_dynamic() && !request->sizes.empty() &&
                        ctx.attributes().text("keep_aspect_ratio_policy", "stretch") != "stretch";
      shape[i] = open ? Dimension{} : Dimension{axes[i].to};
    } else if (!axes[i].is_identity()) {
      shape[i] = Dimension{};
    }
  }
  ctx.output(0, ctx.type(0), std::move(shape));
}

/// An axis ready to be walked: source offsets and weights per element.
template <class Weight>
struct Line {
  std::int64_t taps = 1;
  std::vector<std::int64_t> offsets;
  std::vector<Weight> weights;
  std::vector<bool> outside;
};

template <class T, class A>
T narrow(A value) {
  if constexpr (std::is_integral_v<T>) {
    const auto low = static_cast<A>(std::numeric_limits<T>::min());
    const auto high = static_cast<A>(std::numeric_limits<T>::max());
    return value >= high  ? std::numeric_limits<T>::max()
           : value >= low ? static_cast<T>(value)
                          : std::numeric_limits<T>::min();
  } else {
    return static_cast<T>(value);
  }
}

template <class Weight>
std::vector<Line<Weight>> lines_of(const std::vector<ResampledAxis>& axes, const Shape& from,
                                   const Resampling& how) {
  const auto steps = kernels::strides_of(from);
  std::vector<Line<Weight>> lines;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    Taps taps;
    if (axes[i].is_identity()) {
      for (std::int64_t k = 0; k < axes[i].to; ++k) {
        taps.indices.push_back(k);
      }
      taps.weights.assign(taps.indices.size(), 1);
      taps.outside.assign(taps.indices.size(), false);
    } else {
      taps = taps_of(axes[i], how);
    }
    Line<Weight> line{taps.count, std::move(taps.indices), {}, std::move(taps.outside)};
    for (auto& index : line.offsets) {
      index *= steps[i];
    }
    line.weights.assign(taps.weights.begin(), taps.weights.end());
    lines.push_back(std::move(line));
  }
  return lines;
}

/// Visits each row of the destination with the index of its outer dimensions.
template <class Visit>
void each_row(const Shape& shape, Visit visit) {
  Dims index(shape.size() - 1, 0);
  auto rows = shape.elements() / shape.back();
  for (; rows > 0; --rows) {
    visit(static_cast<const Dims&>(index));
    for (auto k = index.size(); k-- > 0 && ++index[k] == shape[k];) {
      index[k] = 0;
    }
  }
}

template <class T>
Kernel nearest_of(const std::vector<ResampledAxis>& axes, const Shape& from, const Shape& to,
                  const Resampling& how, T outside_value) {
  const auto lines = lines_of<float>(axes, from, how);
  return [=](const void* const* src, void* const* dst) {
    const auto* a = static_cast<const T*>(src[0]);
    auto* d = static_cast<T*>(dst[0]);
    const auto& last = lines.back();
    each_row(to, [&](const Dims& index) {
      std::int64_t base = 0;
      bool outside = false;
      for (std::size_t k = 0; k < index.size(); ++k) {
        const auto at = static_cast<std::size_t>(index[k]);
        base += lines[k].offsets[at];
        outside = outside || lines[k].outside[at];
      }
      for (std::size_t i = 0; i < last.offsets.size(); ++i) {
        *d++ = outside || last.outside[i] ? outside_value : a[base + last.offsets[i]];
      }
    });
  };
}

template <class T>
Kernel weighted_of(const std::vector<ResampledAxis>& axes, const Shape& from, const Shape& to,
                   const Resampling& how) {
  using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const auto lines = lines_of<A>(axes, from, how);
  const auto outside_value = narrow<T>(static_cast<A>(how.outside_value));
  return [=](const void* const* src, void* const* dst) {
    // The products of the outer axes' taps of one row; grows once per thread.
    thread_local std::vector<std::pair<std::int64_t, A>> outer;
    const auto* a = static_cast<const T*>(src[0]);
    auto* d = static_cast<T*>(dst[0]);
    const auto& last = lines.back();
    const auto columns = to.back();
    each_row(to, [&](const Dims& index) {
      outer.assign(1, {0, A{1}});
      bool outside = false;
      for (std::size_t k = 0; k < index.size(); ++k) {
        const auto& line = lines[k];
        outside = outside || line.outside[static_cast<std::size_t>(index[k])];
        const auto first = static_cast<std::size_t>(index[k] * line.taps);
        const auto have = outer.size();
        for (std::size_t t = 1; t < static_cast<std::size_t>(line.taps); ++t) {
          for (std::size_t i = 0; i < have; ++i) {
            outer.emplace_back(outer[i].first + line.offsets[first + t],
                               outer[i].second * line.weights[first + t]);
          }
        }
        for (std::size_t i = 0; i < have; ++i) {
          outer[i].first += line.offsets[first];
          outer[i].second *= line.weights[first];
        }
      }
      for (std::int64_t i = 0; i < columns; ++i, ++d) {
        if (outside || last.outside[static_cast<std::size_t>(i)]) {
          *d = outside_value;
          continue;
        }
        A sum = 0;
        for (const auto& [base, weight] : outer) {
          A part = 0;
          for (auto t = i * last.taps; t < (i + 1) * last.taps; ++t) {
            const auto at = static_cast<std::size_t>(t);
            part += static_cast<A>(a[base + last.offsets[at]]) * last.weights[at];
          }
          sum += part * weight;
        }
        *d = narrow<T>(sum);
      }
    });
  };
}

Kernel resize_kernel(const KernelContext& ctx) {
  auto from = ctx.shape(0);
  auto to = ctx.output_shape(0);
  const auto how = resampling_of(ctx);
  const auto request = request_of(ctx, how, [&](std::size_t i) { return ctx.value(i); });
  if (!request) {
    ctx.fail("the scales and sizes are not known");
  }
  auto axes = resample(ctx, *request, from);
  if (to.elements() == 0) {
    return [](const void* const*, void* const*) {};
  }
  if (axes.empty()) {
    axes.emplace_back();
    from = to = Shape{1};
  }
  const auto type = ctx.type(0);
  if (how.mode == Resampling::Mode::nearest) {
    if (how.coordinates == "tf_crop_and_resize") {
      Kernel kernel;
      if (!with_number(type, [&]<class T>(std::type_identity<T>) {
            kernel = nearest_of<T>(axes, from, to, how,
                                   narrow<T>(static_cast<float>(how.outside_value)));
          })) {
        ctx.unsupported_type(type);
      }
      return kernel;
    }
    return kernels::with_width(type, [&]<class T>(std::type_identity<T>) -> Kernel {
      return nearest_of<T>(axes, from, to, how, T{});
    });
  }
  Kernel kernel;
  if (!with_number(type, [&]<class T>(std::type_identity<T>) {
        kernel = weighted_of<T>(axes, from, to, how);
      })) {
    ctx.unsupported_type(type);
  }
  return kernel;
}

const Register resize{
    {.type = "Resize", .since = 10, .infer = infer_resize, .kernel = resize_kernel}};
const Register upsample{
    {.type = "Upsample", .since = 7, .infer = infer_resize, .kernel = resize_kernel}};

}  // namespace
}  // namespace coinfer::ops
