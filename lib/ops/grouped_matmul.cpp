#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.GroupedMatMul: rows [T, K], each multiplied with the matrix of its group [G, N, K]
// (transposed). Group g has the rows from the end of the group before to ends[g] (i64 [G]); rows
// behind the last end give zeros. Result: [T, N].

void infer_grouped(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  ctx.check_rank(0, 2, 2);
  ctx.check_rank(1, 3, 3);
  ctx.check_rank(2, 1, 1);
  ctx.check_type(2, {ElementType::i64});
  const auto &rows = ctx.shape(0), &matrices = ctx.shape(1), &ends = ctx.shape(2);
  const bool known = rows.has_rank() && matrices.has_rank();
  if (ctx.type(0) != ctx.type(1) || (known && !Dimension::merge(rows[1], matrices[2])) ||
      (matrices.has_rank() && ends.has_rank() && !Dimension::merge(matrices[0], ends[0]))) {
    ctx.fail(fmt::format("rows {} {}, matrices {} {} and ends of groups {} do not fit",
                         name_of(ctx.type(0)), rows.to_string(), name_of(ctx.type(1)),
                         matrices.to_string(), ends.to_string()));
  }
  ctx.output(0, ctx.type(0),
             PartialShape{rows.has_rank() ? rows[0] : Dimension{},
                          matrices.has_rank() ? matrices[1] : Dimension{}});
}

Kernel grouped_kernel(const KernelContext& ctx) {
  const auto matrices = ctx.shape(1);
  const auto rows = ctx.shape(0)[0], groups = matrices[0], width = matrices[1], depth = matrices[2];
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        using Wide = wide_of<T>;
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* x = static_cast<const T*>(src[0]);
          const auto* ends = static_cast<const std::int64_t*>(src[2]);
          auto* d = static_cast<T*>(dst[0]);
          std::int64_t row = 0;
          for (std::int64_t g = 0; g < groups; ++g) {
            if (ends[g] < row || ends[g] > rows) {
              throw Error(fmt::format("the group {} ends at the row {} of {}; it begins at {}", g,
                                      ends[g], rows, row));
            }
            const auto* matrix = static_cast<const T*>(src[1]) + g * width * depth;
            for (; row < ends[g]; ++row, x += depth) {
              for (std::int64_t n = 0; n < width; ++n) {
                Wide sum = 0;
                for (std::int64_t k = 0; k < depth; ++k) {
                  sum += static_cast<Wide>(x[k]) * static_cast<Wide>(matrix[n * depth + k]);
                }
                *d++ = static_cast<T>(sum);
              }
            }
          }
          std::fill_n(d, (rows - row) * width, T{});
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register grouped{{.type = "GroupedMatMul",
                        .infer = infer_grouped,
                        .kernel = grouped_kernel,
                        .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
