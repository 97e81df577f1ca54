#include "runtime/batch_warm_up.hpp"

#include "coinfer/error.hpp"
#include "runtime/compiled.hpp"
#include "runtime/run.hpp"

namespace coinfer::runtime {
namespace {

/// Lives until the last run is over.
struct WarmUp : Continuation {
  std::shared_ptr<Compiled> model;
  BatchAxis axis;
  OperationRef whole;
  OperationRef run;
  std::size_t step = 0;

  WarmUp(std::shared_ptr<Compiled> given, const BatchAxis& batch_axis)
      : model{std::move(given)}, axis{batch_axis}, whole{new Operation{model}} {
    fire = [](Continuation* self, const Outcome& outcome) noexcept {
      static_cast<WarmUp*>(self)->after(outcome);
    };
  }

  std::int64_t size() const { return axis.sizes()[step]; }

  void begin() noexcept {
    try {
      auto inputs = axis.zeros(size());
      if (inputs.empty()) {
        end({});
        return;
      }
      run = OperationRef{new Operation{model}};
      run->inputs = std::move(inputs);
      run->outputs.resize(model->outputs().size());
      run->completion.attach(*this);
      run->start();
    } catch (...) {
      end({Outcome::Kind::failed, std::current_exception()});
    }
  }

  void after(const Outcome& outcome) noexcept {
    try {
      if (outcome.kind == Outcome::Kind::failed && step == 0) {
        end({});
        return;
      }
      if (outcome.kind == Outcome::Kind::failed) {
        explain(outcome);
      }
      outcome.get();
      axis.check_outputs(run->outputs, size());
    } catch (...) {
      end({Outcome::Kind::failed, std::current_exception()});
      return;
    }
    if (++step == axis.sizes().size()) {
      end({});
    } else {
      begin();
    }
  }

  [[noreturn]] void explain(const Outcome& outcome) const {
    try {
      outcome.get();
    } catch (const std::exception& error) {
      throw Error(fmt::format("the model '{}' runs one row but not a batch of {}: {}",
                              model->name(), size(), error.what()));
    }
    throw Error("a run failed without an error");
  }

  void end(Outcome outcome) noexcept {
    const std::unique_ptr<WarmUp> mine{this};
    RunFrame::finish(*whole, std::move(outcome));
  }
};

}  // namespace

OperationRef warm_up(std::shared_ptr<Compiled> model, const BatchAxis& axis) {
  auto* warm_up = new WarmUp{std::move(model), axis};
  auto whole = warm_up->whole;
  warm_up->begin();
  return whole;
}

}  // namespace coinfer::runtime
