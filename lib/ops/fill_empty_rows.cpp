#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.FillEmptyRows: the elements of a sparse matrix, with one more in the first column of each
// row that has none. Inputs: values [E], the matrix's extents [2] (i64), places [E, 2] (i64), the
// value of new elements (one element). Results: places, values, whether each row was empty; by
// rows, those of a row in their order.

void infer_rows(InferContext& ctx) {
  ctx.check_inputs(4, 4);
  ctx.check_rank(0, 1, 1);
  ctx.check_rank(1, 1, 1);
  ctx.check_rank(2, 2, 2);
  ctx.check_rank(3, 0, 1);
  ctx.check_type(1, {ElementType::i64});
  ctx.check_type(2, {ElementType::i64});
  if (ctx.type(3) != ctx.type(0)) {
    ctx.fail(fmt::format("values are {} and new ones {}; equal types were expected",
                         name_of(ctx.type(0)), name_of(ctx.type(3))));
  }
  const auto &values = ctx.shape(0), &extents = ctx.shape(1), &places = ctx.shape(2);
  const bool fits =
      (!extents.has_rank() || extents[0].contains(2)) &&
      (!places.has_rank() ||
       (places[1].contains(2) && (!values.has_rank() || Dimension::merge(places[0], values[0]))));
  if (!fits) {
    ctx.fail(fmt::format("values of shape {} at places of shape {} in extents of shape {}",
                         values.to_string(), places.to_string(), extents.to_string()));
  }
  ctx.output(0, ElementType::i64, PartialShape{Dimension{}, 2});
  ctx.output(1, ctx.type(0), PartialShape{Dimension{}});
  ctx.output(2, ElementType::boolean, PartialShape{Dimension{}});
}

std::vector<Tensor> fill_rows(const graph::Node& node, std::span<const Tensor> inputs) {
  const auto fail = [&](const std::string& text) {
    throw Error(fmt::format("{} ({})", text, graph::describe(node)));
  };
  const auto& values = inputs[0];
  const auto* extents = inputs[1].data<std::int64_t>();
  const auto* places = inputs[2].data<std::int64_t>();
  const auto rows = extents[0], columns = extents[1], count = values.size();
  constexpr auto most = std::int64_t{1} << 28;
  if (inputs[3].size() != 1 || rows < 0 || rows > most || columns < 0) {
    fail(fmt::format("a matrix of {} x {}, with {} numbers for new elements, cannot be filled",
                     rows, columns, inputs[3].size()));
  }
  // How many elements each row has, then where its next one goes.
  std::vector<std::int64_t> next(static_cast<std::size_t>(rows), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = places[2 * i], column = places[2 * i + 1];
    if (row < 0 || row >= rows || column < 0 || column >= columns) {
      fail(fmt::format("the place ({}, {}) does not lie in a matrix of {} x {}", row, column, rows,
                       columns));
    }
    ++next[static_cast<std::size_t>(row)];
  }
  Tensor empty{ElementType::boolean, Shape{rows}};
  std::int64_t total = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto elements = std::exchange(next[static_cast<std::size_t>(row)], total);
    empty.data<bool>()[row] = elements == 0;
    total += std::max<std::int64_t>(elements, 1);
  }
  Tensor all_places{ElementType::i64, Shape{total, 2}};
  Tensor all{values.type(), Shape{total}};
  auto* to = all_places.data<std::int64_t>();
  kernels::with_width(values.type(), [&]<class T>(std::type_identity<T>) {
    auto* d = all.data<T>();
    for (std::int64_t row = 0; row < rows; ++row) {
      if (empty.data<bool>()[row]) {
        const auto at = next[static_cast<std::size_t>(row)];
        to[2 * at] = row;
        to[2 * at + 1] = 0;
        d[at] = inputs[3].data<T>()[0];
      }
    }
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = next[static_cast<std::size_t>(places[2 * i])]++;
      to[2 * at] = places[2 * i];
      to[2 * at + 1] = places[2 * i + 1];
      d[at] = values.data<T>()[i];
    }
  });
  return {all_places, all, empty};
}

const Register rows{
    {.type = "FillEmptyRows", .infer = infer_rows, .evaluate = fill_rows, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
