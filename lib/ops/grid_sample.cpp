#include <cmath>

#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

struct Sampling {
  enum class Mode : std::uint8_t { nearest, linear, cubic } mode = Mode::linear;
  enum class Padding : std::uint8_t { zeros, border, reflection } padding = Padding::zeros;
  bool align_corners = false;
  bool clamp_taps = false;  ///< of a cubic at a border: OpenVINO moves its taps, ONNX its centre
};

template <class Context>
Sampling sampling_of(const Context& ctx) {
  Sampling how;
  const auto mode = ctx.attributes().text("mode", "linear");
  if (mode == "nearest") {
    how.mode = Sampling::Mode::nearest;
  } else if (mode == "cubic" || mode == "bicubic") {
    how.mode = Sampling::Mode::cubic;
  } else if (mode != "linear" && mode != "bilinear") {
    ctx.fail(fmt::format("the attribute 'mode' is '{}'", mode));
  }
  const auto padding = ctx.attributes().text("padding_mode", "zeros");
  if (padding == "border") {
    how.padding = Sampling::Padding::border;
  } else if (padding == "reflection") {
    how.padding = Sampling::Padding::reflection;
  } else if (padding != "zeros") {
    ctx.fail(fmt::format("the attribute 'padding_mode' is '{}'", padding));
  }
  how.clamp_taps = ctx.attributes().integer("clamp_taps", 0) != 0;
  how.align_corners = ctx.attributes().integer("align_corners", 0) != 0;
  return how;
}

