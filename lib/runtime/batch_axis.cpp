#include "runtime/batch_axis.hpp"

#include "coinfer/batcher.hpp"
#include "coinfer/error.hpp"
#include "runtime/port_check.hpp"

namespace coinfer::runtime {
namespace {

[[noreturn]] void refuse(const Port& port, const std::string& why) {
  throw Error(fmt::format("{} of shape {} cannot be batched: {}", title(port),
                          port.shape.to_string(), why));
}

void check_axis(const Port& port, std::int64_t max_batch) {
  if (!port.shape.has_rank()) {
    if (port.is_output) {
      return;  // seen when it runs
    }
    refuse(port, "its rank is unknown");
  }
  if (port.shape.rank() == 0) {
    refuse(port, "it has no first dimension to be the batch");
  }
  const auto& rows = port.shape[0];
  if (rows.is_static()) {
    refuse(port, "its first dimension is fixed; reshape the model so that it is dynamic");
  }
  if (!port.is_output && (rows.min_length() > 1 || rows.max_length() < max_batch)) {
    refuse(port, fmt::format("its first dimension has to allow 1 to {} rows", max_batch));
  }
}

}  // namespace

BatchAxis::BatchAxis(const std::vector<PortRef>& inputs, const std::vector<PortRef>& outputs,
                     std::int64_t max_batch)
    : inputs_{inputs}, outputs_{outputs} {
  if (max_batch < 1 || max_batch > largest_batch) {
    throw Error(fmt::format("max_batch is {}; 1 to {} was expected", max_batch, largest_batch));
  }
  if (inputs_.empty()) {
    throw Error("a model without inputs cannot be batched");
  }
  for (const auto& port : inputs_) {
    check_axis(*port, max_batch);
  }
  for (const auto& port : outputs_) {
    check_axis(*port, max_batch);
  }
  for (std::int64_t size = 1; size < max_batch; size *= 2) {
    sizes_.push_back(size);
  }
  sizes_.push_back(max_batch);
}

std::int64_t BatchAxis::size_for(std::int64_t rows) const noexcept {
  return *std::lower_bound(sizes_.begin(), sizes_.end(), rows);
}

std::int64_t BatchAxis::well_filled(std::int64_t rows) const noexcept {
  const auto size = std::lower_bound(sizes_.begin(), sizes_.end(), rows);
  return size == sizes_.begin() || 3 * rows > 2 * *size ? rows : *(size - 1);
}

std::int64_t BatchAxis::check_inputs(std::span<const Tensor> inputs) const {
  if (inputs.size() != inputs_.size()) {
    throw Error(
        fmt::format("the model has {} inputs, {} were given", inputs_.size(), inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_fits(*inputs_[i], inputs[i]);
  }
  const auto rows = inputs[0].shape()[0];
  if (rows < 1 || rows > max_batch()) {
    throw Error(fmt::format("{}: {} rows came; a request of this batcher has 1 to {}",
                            title(*inputs_[0]), rows, max_batch()));
  }
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    if (inputs[i].shape()[0] != rows) {
      throw Error(fmt::format("{}: {} rows came, {} has {}", title(*inputs_[i]),
                              inputs[i].shape()[0], title(*inputs_[0]), rows));
    }
  }
  return rows;
}

void BatchAxis::check_outputs(std::span<const Tensor> outputs, std::int64_t size) const {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& shape = outputs[i].shape();
    if (shape.empty() || shape[0] != size) {
      throw Error(
          fmt::format("{} lacks the batch axis: it has the shape {} when the inputs have "
                      "{} rows",
                      title(*outputs_[i]), shape.to_string(), size));
    }
  }
}

void BatchAxis::make_key(std::span<const Tensor> inputs, PlanKey& key) {
  key.clear();
  for (const auto& input : inputs) {
    const auto& shape = input.shape();
    key.push_back(shape.rank());
    key.insert(key.end(), shape.begin() + 1, shape.end());
  }
}

std::vector<Tensor> BatchAxis::zeros(std::int64_t size) const {
  std::vector<Tensor> tensors;
  for (const auto& port : inputs_) {
    Shape shape{size};
    for (std::int64_t i = 1; i < port->shape.rank(); ++i) {
      const auto& extent = port->shape[static_cast<std::size_t>(i)];
      if (extent.is_dynamic()) {
        return {};
      }
      shape.push_back(extent.length());
    }
    if (port->type == ElementType::dynamic) {
      return {};
    }
    Tensor tensor{port->type, std::move(shape)};
    if (port->type != ElementType::string && tensor.byte_size() != 0) {
      std::memset(tensor.data(), 0, tensor.byte_size());
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace coinfer::runtime
