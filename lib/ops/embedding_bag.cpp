#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.EmbeddingBag: rows of a table [K, …], summed up (or averaged) by bag. Inputs: the table,
// rows to take [N] (i64), where in them each bag begins [B] (i64, ascending), the row that stands
// for an empty bag (i64; negative: zeros), and optionally a weight for each row taken [N].
// Result: [B, …].

void infer_bag(InferContext& ctx) {
  ctx.check_inputs(4, 5);
  ctx.check_rank(0, 1, 64);
  for (std::size_t i = 1; i < 4; ++i) {
    ctx.check_type(i, {ElementType::i64});
    ctx.check_rank(i, i == 3 ? 0 : 1, 1);
  }
  if (ctx.has(4)) {
    ctx.check_rank(4, 1, 1);
    if (ctx.type(4) != ctx.type(0) || !PartialShape::merge(ctx.shape(1), ctx.shape(4))) {
      ctx.fail(
          fmt::format("the weights are {} of shape {}; one {} for each of {} rows was expected",
                      name_of(ctx.type(4)), ctx.shape(4).to_string(), name_of(ctx.type(0)),
                      ctx.shape(1).to_string()));
    }
  }
  auto shape = ctx.shape(0);
  if (shape.has_rank()) {
    shape[0] = ctx.shape(2).has_rank() ? ctx.shape(2)[0] : Dimension{};
  }
  ctx.output(0, ctx.type(0), std::move(shape));
}

Kernel bag_kernel(const KernelContext& ctx) {
  const auto table = ctx.shape(0);
  const auto rows = table[0];
  std::int64_t width = 1;
  for (std::size_t i = 1; i < table.size(); ++i) {
    width *= table[i];
  }
  const auto taken = ctx.shape(1)[0];
  if (ctx.shape(3).elements() != 1) {
    ctx.fail(fmt::format("the row of empty bags has the shape {}; one number was expected",
                         ctx.shape(3).to_string()));
  }
  const auto bags = ctx.shape(2)[0];
  const bool weighed = ctx.has(4);
  const bool mean = ctx.attributes().integer("mean", 0) != 0;
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        using Wide = wide_of<T>;
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* values = static_cast<const T*>(src[0]);
          const auto* indices = static_cast<const std::int64_t*>(src[1]);
          const auto* offsets = static_cast<const std::int64_t*>(src[2]);
          const auto empty = *static_cast<const std::int64_t*>(src[3]);
          const auto* weights = weighed ? static_cast<const T*>(src[4]) : nullptr;
          auto* d = static_cast<T*>(dst[0]);
          const auto row = [&](std::int64_t i) {
            if (i < 0 || i >= rows) {
              throw Error(fmt::format("the row {} does not lie in a table of {}", i, rows));
            }
            return values + i * width;
          };
          for (std::int64_t bag = 0; bag < bags; ++bag, d += width) {
            const auto begin = offsets[bag];
            const auto end = bag + 1 < bags ? offsets[bag + 1] : taken;
            if (begin < 0 || begin > end || end > taken) {
              throw Error(
                  fmt::format("the bag {} holds the rows {} to {} of {}", bag, begin, end, taken));
            }
            if (begin == end) {
              if (empty < 0) {
                std::fill_n(d, width, T{});
              } else {
                std::copy_n(row(empty), width, d);
              }
              continue;
            }
            for (auto i = begin; i < end; ++i) {
              row(indices[i]);
            }
            for (std::int64_t k = 0; k < width; ++k) {
              Wide sum = 0;
              for (auto i = begin; i < end; ++i) {
                const auto value = static_cast<Wide>(values[indices[i] * width + k]);
                sum += static_cast<Wide>(weighed ? value * static_cast<Wide>(weights[i]) : value);
              }
              d[k] = static_cast<T>(mean ? sum / static_cast<Wide>(end - begin) : sum);
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register bag{
    {.type = "EmbeddingBag", .infer = infer_bag, .kernel = bag_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
