#pragma once

#include <span>
#include <vector>

#include "coinfer/model.hpp"
#include "coinfer/tensor.hpp"
#include "runtime/stream.hpp"

namespace coinfer::runtime {

/// What a model's ports say about batches: along which axis (the first) rows are joined, and to
/// which sizes. Immutable.
class BatchAxis {
 public:
  /// Throws Error naming the port that has no batch axis of up to `max_batch` rows.
  BatchAxis(const std::vector<PortRef>& inputs, const std::vector<PortRef>& outputs,
            std::int64_t max_batch);

  std::int64_t max_batch() const noexcept { return sizes_.back(); }
  /// The sizes of batches, ascending: powers of two, then `max_batch`.
  const std::vector<std::int64_t>& sizes() const noexcept { return sizes_; }
  /// The smallest size that holds `rows`, which are at most `max_batch`.
  std::int64_t size_for(std::int64_t rows) const noexcept;
  /// How many of `rows` fill a size well: all of them, unless a third or more of the size would be
  /// padding; then the next smaller size.
  std::int64_t well_filled(std::int64_t rows) const noexcept;

  /// The rows of a request's inputs. Throws Error naming the input that does not fit.
  std::int64_t check_inputs(std::span<const Tensor> inputs) const;
  /// Throws Error naming an output that does not have `size` rows.
  void check_outputs(std::span<const Tensor> outputs, std::int64_t size) const;
  /// Requests with equal keys can be joined: their inputs' shapes but for the first axis.
  static void make_key(std::span<const Tensor> inputs, PlanKey& key);

  /// Inputs of `size` rows of zeros; empty when other dimensions than the first are dynamic.
  std::vector<Tensor> zeros(std::int64_t size) const;

 private:
  std::vector<PortRef> inputs_;
  std::vector<PortRef> outputs_;
  std::vector<std::int64_t> sizes_;
};

}  // namespace coinfer::runtime
