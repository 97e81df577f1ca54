#include "runtime/compiled.hpp"

#include "coinfer/error.hpp"
#include "coinfer/node.hpp"
#include "coinfer/runtime.hpp"
#include "ops/op.hpp"
#include "passes/passes.hpp"
#include "runtime/cache_writer.hpp"
#include "runtime/live.hpp"
#include "runtime/model_cache.hpp"
#include "runtime/process.hpp"
#include "runtime/run.hpp"
#include "runtime/states.hpp"
#include "runtime/traced_run.hpp"

namespace coinfer::runtime {
namespace {

constexpr std::size_t min_cached_plans = 64;
constexpr std::size_t max_cached_bytes = std::size_t{256} << 20U;

void append_contents(PlanKey& key, const Tensor& tensor) {
  const auto bytes = tensor.byte_size();
  const auto words = (bytes + 7) / 8;
  const auto begin = key.size();
  key.resize(begin + words, 0);
  if (bytes != 0) {
    std::memcpy(&key[begin], tensor.data(), bytes);
  }
}

void make_key(PlanKey& key, std::uint32_t graph, std::size_t first_node,
              const std::vector<KnownValue>& known) {
  key.clear();
  key.push_back(static_cast<std::int64_t>(first_node) * (std::int64_t{1} << 24U) + graph);
  for (const auto& value : known) {
    const auto& shape = value.tensor.shape();
    key.push_back(shape.rank() * 2 + (value.shapes_plan ? 1 : 0));
    key.insert(key.end(), shape.begin(), shape.end());
    if (value.shapes_plan) {
      append_contents(key, value.tensor);
    }
  }
}

std::vector<ControlNode::Feed> feeds_of(const ops::LoopForm& form) {
  using Kind = ControlNode::Feed::Kind;
  std::vector<ControlNode::Feed> feeds(form.body->inputs.size());
  const auto set = [&](int input, Kind kind, std::size_t index) {
    if (input >= 0) {
      feeds[static_cast<std::size_t>(input)] = {kind, index};
    }
  };
  const auto set_all = [&](const auto& list, Kind kind) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      set(list[i].body_input, kind, i);
    }
  };
  set(form.iteration, Kind::iteration, 0);
  set(form.condition_in, Kind::condition, 0);
  set_all(form.wholes, Kind::whole);
  set_all(form.carried, Kind::carried);
  set_all(form.slices, Kind::slice);
  return feeds;
}

}  // namespace

