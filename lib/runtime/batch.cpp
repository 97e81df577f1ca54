#include "runtime/batch.hpp"

#include "runtime/batching.hpp"

namespace coinfer::runtime {
namespace {

std::size_t bytes_of_rows(const Tensor& tensor, std::int64_t rows) {
  return tensor.byte_size() / static_cast<std::size_t>(tensor.shape()[0]) *
         static_cast<std::size_t>(rows);
}

/// `count` rows of a dense tensor from `first` on, as a view.
Tensor rows_of(const Tensor& tensor, std::int64_t first, std::int64_t count) {
  auto shape = tensor.shape();
  shape[0] = count;
  const auto offset =
      static_cast<std::size_t>(static_cast<std::byte*>(tensor.data()) - tensor.memory()->data()) +
      bytes_of_rows(tensor, first);
  return Tensor{tensor.type(), std::move(shape), tensor.memory(), offset};
}

/// Copies all rows of `source` to the dense `target`, from its row `first` on.
void copy_in(const Tensor& source, const Tensor& target, std::int64_t first) {
  if (source.is_continuous() && source.type() != ElementType::string) {
    if (source.byte_size() != 0) {
      std::memcpy(target.data<std::byte>() + bytes_of_rows(target, first), source.data(),
                  source.byte_size());
    }
    return;
  }
  auto part = rows_of(target, first, source.shape()[0]);
  source.copy_to(part);
}

/// Fills the rows from `first` on with the first row: values that the model is made for.
void pad(const Tensor& target, std::int64_t first) {
  const auto first_row = rows_of(target, 0, 1);
  for (auto row = first; row < target.shape()[0]; ++row) {
    copy_in(first_row, target, row);
  }
}

}  // namespace

void BatchMember::stop(Operation&) noexcept {
  const auto alive = owner;  // this member may end with the call
  alive->stop(*this);
}

Batch::Batch(Batching& owner) : owner_{owner}, inputs_(owner.model()->inputs().size()) {
  Binder::bind = [](Binder* self, Operation&) {
    auto& batch = *static_cast<Batch*>(self);
    batch.owner_.bind(batch);
  };
  passing = Passing::works;
  Gate::pass = [](Gate* self, Operation&) noexcept {
    auto& batch = *static_cast<Batch*>(self);
    batch.owner_.ended(batch);
  };
}

void Batch::prepare() {
  if (operation && operation->unique()) {
    operation->reset();
  } else {
    operation = OperationRef{new Operation{owner_.model()}};
  }
  operation->binder = this;
  operation->gate = this;
  parts.clear();
  rows = size = 0;
  live = 0;
  phase = Phase::waiting;
}

void Batch::join() {
  const auto outputs = owner_.model()->outputs().size();
  if (is_alone()) {
    operation->inputs = parts[0].member->operation->inputs;
    operation->outputs.assign(outputs, Tensor{});
    return;
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto& first = parts[0].member->operation->inputs[i];
    auto shape = first.shape();
    shape[0] = size;
    if (!inputs_[i]) {
      inputs_[i] = Tensor{first.type(), std::move(shape)};
    } else {
      inputs_[i].set_shape(shape);
    }
    std::int64_t row = 0;
    for (const auto& part : parts) {
      copy_in(part.member->operation->inputs[i], inputs_[i], row);
      row += part.rows;
    }
    pad(inputs_[i], row);
  }
  operation->inputs = inputs_;
  outputs_.resize(outputs);
  operation->outputs = outputs_;
}

std::size_t Batch::bytes_to_copy() const noexcept {
  std::size_t bytes = 0;
  if (parts.size() > 1) {
    for (const auto& output : operation->outputs) {
      bytes += output.byte_size();
    }
  }
  return bytes;
}

void Batch::hand_out(Operation& member, std::int64_t first, std::int64_t count) const {
  member.outputs.clear();
  for (const auto& output : operation->outputs) {
    auto shape = output.shape();
    shape[0] = count;
    Tensor part{output.type(), std::move(shape)};
    if (output.type() == ElementType::string) {
      rows_of(output, first, count).copy_to(part);
    } else if (part.byte_size() != 0) {
      std::memcpy(part.data(), output.data<std::byte>() + bytes_of_rows(output, first),
                  part.byte_size());
    }
    member.outputs.push_back(std::move(part));
  }
}

void Batch::hand_over(Operation& member, std::int64_t count) {
  member.outputs.clear();
  for (auto& output : operation->outputs) {
    member.outputs.push_back(count == size ? output : rows_of(output, 0, count));
  }
  operation->outputs.assign(operation->outputs.size(), Tensor{});
  if (!is_alone()) {
    outputs_.clear();  // they were written, and are the member's now
  }
}

void Batch::settle() {
  for (std::size_t i = 0; i < outputs_.size() && i < operation->outputs.size(); ++i) {
    if (operation->outputs[i]) {
      outputs_[i] = operation->outputs[i];
    }
  }
}

}  // namespace coinfer::runtime
