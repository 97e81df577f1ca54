#pragma once

#include <functional>

#include "coinfer/operation.hpp"
#include "runtime/compiled.hpp"
#include "small_models.hpp"

namespace coinfer::testing {

/// doubled = x + x, and then `cuts` times value = Reshape(value + value, shape), whose shape is
/// computed from the value, so that a stage ends there. Outputs are `doubled`, which the first
/// stage makes, and the last value.
inline Model stages(int cuts, std::int64_t size = 4) {
  GraphMaker make;
  const auto x = make.input("x", PartialShape{size});
  const auto shape = make.input("shape", PartialShape{1}, ElementType::i64);
  const auto zero = make.constant(floats({0}));
  graph::Attributes to_integers;
  to_integers.set("to", std::int64_t{7});
  const auto doubled = make.node("Add", {x, x});
  auto value = doubled;
  for (int i = 0; i < cuts; ++i) {
    const auto nothing = make.node("ReduceMax", {make.node("Mul", {value, zero})});
    const auto target = make.node("Add", {shape, make.node("Cast", {nothing}, to_integers)});
    value = make.node("Reshape", {make.node("Add", {value, value}), target});
  }
  make.output(doubled, "doubled");
  make.output(value, "out");
  return make.model();
}

/// Has a run of a model with one stream give way to another one at each boundary of two stages, and
/// calls `paused` there, on the worker, with how often that was. The run waits in the queue
/// meanwhile.
class Overtaken : Binder {
 public:
  Overtaken(Operation& run, std::function<void(int)> paused)
      : run_{run}, paused_{std::move(paused)} {
    Binder::bind = [](Binder* self, Operation& operation) {
      static_cast<Overtaken*>(self)->bound(operation);
    };
    run_.binder = this;
  }
  Overtaken(const Overtaken&) = delete;
  Overtaken& operator=(const Overtaken&) = delete;
  /// Once the run has ended: the other ones have too.
  ~Overtaken() {
    run_.binder = nullptr;
    wait_until_complete(*other_, std::nullopt, {});
  }

 private:
  void bound(Operation& operation) {
    if (&operation == &run_) {
      queue_other();
      return;
    }
    paused_(++times_);
    if (run_.state() == Operation::State::queued) {
      queue_other();  // behind the run
    }
    throw Cancelled{};  // so that this one has no stages
  }
  void queue_other() {
    other_ = OperationRef{new Operation{run_.model()}};
    other_->binder = this;
    other_->start();
  }

  Operation& run_;
  const std::function<void(int)> paused_;
  OperationRef other_;
  int times_ = 0;
};

}  // namespace coinfer::testing
