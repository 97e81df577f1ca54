#include "runtime/loop_in_place.hpp"

#include "coinfer/error.hpp"
#include "runtime/compiled.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"
#include "runtime/run.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/traced_run.hpp"

namespace coinfer::runtime {
namespace {

/// The model output (here: of the body) that an output of its plan is.
std::size_t output_of(const StagePlan& stage, std::size_t i) { return stage.targets[i].outputs[0]; }

/// Iterations of one loop on one stream.
class InPlace {
 public:
  InPlace(Operation& operation, LoopState& loop)
      : operation_{operation},
        loop_{loop},
        form_{loop.control->loop},
        node_{*RunFrame::of(operation).levels.top().node},
        stream_{*RunFrame::stream(operation)},
        bound_{operation.model()->bound_plan(stream_, loop.control->bodies[0], 0, loop.known)},
        stage_{*bound_.stage},
        plan_{*stage_.plan} {}

  void run() {
    const bool traced = operation_.trace_id() != 0;
    const bool profiled = operation_.model()->config().perf_count;
    auto* times = traced || profiled ? &stream_.step_times : nullptr;
    do {
      trace::Time begin;
      stream_.execute(plan_.threads(), [&] {
        begin = std::chrono::steady_clock::now();
        // With times, one iteration after another: they are told of each.
        do {
          iterate(times);
        } while (times == nullptr && goes_on());
      });
      if (traced) {
        trace_steps(operation_, stream_, bound_, begin);
      }
      if (profiled) {
        RunFrame::of(operation_).profile.add(bound_.stage, stream_.step_times);
      }
    } while (goes_on());
  }

 private:
  bool goes_on() const { return has_next(loop_) && !process_scheduler().contended(); }

  void iterate(plan::StepTimes* times) {
    if (operation_.stopping()) {
      throw Cancelled{};
    }
    set_iteration(loop_);
    point_inputs();
    point_outputs();
    const auto end = bound_.instance->run(stream_.input_pointers, stream_.output_pointers,
                                          RunFrame::stop(operation_), times);
    if (end == plan::Instance::End::stopped) {
      throw Cancelled{};
    }
    collect();
    ++loop_.iteration;
  }

  void point_inputs() {
    stream_.input_pointers.clear();
    using Kind = ControlNode::Feed::Kind;
    for (const auto source : stage_.sources) {
      const auto& feed = loop_.control->feeds[source];
      stream_.input_pointers.push_back(feed.kind == Kind::carried ? loop_.carried[feed.index].data()
                                       : feed.kind == Kind::slice
                                           ? slice_at(loop_, feed.index)
                                           : loop_.known[source].tensor.data());
    }
  }

  void point_outputs() {
    stream_.output_pointers.clear();
    loop_.last.resize(form_.body->outputs.size());
    for (std::size_t i = 0; i < stage_.targets.size(); ++i) {
      stream_.output_pointers.push_back(destination(i));
    }
  }

  /// Where a body output is written: to the next carried value, else where it is stacked, else to
  /// memory of its own.
  void* destination(std::size_t i) {
    const auto output = output_of(stage_, i);
    const auto& spec = plan_.outputs()[i];
    if (const auto* carried = form_.carried_as(static_cast<int>(output))) {
      auto& spare = loop_.spare[static_cast<std::size_t>(carried - form_.carried.data())];
      if (!spare) {
        spare = Tensor{spec.type, spec.shape};
      }
      return spare.data();
    }
    for (std::size_t k = 0; k < form_.stacks.size(); ++k) {
      if (form_.stacks[k].body_output == static_cast<int>(output)) {
        return room_in_stack(loop_, k, spec.type, spec.shape, node_);
      }
    }
    auto& last = loop_.last[output];
    if (!last) {
      last = Tensor{spec.type, spec.shape};
    }
    return last.data();
  }

  /// After an iteration: what is read in several places is copied to the others.
  void collect() {
    for (std::size_t i = 0; i < stage_.targets.size(); ++i) {
      const auto output = static_cast<int>(output_of(stage_, i));
      const auto& spec = plan_.outputs()[i];
      const void* made = stream_.output_pointers[i];
      const auto bytes = static_cast<std::size_t>(spec.shape.elements()) * size_of(spec.type);
      for (std::size_t k = 0; k < form_.stacks.size(); ++k) {
        if (form_.stacks[k].body_output == output) {
          auto* to = room_in_stack(loop_, k, spec.type, spec.shape, node_);
          if (to != made && bytes != 0) {
            std::memcpy(to, made, bytes);
          }
        }
      }
      bool first = true;
      for (std::size_t k = 0; k < form_.carried.size(); ++k) {
        if (form_.carried[k].body_output != output) {
          continue;
        }
        auto& spare = loop_.spare[k];
        if (!std::exchange(first, false)) {
          if (!spare) {
            spare = Tensor{spec.type, spec.shape};
          }
          if (bytes != 0) {
            std::memcpy(spare.data(), made, bytes);
          }
        }
      }
      if (output == form_.condition_out) {
        loop_.condition = *static_cast<const bool*>(made);
      }
    }
    for (std::size_t k = 0; k < loop_.carried.size(); ++k) {
      std::swap(loop_.carried[k], loop_.spare[k]);
      if (loop_.iteration == 0) {
        loop_.spare[k] = {};  // the initial value is somebody else's
      }
    }
  }

  Operation& operation_;
  LoopState& loop_;
  const ops::LoopForm& form_;
  const graph::Node& node_;
  Stream& stream_;
  Stream::Bound& bound_;
  const StagePlan& stage_;
  const plan::Plan& plan_;
};

}  // namespace

bool runs_in_place(Operation& operation, LoopState& loop) {
  const auto& form = loop.control->loop;
  const auto& stage =
      *operation.model()
           ->bound_plan(*RunFrame::stream(operation), loop.control->bodies[0], 0, loop.known)
           .stage;
  if (stage.plan->cut() != nullptr) {
    return false;
  }
  for (std::size_t i = 0; i < stage.targets.size(); ++i) {
    if (stage.targets[i].outputs.size() != 1) {
      return false;
    }
    const auto output = static_cast<int>(output_of(stage, i));
    const auto& spec = stage.plan->outputs()[i];
    if (output == form.condition_out &&
        (spec.type != ElementType::boolean || spec.shape.elements() != 1)) {
      return false;
    }
    for (std::size_t k = 0; k < form.carried.size(); ++k) {
      if (form.carried[k].body_output == output &&
          (spec.type != loop.carried[k].type() || spec.shape != loop.carried[k].shape())) {
        return false;
      }
    }
  }
  return true;
}

void iterate_in_place(Operation& operation, LoopState& loop) { InPlace{operation, loop}.run(); }

}  // namespace coinfer::runtime