namespace {

Prepared optimised(Prepared prepared) {
  // What is assigned to variables leaves the graph as outputs.
  for (const auto& variable : prepared.graph.variables) {
    if (variable.assigned) {
      prepared.graph.outputs.push_back(variable.assigned);
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  passes::optimise(prepared.graph);
  if (trace::on()) {
    trace::span(trace::this_thread(), trace::text("passes"), begin,
                std::chrono::steady_clock::now());
  }
  return prepared;
}

/// A compiled model's ports: the model's, with notes of their own where there are some.
std::vector<PortRef> own_ports(const Model& model, Node::Kind kind) {
  auto ports = kind == Node::Kind::parameter ? model.inputs() : model.outputs();
  for (auto& port : ports) {
    auto info = Node{model, kind, port->index}.rt_info({NotesPlace::Of::output, 0});
    if (!info.empty()) {
      auto noted = *port;
      noted.rt_info = std::make_shared<RtInfo>(std::move(info));
      port = std::make_shared<const Port>(std::move(noted));
    }
  }
  return ports;
}

}  // namespace

Prepared prepare(const Model& model) {
  return optimised({model.graph(),
                    model.friendly_name(),
                    own_ports(model, Node::Kind::parameter),
                    own_ports(model, Node::Kind::result),
                    {},
                    {}});
}

Prepared prepare(std::shared_ptr<graph::Graph> graph) {
  Prepared prepared;
  {
    const Model model{graph};
    prepared.name = model.friendly_name();
    prepared.inputs = own_ports(model, Node::Kind::parameter);
    prepared.outputs = own_ports(model, Node::Kind::result);
  }
  prepared.graph = std::move(*graph);
  return optimised(std::move(prepared));
}

Compiled::Compiled(Prepared prepared, const Config& config)
    : graph_{std::move(prepared.graph)},
      name_{std::move(prepared.name)},
      config_{config},
      inputs_{std::move(prepared.inputs)},
      outputs_{std::move(prepared.outputs)} {
  live::compiled_models.fetch_add(1, std::memory_order_relaxed);
  weights_.preload(std::move(prepared.packed));
  weights_.on_packed(frontends::drop_pages);
  find_assigned();
  add_state_inputs();
  number_bodies(graph_);
  std::vector<Stream*> free;
  for (int i = 0; i < config_.streams; ++i) {
    const auto threads = config_.threads_per_stream();
    streams_.push_back(std::make_unique<Stream>(
        threads, config_.pinning ? cores_of_stream(i, threads) : std::vector<int>{}));
    streams_.back()->number = i;
    free.push_back(streams_.back().get());
  }
  waiting_ = std::make_unique<WaitingRuns>(std::move(free), config_.threads_per_stream(),
                                           config_.priority);
}

void Compiled::find_assigned() {
  for (std::size_t i = 0; i < graph_.variables.size(); ++i) {
    if (graph_.variables[i].assigned) {
      assigned_.push_back(i);
    }
  }
}

std::size_t Compiled::variable(const graph::Node& node) const {
  const auto name = node.attributes.text("variable", "");
  const auto found = std::find_if(graph_.variables.begin(), graph_.variables.end(),
                                  [&](const auto& variable) { return variable.name == name; });
  if (found == graph_.variables.end()) {
    throw Error(fmt::format("the model has no variable '{}' ({})", name, graph::describe(node)));
  }
  return static_cast<std::size_t>(found - graph_.variables.begin());
}

/// A variable whose initial value is known beforehand is read as an input, which costs no stage.
void Compiled::add_state_inputs() {
  if (!graph_.variables.empty()) {
    before_states_ = graph_;
  }
  std::erase_if(graph_.nodes, [&](const graph::Node& node) {
    if (node.op->control != ops::Control::read) {
      return false;
    }
    const auto index = variable(node);
    if (node.has_input(0) && !graph_.is_constant(node.inputs[0])) {
      return false;
    }
    graph_.inputs.push_back(node.outputs[0]);
    state_inputs_.push_back(
        {index, node.has_input(0) ? graph_[node.inputs[0]].constant : Tensor{}});
    return true;
  });
}

void Compiled::number_bodies(const graph::Graph& graph) {
  graphs_.push_back(&graph);
  for (const auto& node : graph.nodes) {
    if (!ops::has_bodies(node)) {
      if (node.op->control == ops::Control::read && &graph != &graph_) {
        throw Unsupported(fmt::format("a variable is read in a body ({})", graph::describe(node)));
      }
      continue;
    }
    const auto number = [&](const std::shared_ptr<graph::Graph>& body) {
      const auto result = static_cast<std::uint32_t>(graphs_.size());
      number_bodies(*body);
      return result;
    };
    ControlNode control;
    if (node.op->control == ops::Control::branch) {
      control.bodies[0] = number(node.attributes.graph("then_branch"));
      control.bodies[1] = number(node.attributes.graph("else_branch"));
    } else {
      control.loop = ops::loop_form(node);
      control.feeds = feeds_of(control.loop);
      control.bodies[0] = number(control.loop.body);
    }
    control_nodes_.emplace(&node, std::move(control));
  }
}

Compiled::~Compiled() {
  live::compiled_models.fetch_sub(1, std::memory_order_relaxed);
  if (is_forked_child()) {
    // A thread that did not come along may hold TBB's locks, and for ever: arenas are leaked.
    for (auto& stream : streams_) {
      [[maybe_unused]] const auto* leaked = stream.release();
    }
  }
}

Stream::Bound& Compiled::bound_plan(Stream& stream, std::uint32_t graph, std::size_t first_node,
                                    const std::vector<KnownValue>& known) {
  make_key(stream.key, graph, first_node, known);
  if (auto* bound = stream.find(stream.key)) {
    return *bound;
  }
  const auto begin = std::chrono::steady_clock::now();
  auto stage = cached_or_built(stream, graph, first_node, known);
  if (trace::on()) {
    trace_build(*this, stream, begin);
  }
  return stream.add(stream.key, std::move(stage));
}

std::shared_ptr<const StagePlan> Compiled::cached_or_built(Stream& stream, std::uint32_t graph,
                                                           std::size_t first_node,
                                                           const std::vector<KnownValue>& known) {
  std::shared_ptr<CacheEntry> entry;
  {
    const std::lock_guard lock{mutex_};
    const auto found = cache_.find(stream.key);
    if (found != cache_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second);
    } else {
      recent_.emplace_front(stream.key, std::make_shared<CacheEntry>());
      cache_.emplace(stream.key, recent_.begin());
    }
    entry = recent_.front().second;
  }
  // Built once: others that need the same plan now wait for the first.
  const std::lock_guard building{entry->building};
  if (!entry->stage) {
    entry->stage = build(stream, graph, first_node, known);
    evict();
  }
  return entry->stage;
}

void Compiled::evict() {
  const std::lock_guard lock{mutex_};
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (auto entry = recent_.begin(); entry != recent_.end();) {
    // Entries still being built have no size yet.
    const std::unique_lock building{entry->second->building, std::try_to_lock};
    bytes += building && entry->second->stage ? entry->second->stage->plan->resident_bytes() : 0;
    ++count;
    if (count > min_cached_plans && bytes > max_cached_bytes && building) {
      cache_.erase(entry->first);
      entry = recent_.erase(entry);
    } else {
      ++entry;
    }
  }
}

std::shared_ptr<const StagePlan> Compiled::build(Stream& stream, std::uint32_t number,
                                                 std::size_t first_node,
                                                 const std::vector<KnownValue>& known) {
  const auto& graph = *graphs_[number];
  std::vector<plan::Known> given;
  given.reserve(known.size());
  for (const auto& value : known) {
    given.push_back({value.value, value.tensor.type(), value.tensor.shape(),
                     value.shapes_plan ? value.tensor : Tensor{}});
  }
  auto stage = std::make_shared<StagePlan>();
  stream.execute(stream.threads(), [&] {
    stage->plan = plan::build(graph, first_node, given, weights_, stream.threads(), config_.bf16);
  });
  plans_built_.fetch_add(1, std::memory_order_relaxed);
  for (const auto& warning : stage->plan->warnings()) {
    if (config_.warns) {
      fmt::print(stderr, "coinfer: {}: {}\n", name_, warning);
    }
  }

  const auto index_of = [](auto&& range, graph::ValueId id) {
    std::uint32_t i = 0;
    for (const auto& item : range) {
      if (item.value == id) {
        return i;
      }
      ++i;
    }
    return i;
  };
  const auto& plan = *stage->plan;
  for (const auto& input : plan.inputs()) {
    stage->sources.push_back(index_of(known, input.value));
  }
  stage->targets.resize(plan.outputs().size());
  for (std::size_t i = 0; i < plan.outputs().size(); ++i) {
    for (std::uint32_t k = 0; k < graph.outputs.size(); ++k) {
      if (graph.outputs[k] == plan.outputs()[i].value) {
        stage->targets[i].outputs.push_back(k);
      }
    }
  }
  if (plan.cut() != nullptr) {
    for (const auto id : plan.cut()->live) {
      const auto output = index_of(plan.outputs(), id);
      if (output < plan.outputs().size()) {
        stage->targets[output].carried = true;
        stage->live_from.push_back(static_cast<std::uint32_t>(known.size()) + output);
      } else {
        stage->live_from.push_back(index_of(known, id));
      }
    }
  }
  return stage;
}

void Compiled::keep_packed_by_runs(const ModelCache& cache) {
  if (!planned_ && cache.keeps_packed()) {
    behind_ = std::make_unique<ModelCache>(cache.kept());
    packed_before_runs_ = weights_.packings();
    awaits_run_.store(true, std::memory_order_release);
  }
}

void Compiled::after_first_run(const std::shared_ptr<Compiled>& compiled) {
  if (!compiled->awaits_run_.exchange(false, std::memory_order_acq_rel)) {
    return;
  }
  const auto cache = std::move(compiled->behind_);
  if (compiled->weights_.packings() != compiled->packed_before_runs_) {
    CacheWriter::instance().write(compiled, std::move(*cache));
  }
}

std::shared_ptr<Compiled> compile(const Model& model, Config config) {
  if (config.cache_directory.empty()) {
    return compile(prepare(model), config);
  }
  return compile(ModelCache{model, config}, config, [&](ModelCache&) { return prepare(model); });
}

std::shared_ptr<Compiled> compile(ModelCache cache, Config config,
                                  const std::function<Prepared(ModelCache&)>& make) {
  auto kept = cache.load();
  config.loaded_from_cache = kept.has_value();
  const bool has_run = kept && kept->has_run;
  if (kept) {
    cache.set_files(kept->sources);
  } else {
    kept = make(cache);
  }
  auto compiled = compile(std::move(*kept), config);
  if (!config.loaded_from_cache) {
    cache.store(*compiled);
  }
  if (!has_run) {
    compiled->keep_packed_by_runs(cache);
  }
  return compiled;
}

std::shared_ptr<Compiled> compile(Prepared prepared, const Config& config) {
  check_usable();
  auto compiled = std::make_shared<Compiled>(std::move(prepared), config);
  const auto& inputs = compiled->inputs();
  if (std::any_of(inputs.begin(), inputs.end(),
                  [](const PortRef& port) { return port->shape.is_dynamic(); })) {
    return compiled;
  }
  // The plan of a static model's first stage is built now, not by its first inference.
  const OperationRef first{new Operation{compiled}};
  std::vector<KnownValue> known;
  for (std::size_t i = 0; i < compiled->inputs().size(); ++i) {
    const auto& port = *compiled->inputs()[i];
    known.push_back({compiled->graph().inputs[i], Tensor{port.type, port.shape.to_shape()}, false});
  }
  for (const auto& read : compiled->state_inputs()) {
    known.push_back({compiled->graph().inputs[known.size()],
                     read.initial ? read.initial : States{compiled->graph()}.zeros(read.variable),
                     false});
  }
  auto& scheduler = process_scheduler();
  scheduler.acquire(*first, Scheduler::Purpose::compilation);
  try {
    const auto& bound = compiled->bound_plan(*RunFrame::stream(*first), 0, 0, known);
    if (bound.stage->plan->cut() == nullptr) {
      compiled->set_planned();
    }
  } catch (...) {
    scheduler.release(*first);
    throw;
  }
  scheduler.release(*first);
  return compiled;
}

}  // namespace coinfer::runtime
