#include "ops/op.hpp"
#include "ops/types.hpp"
#include "ops/window.hpp"

namespace coinfer::ops {
namespace {

// Col2Im: blocks [N, C * elements of a block, blocks] of an image, summed up where they overlap, as
// [N, C, extents of the image]. Inputs: the blocks, the image's extents, a block's.

using Ints = std::vector<std::int64_t>;

template <class Context>
Window blocks_of(const Context& ctx, const Ints& image, const Ints& block) {
  if (image.size() != block.size() || image.empty() || image.size() > 16) {
    ctx.fail(fmt::format("an image of {} and blocks of {} dimensions do not fit", image.size(),
                         block.size()));
  }
  for (std::size_t i = 0; i < image.size(); ++i) {
    if (image[i] < 1 || block[i] < 1 || image[i] > std::int64_t{1} << 31 ||
        block[i] > std::int64_t{1} << 16) {
      ctx.fail(fmt::format("blocks [{}] of an image [{}] cannot be taken", fmt::join(block, ","),
                           fmt::join(image, ",")));
    }
  }
  return window_of(ctx, Dims(block.begin(), block.end()));
}

/// How many blocks lie in the image.
template <class Context>
std::int64_t count_of(const Context& ctx, const Window& window, const Ints& image) {
  std::int64_t count = 1;
  for (std::size_t i = 0; i < image.size(); ++i) {
    if (__builtin_mul_overflow(count, window.extent(ctx, i, image[i]), &count)) {
      ctx.fail("it has more blocks than can be counted");
    }
  }
  return count;
}

std::int64_t product(const Ints& extents) {
  std::int64_t result = 1;
  for (const auto extent : extents) {
    if (__builtin_mul_overflow(result, extent, &result)) {
      return -1;
    }
  }
  return result;
}

void infer_col2im(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  ctx.check_rank(0, 3, 3);
  const auto image = ctx.integers(1), block = ctx.integers(2);
  const auto& blocks = ctx.shape(0);
  if (!image) {
    auto shape = PartialShape::dynamic();
    if (ctx.shape(1).has_rank() && ctx.shape(1).rank() == 1 && ctx.shape(1)[0].is_static() &&
        ctx.shape(1)[0].length() < 16) {
      shape = PartialShape::dynamic(ctx.shape(1)[0].length() + 2);
      if (blocks.has_rank()) {
        shape[0] = blocks[0];
      }
    }
    ctx.output(0, ctx.type(0), std::move(shape));
    return;
  }
  PartialShape::Dimensions dims(2);
  if (block) {
    const auto window = blocks_of(ctx, *image, *block);
    const auto count = count_of(ctx, window, *image);
    const auto elements = product(*block);
    if (blocks.has_rank()) {
      if (!blocks[2].contains(count) || elements < 1 ||
          (blocks[1].is_static() && blocks[1].length() % elements != 0)) {
        ctx.fail(fmt::format(
            "blocks of shape {} do not fit: {} blocks of {} elements a channel were expected",
            blocks.to_string(), count, elements));
      }
      if (blocks[1].is_static()) {
        dims[1] = blocks[1].length() / elements;
      }
    }
  }
  if (blocks.has_rank()) {
    dims[0] = blocks[0];
  }
  dims.insert(dims.end(), image->begin(), image->end());
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

Kernel col2im_kernel(const KernelContext& ctx) {
  const auto result = ctx.output_shape(0);
  const Ints image(result.begin() + 2, result.end());
  const auto block = ctx.integers("", 2);
  if (!block) {
    ctx.fail("the extents of a block are not known when it is planned");
  }
  const auto window = blocks_of(ctx, image, *block);
  const auto count = count_of(ctx, window, image);
  const auto rank = image.size();
  const auto elements = product(*block), area = product(image);
  Ints grid(rank);  // blocks along each dimension
  for (std::size_t i = 0; i < rank; ++i) {
    grid[i] = window.extent(ctx, i, image[i]);
  }
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=, block = *block](const void* const* src, void* const* dst) {
          const auto* x = static_cast<const T*>(src[0]);
          auto* d = static_cast<T*>(dst[0]);
          std::fill_n(d, result[0] * result[1] * area, T{});
          for (std::int64_t plane = 0; plane < result[0] * result[1]; ++plane, d += area) {
            for (std::int64_t e = 0; e < elements; ++e) {
              for (std::int64_t b = 0; b < count; ++b, ++x) {
                // Place of the element in the image, last dimension first.
                auto element = e, number = b;
                std::int64_t place = 0, step = 1;
                bool inside = true;
                for (auto i = rank; i-- > 0;) {
                  const auto at = number % grid[i] * window.strides[i] +
                                  element % block[i] * window.dilations[i] - window.pads_begin[i];
                  inside = inside && at >= 0 && at < image[i];
                  place += at * step;
                  step *= image[i];
                  element /= block[i];
                  number /= grid[i];
                }
                if (inside) {
                  d[place] = static_cast<T>(static_cast<wide_of<T>>(d[place]) +
                                            static_cast<wide_of<T>>(*x));
                }
              }
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register col2im{
    {.type = "Col2Im", .since = 18, .infer = infer_col2im, .kernel = col2im_kernel}};

}  // namespace
}  // namespace coinfer::ops
