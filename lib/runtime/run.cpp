#include "runtime/run.hpp"

#include <unistd.h>

#include "coinfer/error.hpp"
#include "ops/op.hpp"
#include "runtime/process.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/traced_run.hpp"

namespace coinfer::runtime {
namespace {

int thread_id() noexcept {
  thread_local const int id = gettid();
  return id;
}

/// Awaited between two stages: another run may take the stream, and this one queues again.
struct Turn {
  Operation& operation;

  bool await_ready() const { return !process_scheduler().contended(); }
  bool await_suspend(std::coroutine_handle<> coroutine) const {
    auto& scheduler = process_scheduler();
    if (operation.trace_id() != 0) {
      trace_pause(operation);
    }
    if (RunFrame::is_inline(operation)) {
      scheduler.release(operation);
      scheduler.acquire(operation);
      return false;
    }
    RunFrame::of(operation).coroutine = coroutine;
    RunFrame::set_queued(operation);
    RunFrame::suspended = true;
    // From here on another thread may resume, and end, this coroutine.
    scheduler.requeue(operation);
    return true;
  }
  void await_resume() const noexcept {
    if (operation.trace_id() != 0 && RunFrame::of(operation).paused != trace::Time{}) {
      trace_resume(operation);
    }
  }
};

/// The tensor that a stage reads, made dense when it is not.
const Tensor& dense(Tensor& tensor, Tensor& copy) {
  if (tensor.is_continuous()) {
    return tensor;
  }
  copy = Tensor{tensor.type(), tensor.shape()};
  tensor.copy_to(copy);
  tensor = copy;
  return tensor;
}

/// Where a stage writes an output: the caller's tensor when it can be written directly.
Tensor& prepared_output(Operation& operation, std::uint32_t index, const plan::PortSpec& spec) {
  auto& output = operation.outputs[index];
  if (!output) {
    output = Tensor{spec.type, spec.shape};
  } else if (output.shape() != spec.shape) {
    output.set_shape(spec.shape);
  }
  return output;
}

/// Does a caller's output tensor share memory with an input?
bool overlaps_an_input(const Operation& operation, const Tensor& output) {
  const auto* const begin = static_cast<const std::byte*>(output.data());
  const auto* const end = begin + output.byte_size();
  for (const auto& input : operation.inputs) {
    const auto* const from = static_cast<const std::byte*>(input.data());
    if (from < end && begin < from + input.byte_size()) {
      return true;
    }
  }
  return false;
}

void add_live_values(Operation& operation, const StagePlan& stage, const plan::Cut& cut,
                     const std::vector<Tensor>& carried) {
  auto& frame = RunFrame::of(operation);
  frame.next.clear();
  for (std::size_t i = 0; i < cut.live.size(); ++i) {
    const auto from = stage.live_from[i];
    const bool shapes =
        std::find(cut.known.begin(), cut.known.end(), cut.live[i]) != cut.known.end();
    const auto tensor =
        from < frame.known.size() ? frame.known[from].tensor : carried[from - frame.known.size()];
    frame.next.push_back({cut.live[i], tensor, shapes && !cut.evaluate_next});
  }
}

/// Runs the operator whose output shapes depend on its input values, between two stages.
void evaluate_between(Operation& operation, const plan::Cut& cut) {
  auto& frame = RunFrame::of(operation);
  const auto& graph = operation.model()->graph();
  const auto& node = graph.nodes[cut.next_node];
  std::vector<Tensor> inputs;
  for (const auto id : node.inputs) {
    if (graph.is_constant(id)) {
      inputs.push_back(graph[id].constant);
      continue;
    }
    const auto found = std::find_if(frame.next.begin(), frame.next.end(),
                                    [&](const KnownValue& known) { return known.value == id; });
    inputs.push_back(found != frame.next.end() ? found->tensor : Tensor{});
  }
  auto results = node.op->evaluate(node, inputs);
  for (std::size_t i = 0; i < node.outputs.size() && i < results.size(); ++i) {
    if (node.outputs[i]) {
      frame.next.push_back({node.outputs[i], results[i], false});
      for (std::size_t k = 0; k < graph.outputs.size(); ++k) {
        if (graph.outputs[k] == node.outputs[i]) {
          prepared_output(operation, static_cast<std::uint32_t>(k),
                          {{}, results[i].type(), results[i].shape(), {}});
          results[i].copy_to(operation.outputs[k]);
        }
      }
    }
  }
}

/// Runs one stage on the leased stream. Returns the cut after it, null when it was the last.
const plan::Cut* run_stage(Operation& operation, std::size_t first_node) {
  auto& frame = RunFrame::of(operation);
  auto& stream = *RunFrame::stream(operation);
  auto& bound = operation.model()->bound_plan(stream, first_node, frame.known);
  const auto& stage = *bound.stage;
  const auto& plan = *stage.plan;

  stream.input_pointers.clear();
  Tensor copy;
  for (const auto source : stage.sources) {
    stream.input_pointers.push_back(dense(frame.known[source].tensor, copy).data());
  }
  stream.output_pointers.clear();
  std::vector<Tensor> carried;
  std::vector<std::pair<std::uint32_t, Tensor>> detours;  // outputs that cannot be written directly
  for (std::size_t i = 0; i < stage.targets.size(); ++i) {
    const auto& target = stage.targets[i];
    const auto& spec = plan.outputs()[i];
    Tensor destination;
    if (target.outputs.empty()) {
      destination = Tensor{spec.type, spec.shape};
    } else {
      destination = prepared_output(operation, target.outputs[0], spec);
      if (!destination.is_continuous() || overlaps_an_input(operation, destination)) {
        destination = Tensor{spec.type, spec.shape};
        detours.emplace_back(target.outputs[0], destination);
      }
    }
    stream.output_pointers.push_back(destination.data());
    if (plan.cut() != nullptr) {
      carried.push_back(std::move(destination));
    }
  }

  const auto& stop = RunFrame::stop(operation);
  auto end = plan::Instance::End::stopped;
  const bool traced = operation.trace_id() != 0;
  const bool profiled = operation.model()->config().perf_count;
  auto* times = traced || profiled ? &stream.step_times : nullptr;
  trace::Time begin;
  stream.execute(plan.threads(), [&] {
    if (traced) {
      begin = std::chrono::steady_clock::now();
    }
    end = bound.instance->run(stream.input_pointers, stream.output_pointers, stop, times);
  });
  if (traced) {
    trace_steps(operation, stream, bound, begin);
  }
  if (profiled) {
    frame.profile.add(bound.stage, stream.step_times);
  }
  if (end == plan::Instance::End::stopped) {
    throw Cancelled{};
  }
  for (const auto& [index, tensor] : detours) {
    tensor.copy_to(operation.outputs[index]);
  }
  for (std::size_t i = 0; i < stage.targets.size(); ++i) {
    const auto& same = stage.targets[i].outputs;
    for (std::size_t k = 1; k < same.size(); ++k) {
      auto& output = prepared_output(operation, same[k], plan.outputs()[i]);
      if (output.byte_size() != 0 && output.data() != stream.output_pointers[i]) {
        Tensor{output.type(), output.shape(),
               Memory::wrap(stream.output_pointers[i], output.byte_size(), nullptr, true)}
            .copy_to(output);
      }
    }
  }
  if (plan.cut() == nullptr) {
    return nullptr;
  }
  add_live_values(operation, stage, *plan.cut(), carried);
  return plan.cut();
}

void publish_copies(Operation& operation) {
  operation.published.clear();
  for (const auto& output : operation.outputs) {
    Tensor copy{output.type(), output.shape()};
    output.copy_to(copy);
    operation.published.push_back(std::move(copy));
  }
}

}  // namespace

thread_local bool RunFrame::suspended = false;

RunFrame& RunFrame::of(Operation& operation) {
  if (!operation.frame_) {
    operation.frame_ = std::make_unique<RunFrame>();
  }
  return *operation.frame_;
}

void RunFrame::stamp_queued(Operation& operation) noexcept {
  operation.stamps_.set(StampSheet::Station::queued, std::chrono::steady_clock::now());
  set_queued(operation);
}

void RunFrame::stamp_start(Operation& operation) noexcept {
  operation.stamps_.set_thread(thread_id());
  const auto now = std::chrono::steady_clock::now();
  operation.stamps_.set(StampSheet::Station::started, now);
  if (trace::on()) {
    operation.trace_id_ = trace::next_run();
    RunFrame::of(operation).leased = now;
    RunFrame::of(operation).paused = {};
  }
}

void* Run::promise_type::operator new(std::size_t bytes, Operation& operation) {
  auto& frame = RunFrame::of(operation);
  if (frame.bytes < bytes) {
    frame.memory = std::make_unique<std::byte[]>(bytes);
    frame.bytes = bytes;
  }
  return frame.memory.get();
}

Run run_stages(Operation& operation) {
  Outcome outcome;
  try {
    RunFrame::stamp_start(operation);
    if (operation.stopping()) {
      throw Cancelled{};
    }
    if (operation.binder != nullptr) {
      operation.binder->bind(operation.binder, operation);
    }
    auto& frame = RunFrame::of(operation);
    const auto& graph = operation.model()->graph();
    frame.profile.clear();
    frame.known.clear();
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      frame.known.push_back({graph.inputs[i], operation.inputs[i], false});
    }
    std::size_t first_node = 0;
    while (const auto* cut = run_stage(operation, first_node)) {
      first_node = cut->next_node;
      if (cut->evaluate_next) {
        evaluate_between(operation, *cut);
        ++first_node;
      }
      frame.known.swap(frame.next);
      Turn turn{operation};
      co_await turn;
      if (operation.stopping()) {
        throw Cancelled{};
      }
    }
    if (operation.publish_copies) {
      publish_copies(operation);
    }
  } catch (const Cancelled&) {
    outcome = {Outcome::Kind::cancelled, std::current_exception()};
  } catch (...) {
    outcome = {Outcome::Kind::failed, std::current_exception()};
  }
  // However it ended: what it read is held no longer.
  RunFrame::of(operation).known.clear();
  RunFrame::of(operation).next.clear();
  RunFrame::finish(operation, std::move(outcome));
}

}  // namespace coinfer::runtime