void infer_grid_sample(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  sampling_of(ctx);
  const auto& x = ctx.shape(0);
  const auto& grid = ctx.shape(1);
  if (!x.has_rank() || !grid.has_rank()) {
    ctx.output(0, ctx.type(0), PartialShape::dynamic());
    return;
  }
  const auto rank = x.rank();
  if (rank < 3 || rank > 6 || grid.rank() != rank ||
      !grid[static_cast<std::size_t>(rank - 1)].contains(rank - 2) ||
      !Dimension::merge(x[0], grid[0])) {
    ctx.fail(fmt::format("a grid of shape {} does not fit data of shape {}", grid.to_string(),
                         x.to_string()));
  }
  PartialShape::Dimensions dims{x[0], x[1]};
  dims.insert(dims.end(), grid.dimensions().begin() + 1, grid.dimensions().end() - 1);
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

double reflect(double x, double low, double high) {
  const auto span = high - low;
  if (span <= 0) {
    return low;
  }
  const auto off = std::fmod(std::abs(x - low), 2 * span);
  return low + (off <= span ? off : 2 * span - off);
}

/// Up to four source indices of one dimension with their weights; -1 reads as zero.
struct Taps {
  int count = 0;
  std::array<std::int64_t, 4> index{};
  std::array<double, 4> weight{};
};

Taps taps_of(double at, std::int64_t extent, const Sampling& how) {
  const auto size = static_cast<double>(extent);
  auto x = how.align_corners ? (at + 1) / 2 * (size - 1) : ((at + 1) * size - 1) / 2;
  if (how.mode == Sampling::Mode::nearest) {
    x = std::nearbyint(x);
  }
  const auto low = how.align_corners ? 0.0 : -0.5;
  const auto high = how.align_corners ? size - 1 : size - 0.5;
  if (!std::isfinite(x)) {
    x = how.padding == Sampling::Padding::zeros ? -2 : 0;
  } else if (x < low || x > high) {
    if (how.padding == Sampling::Padding::border &&
        !(how.clamp_taps && how.mode == Sampling::Mode::cubic)) {
      x = std::clamp(x, 0.0, size - 1);
    } else if (how.padding == Sampling::Padding::reflection) {
      x = reflect(x, low, high);
    }
  }
  const auto pixel = [&](double index) -> std::int64_t {
    if (index >= 0 && index < size) {
      return static_cast<std::int64_t>(index);
    }
    switch (how.padding) {
      case Sampling::Padding::zeros:
        return -1;
      case Sampling::Padding::border:
        return index < 0 ? 0 : extent - 1;
      default:
        return static_cast<std::int64_t>(std::clamp(reflect(index, low, high), 0.0, size - 1));
    }
  };
  Taps taps;
  const auto add = [&](double index, double weight) {
    taps.index[static_cast<std::size_t>(taps.count)] = pixel(index);
    taps.weight[static_cast<std::size_t>(taps.count++)] = weight;
  };
  if (how.mode == Sampling::Mode::nearest) {
    add(x, 1);
    return taps;
  }
  const auto base = std::floor(x);
  const auto t = x - base;
  if (how.mode == Sampling::Mode::linear) {
    add(base, 1 - t);
    add(base + 1, t);
    return taps;
  }
  // Keys' cubic convolution with a = -0.75.
  constexpr double a = -0.75;
  const auto far = [](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  const auto near = [](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  add(base - 1, far(t + 1));
  add(base, near(t));
  add(base + 1, near(1 - t));
  add(base + 2, far(2 - t));
  return taps;
}

template <class T, class G>
Kernel grid_sample_of(const Shape& in, const Shape& out, const Sampling& how) {
  const auto steps = kernels::strides_of(in);
  const auto space = in.size() - 2;
  std::int64_t points = 1;
  for (std::size_t i = 2; i < out.size(); ++i) {
    points *= out[i];
  }
  return [=](const void* const* src, void* const* dst) {
    using A = wide_of<T>;
    const auto* x = static_cast<const T*>(src[0]);
    const auto* grid = static_cast<const G*>(src[1]);
    auto* d = static_cast<T*>(dst[0]);
    for (std::int64_t n = 0; n < out[0]; ++n) {
      for (std::int64_t p = 0; p < points; ++p, grid += space) {
        std::array<Taps, 4> taps;
        int combinations = 1;
        for (std::size_t k = 0; k < space; ++k) {
          // The grid names its coordinates innermost first.
          taps[k] = taps_of(static_cast<double>(static_cast<wide_of<G>>(grid[space - 1 - k])),
                            in[2 + k], how);
          combinations *= taps[k].count;
        }
        for (std::int64_t c = 0; c < out[1]; ++c) {
          const auto* plane = x + n * steps[0] + c * steps[1];
          double sum = 0;
          for (int i = 0; i < combinations; ++i) {
            auto rest = i;
            double weight = 1;
            std::int64_t offset = 0;
            bool inside = true;
            for (std::size_t k = 0; k < space; ++k) {
              const auto t = static_cast<std::size_t>(rest % taps[k].count);
              rest /= taps[k].count;
              weight *= taps[k].weight[t];
              inside = inside && taps[k].index[t] >= 0;
              offset += taps[k].index[t] * steps[2 + k];
            }
            if (inside) {
              sum += weight * static_cast<double>(static_cast<A>(plane[offset]));
            }
          }
          d[(n * out[1] + c) * points + p] = static_cast<T>(static_cast<A>(sum));
        }
      }
    }
  };
}

Kernel grid_sample_kernel(const KernelContext& ctx) {
  const auto in = ctx.shape(0);
  const auto out = ctx.output_shape(0);
  const auto how = sampling_of(ctx);
  if (out.elements() != 0 && in.elements() == 0) {
    ctx.fail(fmt::format("data of shape {} has nothing to sample", in.to_string()));
  }
  Kernel kernel;
  const bool served = with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
    with_float(ctx.type(1), [&]<class G>(std::type_identity<G>) {
      kernel = grid_sample_of<T, G>(in, out, how);
    });
  });
  if (!served || !kernel) {
    ctx.unsupported_type(ctx.type(served ? 1 : 0));
  }
  return kernel;
}

const Register grid_sample{
    {.type = "GridSample", .since = 16, .infer = infer_grid_sample, .kernel = grid_sample_kernel}};

}  // namespace
}  // namespace coinfer::ops
