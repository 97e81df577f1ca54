#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

void infer_shape(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  const auto& shape = ctx.shape(0);
  if (!shape.has_rank()) {
    ctx.output(0, ElementType::i64, PartialShape::dynamic(1));
    return;
  }
  const auto rank = shape.rank();
  const auto clamp = [rank](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const auto start = clamp(ctx.attributes().integer("start", 0));
  const auto end = std::max(start, clamp(ctx.attributes().integer("end", rank)));
  std::vector<std::int64_t> extents;
  for (auto i = start; i < end; ++i) {
    const auto extent = shape[static_cast<std::size_t>(i)];
    if (extent.is_dynamic()) {
      ctx.output(0, ElementType::i64, PartialShape{Dimension{end - start}});
      return;
    }
    extents.push_back(extent.length());
  }
  ctx.known(0, Tensor::vector<std::int64_t>(extents));
}

void infer_size(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  if (ctx.shape(0).is_static()) {
    ctx.known(0, Tensor::scalar<std::int64_t>(ctx.shape(0).to_shape().elements()));
  } else {
    ctx.output(0, ElementType::i64, PartialShape{});
  }
}

// No kernels: inference gives the value as soon as the shape is known, and a plan knows it.
const Register shape{{.type = "Shape", .infer = infer_shape}};
const Register size{{.type = "Size", .infer = infer_size}};

}  // namespace
}  // namespace coinfer::ops
