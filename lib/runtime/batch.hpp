#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>
#include <vector>

#include "coinfer/operation.hpp"
#include "runtime/batch_axis.hpp"

namespace coinfer::runtime {

class Batch;
class Batching;
struct BatchGroup;

/// A request that waits for a batch or is part of one. Owned by its operation.
struct BatchMember final : Carrier, boost::intrusive::list_base_hook<> {
  std::shared_ptr<Batching> owner;
  std::int64_t rows = 0;
  std::chrono::steady_clock::time_point arrival;
  // The rest under the owner's lock.
  OperationRef operation;  ///< while it waits or is part of a batch
  BatchGroup* group = nullptr;
  Batch* batch = nullptr;
  std::size_t place = 0;  ///< among the parts of `batch`
  bool stopped = false;

  void stop(Operation& operation) noexcept override;
};

/// One run of several requests: it is given its members when the run begins, joins their rows, and
/// hands each its part of the results. Used again for other members.
class Batch : public Binder, public Gate {
 public:
  /// What the members' requests may do meanwhile; under the owner's lock.
  enum class Phase : std::uint8_t {
    waiting,  ///< for a stream; it has no members yet
    joining,  ///< the members' inputs are being read
    joined,   ///< the members' inputs were copied; one that is cancelled drops out
    alone,    ///< the run reads the inputs of its one member
    over,
  };

  /// A member's rows; `operation` is its own once the batch is over.
  struct Part {
    BatchMember* member = nullptr;  ///< null: dropped out
    std::int64_t rows = 0;
    OperationRef operation;
    Outcome outcome;  ///< the member's, when the batch is over
  };

  explicit Batch(Batching& owner);

  OperationRef operation;
  std::vector<Part> parts;
  std::int64_t rows = 0;
  std::int64_t size = 0;  ///< rows of the run: `rows` and padding
  std::size_t live = 0;   ///< members that were not cancelled
  Phase phase = Phase::over;

  /// Ready for another run, without members.
  void prepare();
  /// Sets the run's inputs and outputs. The one member of a full batch is run where it is.
  void join();
  bool is_alone() const noexcept { return parts.size() == 1 && rows == size; }
  /// Of the results, when they are given out.
  std::size_t bytes_to_copy() const noexcept;
  /// Gives a member a copy of its rows of the results.
  void hand_out(Operation& member, std::int64_t first, std::int64_t count) const;
  /// Gives the only member the results, of which `count` rows are its own.
  void hand_over(Operation& member, std::int64_t count);
  /// After the results were given out: keeps what memory is left for the next run.
  void settle();

 private:
  Batching& owner_;
  // Of the batches before, to be used again.
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
};

}  // namespace coinfer::runtime
