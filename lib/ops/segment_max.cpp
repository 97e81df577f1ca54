#include <limits>

#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.SegmentMax: the largest of each segment of rows. Inputs: data [R, …], the segment of
// each row [R] (i64, ascending), how many segments there are (i64, one element). Rows of further
// segments do not count; an empty one holds zeros, or with lowest = 1 the type's lowest number.

void infer_segments(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  ctx.check_rank(0, 1, 64);
  ctx.check_rank(1, 1, 1);
  ctx.check_type(1, {ElementType::i64});
  ctx.check_rank(2, 0, 1);
  ctx.check_type(2, {ElementType::i64});
  auto shape = ctx.shape(0);
  const auto count = ctx.integers(2);
  if (count && (count->size() != 1 || count->front() < 0)) {
    ctx.fail(fmt::format("it has [{}] segments", fmt::join(*count, ",")));
  }
  if (shape.has_rank()) {
    if (ctx.shape(1).has_rank() && !Dimension::merge(shape[0], ctx.shape(1)[0])) {
      ctx.fail(fmt::format("data of shape {} and segments of shape {} do not fit",
                           shape.to_string(), ctx.shape(1).to_string()));
    }
    shape[0] = count ? Dimension{count->front()} : Dimension{};
  }
  ctx.output(0, ctx.type(0), std::move(shape));
}

Kernel segments_kernel(const KernelContext& ctx) {
  const auto rows = ctx.shape(0)[0];
  const auto shape = ctx.output_shape(0);
  const auto segments = shape[0];
  std::int64_t width = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) {
    width *= shape[i];
  }
  const bool lowest = ctx.attributes().integer("lowest", 0) != 0;
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* x = static_cast<const T*>(src[0]);
          const auto* segment = static_cast<const std::int64_t*>(src[1]);
          auto* d = static_cast<T*>(dst[0]);
          std::int64_t filled = 0;  // segments before this one are done
          const auto fill = [&](std::int64_t end) {
            std::fill_n(d + filled * width, (end - filled) * width,
                        lowest ? std::numeric_limits<T>::lowest() : T{});
          };
          for (std::int64_t r = 0; r < rows; ++r, x += width) {
            if (segment[r] < 0 || (r > 0 && segment[r] < segment[r - 1])) {
              throw Error(fmt::format("the row {} is of segment {}; segments ascend from 0", r,
                                      segment[r]));
            }
            if (segment[r] >= segments) {
              break;
            }
            auto* row = d + segment[r] * width;
            if (r == 0 || segment[r] != segment[r - 1]) {
              fill(segment[r]);
              std::copy_n(x, width, row);
              filled = segment[r] + 1;
              continue;
            }
            for (std::int64_t i = 0; i < width; ++i) {
              if (static_cast<wide_of<T>>(x[i]) > static_cast<wide_of<T>>(row[i])) {
                row[i] = x[i];
              }
            }
          }
          fill(segments);
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register segments{{.type = "SegmentMax",
                         .infer = infer_segments,
                         .kernel = segments_kernel,
                         .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
