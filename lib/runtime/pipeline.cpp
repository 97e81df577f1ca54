#include "coinfer/pipeline.hpp"

#include "runtime/compiled.hpp"

namespace coinfer::detail {

void check_one(std::size_t count, const char* what, const CompiledModel& model) {
  if (count != 1) {
    throw Error(fmt::format(
        "model '{}' has {} {}s; a stage that passes single tensors needs a model with one",
        model.impl()->name(), count, what));
  }
}

std::size_t suitable_concurrency(const CompiledModel& model) {
  const auto property = model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS");
  const auto* number = std::get_if<std::int64_t>(&property.value());
  return number != nullptr ? static_cast<std::size_t>(std::max<std::int64_t>(*number, 1)) : 1;
}

}  // namespace coinfer::detail
