#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.CtcGreedyDecoder: scores [batch, time, classes], lengths [batch] (i64) and optionally the
// class that stands for nothing (i64; else the last one). Results, i64: the likeliest class of each
// step, without blanks and (merge_repeated) without repetitions, filled up with -1 [batch, time];
// how many they are [batch].

void infer_ctc(InferContext& ctx) {
  ctx.check_inputs(2, 3);
  ctx.check_rank(0, 3, 3);
  ctx.check_rank(1, 1, 1);
  for (std::size_t i = 1; i < ctx.inputs(); ++i) {
    ctx.check_type(i, {ElementType::i64});
  }
  const auto& scores = ctx.shape(0);
  const auto& lengths = ctx.shape(1);
  if (scores.has_rank() && lengths.has_rank() && !Dimension::merge(scores[0], lengths[0])) {
    ctx.fail(fmt::format("lengths of shape {} do not fit scores of shape {}", lengths.to_string(),
                         scores.to_string()));
  }
  if (scores.has_rank() && scores[2] == Dimension{0}) {
    ctx.fail("there are no classes");
  }
  ctx.output(0, ElementType::i64,
             scores.has_rank() ? PartialShape{scores[0], scores[1]} : PartialShape::dynamic(2));
  ctx.output(1, ElementType::i64,
             scores.has_rank() ? PartialShape{scores[0]} : PartialShape::dynamic(1));
}

Kernel ctc_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto times = shape[1];
  const auto classes = shape[2];
  const bool merge = ctx.attributes().integer("merge_repeated", 1) != 0;
  const bool given = ctx.has(2);
  if (classes == 0 || (given && ctx.shape(2).elements() != 1)) {
    ctx.fail(fmt::format("there are {} classes, and the blank one is not one number", classes));
  }
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* lengths = static_cast<const std::int64_t*>(src[1]);
          const auto blank = given ? *static_cast<const std::int64_t*>(src[2]) : classes - 1;
          auto* found = static_cast<std::int64_t*>(dst[0]);
          auto* counts = static_cast<std::int64_t*>(dst[1]);
          const auto less = [](const T& a, const T& b) {
            return static_cast<wide_of<T>>(a) < static_cast<wide_of<T>>(b);
          };
          std::fill_n(found, shape[0] * times, -1);
          for (std::int64_t n = 0; n < shape[0]; ++n, found += times) {
            if (lengths[n] < 0 || lengths[n] > times) {
              throw Error(
                  fmt::format("a length is {}; the time axis has {} elements", lengths[n], times));
            }
            std::int64_t last = -1;
            std::int64_t count = 0;
            for (std::int64_t t = 0; t < lengths[n]; ++t) {
              const auto* row = static_cast<const T*>(src[0]) + (n * times + t) * classes;
              const auto best = std::max_element(row, row + classes, less) - row;
              if (best != blank && !(merge && best == last)) {
                found[count++] = best;
              }
              last = best;
            }
            counts[n] = count;
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register ctc{
    {.type = "CtcGreedyDecoder", .infer = infer_ctc, .kernel = ctc_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
