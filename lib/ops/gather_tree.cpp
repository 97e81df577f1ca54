#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.GatherTree: the sequences that a beam search has found, followed back from their ends.
// Inputs: the token of each step and beam [T, N, B], the beam of the step before that it goes on
// from (like the tokens), how many steps count for each of N (the same type), the token (one
// element) that fills what follows a sequence's end. Result: like the tokens.

void infer_tree(InferContext& ctx) {
  ctx.check_inputs(4, 4);
  ctx.check_rank(0, 3, 3);
  ctx.check_rank(2, 1, 1);
  ctx.check_rank(3, 0, 1);
  for (std::size_t i = 1; i < 4; ++i) {
    if (ctx.type(i) != ctx.type(0)) {
      ctx.fail(fmt::format("tokens are {} and the input {} is {}; equal types were expected",
                           name_of(ctx.type(0)), i, name_of(ctx.type(i))));
    }
  }
  const auto shape = PartialShape::merge(ctx.shape(0), ctx.shape(1));
  const auto& lengths = ctx.shape(2);
  if (!shape ||
      (shape->has_rank() && lengths.has_rank() && !Dimension::merge((*shape)[1], lengths[0]))) {
    ctx.fail(fmt::format("tokens of shape {}, beams of shape {} and lengths of shape {} do not fit",
                         ctx.shape(0).to_string(), ctx.shape(1).to_string(), lengths.to_string()));
  }
  ctx.output(0, ctx.type(0), *shape);
}

Kernel tree_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  if (ctx.shape(3).elements() != 1) {
    ctx.fail(fmt::format("the last token has the shape {}; one number was expected",
                         ctx.shape(3).to_string()));
  }
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* tokens = static_cast<const T*>(src[0]);
          const auto* parents = static_cast<const T*>(src[1]);
          const auto* lengths = static_cast<const T*>(src[2]);
          const auto end = *static_cast<const T*>(src[3]);
          auto* d = static_cast<T*>(dst[0]);
          const auto beams = shape[2], row = shape[1] * beams;
          const auto whole = [](T value) {
            const auto number = static_cast<double>(static_cast<wide_of<T>>(value));
            // Whatever is no index lies outside of all.
            return number >= 0 && number < 0x1p31 ? static_cast<std::int64_t>(number)
                                                  : std::int64_t{-1};
          };
          std::fill_n(d, shape[0] * row, end);
          for (std::int64_t n = 0; n < shape[1]; ++n) {
            const auto steps = std::min(shape[0], whole(lengths[n]));
            for (std::int64_t beam = 0; beam < beams; ++beam) {
              auto from = beam;
              for (auto t = steps - 1; t >= 0; --t) {
                if (from < 0 || from >= beams) {
                  throw Error(
                      fmt::format("a sequence goes on from a beam that is none of {}", beams));
                }
                const auto at = t * row + n * beams;
                d[at + beam] = tokens[at + from];
                from = whole(parents[at + from]);
              }
              bool ended = false;
              for (std::int64_t t = 0; t < steps; ++t) {
                auto& token = d[t * row + n * beams + beam];
                if (ended) {
                  token = end;
                }
                ended = ended || static_cast<wide_of<T>>(token) == static_cast<wide_of<T>>(end);
              }
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register tree{
    {.type = "GatherTree", .infer = infer_tree, .kernel = tree_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
