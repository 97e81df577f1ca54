#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

/// (initial?) -> what the graph's variable named by the attribute `variable` holds; the initial
/// value, or zeros, when it holds nothing. `type` is an ElementType, `shape` a text.
void infer(InferContext& ctx) {
  ctx.check_inputs(0, 1);
  const auto type = ctx.attributes().integer("type", 0);
  const auto shape = ctx.attributes().text("shape", "...");
  ctx.output(0, static_cast<ElementType>(type), PartialShape::parse(shape));
}

const Register read_value{{.type = "ReadValue",
                           .since = 1,
                           .infer = infer,
                           .domain = "coinfer",
                           .control = Control::read}};

}  // namespace
}  // namespace coinfer::ops
