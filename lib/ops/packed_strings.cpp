#include <limits>

#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

// coinfer.PackStrings: strings out of one row of bytes. Inputs: where each begins and ends
// (i64, of one shape), the bytes [B] (u8). Result: strings of that shape.
// coinfer.UnpackStrings: the reverse; begins and ends are i32.

void infer_pack(InferContext& ctx) {
  ctx.check_inputs(3, 3);
  for (const std::size_t i : {0, 1}) {
    ctx.check_type(i, {ElementType::i64});
  }
  ctx.check_type(2, {ElementType::u8});
  ctx.check_rank(2, 1, 1);
  const auto shape = PartialShape::merge(ctx.shape(0), ctx.shape(1));
  if (!shape) {
    ctx.fail(fmt::format("begins of shape {} and ends of shape {} do not fit",
                         ctx.shape(0).to_string(), ctx.shape(1).to_string()));
  }
  ctx.output(0, ElementType::string, *shape);
}

std::vector<Tensor> pack(const graph::Node& node, std::span<const Tensor> inputs) {
  const auto *begins = inputs[0].data<std::int64_t>(), *ends = inputs[1].data<std::int64_t>();
  const auto* bytes = reinterpret_cast<const char*>(inputs[2].data<std::uint8_t>());
  const auto count = inputs[2].size();
  Tensor result{ElementType::string, inputs[0].shape()};
  for (std::int64_t i = 0; i < result.size(); ++i) {
    if (begins[i] < 0 || begins[i] > ends[i] || ends[i] > count) {
      throw Error(fmt::format("the string {} begins at {} and ends at {} of {} bytes ({})", i,
                              begins[i], ends[i], count, graph::describe(node)));
    }
    result.data<std::string>()[i].assign(bytes + begins[i],
                                         static_cast<std::size_t>(ends[i] - begins[i]));
  }
  return {result};
}

void infer_unpack(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_type(0, {ElementType::string});
  ctx.output(0, ElementType::i32, ctx.shape(0));
  ctx.output(1, ElementType::i32, ctx.shape(0));
  ctx.output(2, ElementType::u8, PartialShape{Dimension{}});
}

std::vector<Tensor> unpack(const graph::Node& node, std::span<const Tensor> inputs) {
  const auto& strings = inputs[0];
  Tensor begins{ElementType::i32, strings.shape()}, ends{ElementType::i32, strings.shape()};
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < strings.size(); ++i) {
    begins.data<std::int32_t>()[i] = static_cast<std::int32_t>(total);
    total += static_cast<std::int64_t>(strings.data<std::string>()[i].size());
    if (total > std::numeric_limits<std::int32_t>::max()) {
      throw Error(fmt::format("the strings have more bytes than an i32 can count ({})",
                              graph::describe(node)));
    }
    ends.data<std::int32_t>()[i] = static_cast<std::int32_t>(total);
  }
  Tensor bytes{ElementType::u8, Shape{total}};
  auto* d = bytes.data<std::uint8_t>();
  for (std::int64_t i = 0; i < strings.size(); ++i) {
    const auto& text = strings.data<std::string>()[i];
    d = std::copy(text.begin(), text.end(), d);
  }
  return {begins, ends, bytes};
}

const Register pack_strings{
    {.type = "PackStrings", .infer = infer_pack, .evaluate = pack, .domain = "coinfer"}};
const Register unpack_strings{
    {.type = "UnpackStrings", .infer = infer_unpack, .evaluate = unpack, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
