// The stages of a run, level by level.
#include "coinfer/error.hpp"
#include "ops/op.hpp"
#include "runtime/loop.hpp"
#include "runtime/loop_in_place.hpp"
#include "runtime/run.hpp"
#include "runtime/traced_run.hpp"

namespace coinfer::runtime {
namespace {

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

Tensor& output_of(Operation& operation, Level& level, std::size_t index) {
  return level.is_body() || index >= operation.outputs.size() ? level.outputs[index]
                                                              : operation.outputs[index];
}

/// Where a stage writes an output: the caller's tensor when it can be written directly.
Tensor& prepared_output(Operation& operation, Level& level, std::size_t index, ElementType type,
                        const Shape& shape) {
  auto& output = output_of(operation, level, index);
  if (!output) {
    output = Tensor{type, shape};
  } else if (output.type() != type) {
    throw Error(fmt::format("result {} is {}, the tensor for it {}", index, name_of(type),
                            name_of(output.type())));
  } else if (output.shape() != shape) {
    output.set_shape(shape);
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

void add_live_values(Level& level, const StagePlan& stage, const plan::Cut& cut,
                     const std::vector<Tensor>& carried) {
  level.next.clear();
  for (std::size_t i = 0; i < cut.live.size(); ++i) {
    const auto from = stage.live_from[i];
    const bool shapes =
        std::find(cut.known.begin(), cut.known.end(), cut.live[i]) != cut.known.end();
    const auto tensor =
        from < level.known.size() ? level.known[from].tensor : carried[from - level.known.size()];
    level.next.push_back({cut.live[i], tensor, shapes && !cut.evaluate_next});
  }
}

/// A value that the node after a stage reads; a null tensor for an input that is left out.
KnownValue input_of(const graph::Graph& graph, const Level& level, const graph::Node& node,
                    std::size_t i) {
  const auto id = node.inputs[i];
  if (graph.is_constant(id)) {
    return {id, graph[id].constant, false};
  }
  const auto found = std::find_if(level.next.begin(), level.next.end(),
                                  [&](const KnownValue& known) { return known.value == id; });
  return found != level.next.end() ? *found : KnownValue{id, {}, false};
}

/// Gives a model's output its value; late, when later stages may still read what lies there.
void put_output(Operation& operation, Level& level, std::size_t index, const Tensor& value) {
  auto& output = prepared_output(operation, level, index, value.type(), value.shape());
  if (overlaps_an_input(operation, output)) {
    Tensor kept{value.type(), value.shape()};
    value.copy_to(kept);
    RunFrame::of(operation).late_outputs.emplace_back(index, std::move(kept));
  } else {
    value.copy_to(output);
  }
}

/// The results of a node that is run between two stages; the next one begins behind it.
void take_results(Operation& operation, Level& level, const graph::Node& node,
                  std::span<const Tensor> results) {
  const auto& graph = operation.model()->graph(level.graph);
  for (std::size_t i = 0; i < node.outputs.size() && i < results.size(); ++i) {
    if (!node.outputs[i]) {
      continue;
    }
    level.next.push_back({node.outputs[i], results[i], false});
    for (std::size_t k = 0; k < graph.outputs.size(); ++k) {
      if (graph.outputs[k] != node.outputs[i]) {
        continue;
      }
      if (level.is_body()) {
        level.outputs[k] = results[i];
      } else {
        put_output(operation, level, k, results[i]);
      }
    }
  }
  ++level.first_node;
  level.known.swap(level.next);
}

/// Runs the operator whose output shapes depend on its input values, between two stages.
void evaluate_between(Operation& operation, Level& level) {
  const auto& graph = operation.model()->graph(level.graph);
  const auto& node = graph.nodes[level.first_node];
  std::vector<Tensor> inputs;
  inputs.reserve(node.inputs.size());
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    inputs.push_back(input_of(graph, level, node, i).tensor);
  }
  take_results(operation, level, node, node.op->evaluate(node, inputs));
}

/// A value that is several outputs was written to the first of them.
void put_duplicates(Operation& operation, Level& level, const StagePlan& stage) {
  const auto& written = RunFrame::stream(operation)->output_pointers;
  for (std::size_t i = 0; i < stage.targets.size(); ++i) {
    const auto& same = stage.targets[i].outputs;
    const auto& spec = stage.plan->outputs()[i];
    for (std::size_t k = 1; k < same.size(); ++k) {
      const auto& output = output_of(operation, level, same[k]);
      if (output && output.data() == written[i]) {
        continue;
      }
      const auto bytes = static_cast<std::size_t>(spec.shape.elements()) * size_of(spec.type);
      put_output(operation, level, same[k],
                 Tensor{spec.type, spec.shape, Memory::wrap(written[i], bytes, nullptr, true)});
    }
  }
}

/// Runs one stage on the leased stream. Returns the cut after it, null when it was the last.
const plan::Cut* run_stage(Operation& operation, Level& level) {
  auto& stream = *RunFrame::stream(operation);
  auto& bound = operation.model()->bound_plan(stream, level.graph, level.first_node, level.known);
  const auto& stage = *bound.stage;
  const auto& plan = *stage.plan;

  stream.input_pointers.clear();
  Tensor copy;
  for (const auto source : stage.sources) {
    stream.input_pointers.push_back(dense(level.known[source].tensor, copy).data());
  }
  stream.output_pointers.clear();
  std::vector<Tensor> carried;
  for (std::size_t i = 0; i < stage.targets.size(); ++i) {
    const auto& target = stage.targets[i];
    const auto& spec = plan.outputs()[i];
    Tensor destination;
    if (target.outputs.empty()) {
      destination = Tensor{spec.type, spec.shape};
    } else {
      destination = prepared_output(operation, level, target.outputs[0], spec.type, spec.shape);
      if (!level.is_body() &&
          (!destination.is_continuous() || overlaps_an_input(operation, destination))) {
        destination = Tensor{spec.type, spec.shape};
        RunFrame::of(operation).late_outputs.emplace_back(target.outputs[0], destination);
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
    RunFrame::of(operation).profile.add(bound.stage, stream.step_times);
  }
  if (end == plan::Instance::End::stopped) {
    throw Cancelled{};
  }
  put_duplicates(operation, level, stage);
  if (plan.cut() == nullptr) {
    return nullptr;
  }
  add_live_values(level, stage, *plan.cut(), carried);
  return plan.cut();
}

/// What a variable holds when a run begins.
Tensor state_of(Operation& operation, std::size_t variable, Tensor initial) {
  const auto* states = RunFrame::of(operation).states;
  if (states != nullptr && states->value(variable)) {
    return states->value(variable);
  }
  return initial ? initial : States{operation.model()->graph()}.zeros(variable);
}

/// Enters a body, which reads `known`.
void enter(Operation& operation, std::uint32_t number, std::vector<KnownValue>& known) {
  auto& level = RunFrame::of(operation).levels.push(number);
  level.known.swap(known);
  level.outputs.assign(operation.model()->graph(number).outputs.size(), {});
}

void enter_branch(Operation& operation, Level& level) {
  const auto& graph = operation.model()->graph(level.graph);
  const auto& node = *level.node;
  const auto condition = input_of(graph, level, node, 0).tensor;
  const auto& control = operation.model()->control(node);
  const auto number = control.bodies[holds(condition, node) ? 0 : 1];
  const auto& body = operation.model()->graph(number);
  std::vector<KnownValue> known;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    known.push_back(input_of(graph, level, node, i));
    known.back().value = body.inputs[i - 1];
  }
  enter(operation, number, known);
}

/// Runs a loop's next iterations in place, enters the body for its next one, or ends it.
void continue_loop(Operation& operation, Level& level, std::span<const Tensor> last) {
  auto& loop = level.loop;
  if (has_next(loop) && loop.in_place) {
    iterate_in_place(operation, loop);
    last = loop.last;
  }
  if (!has_next(loop)) {
    const auto& body = operation.model()->graph(loop.control->bodies[0]);
    const auto results = end_loop(loop, *level.node, body, last);
    const auto& node = *std::exchange(level.node, nullptr);
    loop.clear();
    take_results(operation, level, node, results);
    return;
  }
  if (loop.in_place) {
    return;
  }
  set_iteration(loop);
  auto known = loop.known;
  using Kind = ControlNode::Feed::Kind;
  for (std::size_t i = 0; i < known.size(); ++i) {
    const auto& feed = loop.control->feeds[i];
    if (feed.kind == Kind::carried) {
      known[i].tensor = loop.carried[feed.index];
    } else if (feed.kind == Kind::slice) {
      const auto& slices = loop.slices[feed.index];
      known[i].tensor = Tensor{slices.source.type(), slices.part,
                               Memory::wrap(slice_at(loop, feed.index), known[i].tensor.byte_size(),
                                            std::make_shared<Tensor>(slices.source), true)};
    }
  }
  enter(operation, loop.control->bodies[0], known);
}

void begin_control(Operation& operation, Level& level) {
  auto& model = *operation.model();
  const auto& graph = model.graph(level.graph);
  const auto& node = graph.nodes[level.first_node];
  if (node.op->control == ops::Control::read) {
    auto initial = node.has_input(0) ? input_of(graph, level, node, 0).tensor : Tensor{};
    const Tensor value[] = {state_of(operation, model.variable(node), std::move(initial))};
    take_results(operation, level, node, value);
    return;
  }
  level.node = &node;
  if (node.op->control == ops::Control::branch) {
    enter_branch(operation, level);
    return;
  }
  const auto& control = model.control(node);
  begin_loop(level.loop, control, node, model.graph(control.bodies[0]),
             [&](std::size_t i) { return input_of(graph, level, node, i); });
  level.loop.in_place = has_next(level.loop) && runs_in_place(operation, level.loop);
  continue_loop(operation, level, {});
}

/// The body of the level's loop has made `outputs`.
void end_iteration(Operation& operation, Level& level, std::span<const Tensor> outputs) {
  auto& loop = level.loop;
  const auto& form = loop.control->loop;
  for (std::size_t i = 0; i < form.stacks.size(); ++i) {
    const auto& part = outputs[static_cast<std::size_t>(form.stacks[i].body_output)];
    auto* to = room_in_stack(loop, i, part.type(), part.shape(), *level.node);
    if (part.byte_size() != 0) {
      std::memcpy(to, part.data(), part.byte_size());
    }
  }
  for (std::size_t i = 0; i < form.carried.size(); ++i) {
    loop.carried[i] = outputs[static_cast<std::size_t>(form.carried[i].body_output)];
  }
  if (form.condition_out >= 0) {
    loop.condition = holds(outputs[static_cast<std::size_t>(form.condition_out)], *level.node);
  }
  ++loop.iteration;
  continue_loop(operation, level, outputs);
}

/// Leaves the body that has ended.
void leave(Operation& operation) {
  auto& levels = RunFrame::of(operation).levels;
  const auto outputs = std::move(levels.top().outputs);
  levels.pop();
  auto& level = levels.top();
  if (level.node->op->control == ops::Control::loop) {
    end_iteration(operation, level, outputs);
    return;
  }
  const auto& node = *std::exchange(level.node, nullptr);
  take_results(operation, level, node, outputs);
}

}  // namespace

void begin_levels(Operation& operation) {
  auto& frame = RunFrame::of(operation);
  frame.let_go();
  auto& level = frame.levels.push(0);
  const auto& graph = operation.model()->graph();
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    if (i < operation.inputs.size()) {
      level.known.push_back({graph.inputs[i], operation.inputs[i], false});
      continue;
    }
    const auto& read = operation.model()->state_inputs()[i - operation.inputs.size()];
    level.known.push_back(
        {graph.inputs[i], state_of(operation, read.variable, read.initial), false});
  }
  auto* states = frame.states;
  level.outputs.resize(graph.outputs.size());
  const auto& assigned = operation.model()->assigned();
  for (std::size_t i = 0; states != nullptr && i < assigned.size(); ++i) {
    level.outputs[operation.outputs.size() + i] = states->take_spare(assigned[i]);
  }
}

void end_levels(Operation& operation) {
  auto& frame = RunFrame::of(operation);
  for (const auto& [index, tensor] : frame.late_outputs) {
    tensor.copy_to(operation.outputs[index]);
  }
  const auto& assigned = operation.model()->assigned();
  for (std::size_t i = 0; frame.states != nullptr && i < assigned.size(); ++i) {
    frame.states->store(assigned[i],
                        std::move(frame.levels.top().outputs[operation.outputs.size() + i]));
  }
}

bool advance(Operation& operation) {
  auto& levels = RunFrame::of(operation).levels;
  auto& level = levels.top();
  if (level.node != nullptr) {
    continue_loop(operation, level, {});
    return true;
  }
  const auto* cut = run_stage(operation, level);
  if (cut == nullptr) {
    if (!levels.is_body()) {
      return false;
    }
    leave(operation);
    return true;
  }
  level.first_node = cut->next_node;
  if (cut->evaluate_next) {
    evaluate_between(operation, level);
  } else if (cut->control_next) {
    begin_control(operation, level);
  } else {
    level.known.swap(level.next);
  }
  return true;
}

}  // namespace coinfer::runtime
