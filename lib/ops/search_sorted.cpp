#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.SearchSorted: a sorted row (or [..., N], a row for each of the values' rows) and values;
// how many elements of its row lie before each value (i64): those below it, with right = 1 those
// not above it.

void infer_search(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_rank(0, 1, 64);
  if (ctx.type(0) != ctx.type(1)) {
    ctx.fail(fmt::format("the inputs are of types {} and {}; equal types were expected",
                         name_of(ctx.type(0)), name_of(ctx.type(1))));
  }
  const auto& rows = ctx.shape(0);
  const auto& values = ctx.shape(1);
  if (rows.has_rank() && rows.rank() > 1 && values.has_rank()) {
    bool fits = rows.rank() == values.rank();
    for (std::size_t i = 0; fits && i + 1 < rows.dimensions().size(); ++i) {
      fits = Dimension::merge(rows[i], values[i]).has_value();
    }
    if (!fits) {
      ctx.fail(fmt::format("sorted rows of shape {} do not fit values of shape {}",
                           rows.to_string(), values.to_string()));
    }
  }
  ctx.output(0, ElementType::i64, values);
}

Kernel search_kernel(const KernelContext& ctx) {
  const auto rows = ctx.shape(0);
  const auto values = ctx.shape(1);
  const auto length = rows.back();
  const auto count = values.elements();
  const auto per_row = rows.size() == 1 ? count : values.back();
  const bool right = ctx.attributes().integer("right", 0) != 0;
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          const auto* row = static_cast<const T*>(src[0]);
          const auto* x = static_cast<const T*>(src[1]);
          auto* d = static_cast<std::int64_t*>(dst[0]);
          const auto less = [](const T& a, const T& b) {
            return static_cast<wide_of<T>>(a) < static_cast<wide_of<T>>(b);
          };
          for (std::int64_t i = 0; i < count; row += length) {
            for (const auto end = i + per_row; i < end; ++i) {
              const auto* at = right ? std::upper_bound(row, row + length, x[i], less)
                                     : std::lower_bound(row, row + length, x[i], less);
              d[i] = at - row;
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register search{
    {.type = "SearchSorted", .infer = infer_search, .kernel = search_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
