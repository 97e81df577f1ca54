#include "coinfer/error.hpp"
#include "kernels/parallel.hpp"
#include "ops/op.hpp"
#include "passes/node.hpp"
#include "passes/passes.hpp"
#include "plan/attention.hpp"
#include "plan/fuse.hpp"
#include "plan/grouped.hpp"
#include "plan/lowering.hpp"
#include "plan/one_hot.hpp"
#include "plan/precision.hpp"
#include "plan/quantization.hpp"
#include "plan/simplify.hpp"

namespace coinfer::plan {
namespace {

/// Results computed while planning: shape arithmetic and small masks. What is larger is a step.
constexpr std::size_t max_known_bytes = std::size_t{1} << 20;
/// Element-operations below which a fork and join would cost more than the second thread saves.
constexpr double tiny_work = 64 * 1024;

double work_of(const graph::Graph& graph, const graph::Node& node) {
  double out = 0;
  for (const auto id : node.outputs) {
    out += id ? static_cast<double>(graph[id].shape.to_shape().elements()) : 0;
  }
  double in = 0;
  for (const auto id : node.inputs) {
    in += id && !graph.is_constant(id) ? static_cast<double>(graph[id].shape.to_shape().elements())
                                       : 0;
  }
  if (node.type == "QuantizedConv" || node.type == "QuantizedMatMul") {
    // Scales and zero points are no work.
    const auto weights = graph[node.inputs[3]].shape.to_shape();
    const auto x = graph[node.inputs[0]].shape.to_shape();
    const auto terms = node.type == "QuantizedConv"
                           ? weights.elements() / std::max<std::int64_t>(1, weights[0])
                       : x.empty() ? 1
                                   : x.back();
    return out * static_cast<double>(std::max<std::int64_t>(1, terms));
  }
  if (node.type == "MatMul" || node.type == "Gemm" || node.type == "Conv" ||
      node.type == "ConvTranspose") {
    const auto weights = graph[node.inputs[1]].shape.to_shape();
    const auto columns_of = [&] {
      if (weights.empty()) {
        return 1.0;
      }
      const bool first =
          node.type == "Conv" || (node.type == "Gemm" && node.attributes.integer("transB", 0) != 0);
      return static_cast<double>(first ? weights[0] : weights.back());
    };
    const double columns = columns_of();
    return out * std::max(1.0, static_cast<double>(weights.elements()) / std::max(1.0, columns));
  }
  if (node.type == "RNN" || node.type == "GRU" || node.type == "LSTM") {
    const auto x = graph[node.inputs[0]].shape.to_shape();
    const auto weights = graph[node.inputs[1]].shape.to_shape().elements() +
                         graph[node.inputs[2]].shape.to_shape().elements();
    const auto rows = x.empty() || x.back() == 0 ? 1 : x.elements() / x.back();
    return static_cast<double>(rows) * static_cast<double>(weights);
  }
  return std::max(in, out);
}

bool all_static(const graph::Graph& graph, const graph::Node& node) {
  return std::all_of(node.outputs.begin(), node.outputs.end(), [&](graph::ValueId id) {
    return !id || (graph[id].type != ElementType::dynamic && graph[id].shape.is_static());
  });
}

}  // namespace

/// Builds one stage: specialises the graph, cuts it, and lowers what is left.
class Builder {
 public:
  Builder(const graph::Graph& graph, std::size_t first, std::span<const Known> known)
      : original_{graph}, first_{first}, known_{known}, graph_{graph} {}

  /// `why_f32`: why it is not in bf16 though it was to be.
  std::shared_ptr<Plan> build(Weights& weights, int threads, bool bf16,
                              const std::string& why_f32 = {}) {
    for (const auto& known : known_) {
      auto& value = graph_[known.value];
      value.type = known.type;
      value.shape = PartialShape{known.shape};
      value.constant = known.contents;
    }
    const auto end = specialise();
    auto plan = std::make_shared<Plan>();
    for (const auto& known : known_) {
      plan->inputs_.push_back({known.value, known.type, known.shape, graph_[known.value].name});
    }
    find_outputs(*plan, end);
    std::vector<graph::ValueId> outputs;
    for (const auto& port : plan->outputs_) {
      outputs.push_back(port.value);
    }
    // The rest of the stage is a graph of its own.
    graph_.nodes.erase(graph_.nodes.begin() + static_cast<std::ptrdiff_t>(end), graph_.nodes.end());
    graph_.nodes.erase(graph_.nodes.begin(),
                       graph_.nodes.begin() + static_cast<std::ptrdiff_t>(first_));
    graph_.outputs = outputs;
    passes::remove_dead(graph_);
    simplify(graph_);
    look_up_one_hot(graph_);
    fuse(graph_);
    keep_quantized(graph_);
    double work = 0;
    for (const auto& node : graph_.nodes) {
      work += work_of(graph_, node);
    }
    if (bf16 && work >= tiny_work && has_bf16()) {
      if (has_amx()) {
        join_groups(graph_);
      }
      lower_precision(graph_);
      join_attention(graph_, ElementType::bf16);
    }
    join_attention(graph_, ElementType::f32);
    if (work < tiny_work && threads > 1) {
      kernels::Arena arena{1};
      arena.execute([&] { lower(*plan, outputs, weights, 1); });
    } else {
      lower(*plan, outputs, weights, threads);
    }
    if (!why_f32.empty()) {
      plan->warnings_.push_back("a stage is computed in f32: " + why_f32);
    }
    warn_of_slow_steps(*plan);
    return plan;
  }

 private:
  /// Reference implementations of oneDNN, and products by plain loops.
  static void warn_of_slow_steps(Plan& plan) {
    constexpr double slow_flops = 1e6;
    for (const auto& info : plan.infos_) {
      const std::string_view how = info.implementation;
      const bool is_reference = how.starts_with("ref") || how.starts_with("simple");
      const bool is_product =
          how == "kernel" && (info.type.starts_with("Conv") || info.type.starts_with("MatMul") ||
                              info.type.starts_with("Gemm"));
      if (is_product || (is_reference && info.flops >= slow_flops)) {
        plan.warnings_.push_back(fmt::format("{} ({}) is computed by a slow implementation: {}",
                                             info.node, info.type,
                                             is_product ? "plain loops" : info.implementation));
      }
    }
  }

  /// Infers from `first_` on with all that is known; returns the index of the node before which the
  /// stage ends.
  std::size_t specialise() {
    for (auto i = first_; i < graph_.nodes.size(); ++i) {
      auto& node = graph_.nodes[i];
      if (node.op != nullptr && node.op->control != ops::Control::none) {
        cut_ = std::make_unique<Cut>();
        cut_->control_next = true;
        cut_->next_node = i;
        return i;
      }
      const auto wanted = passes::infer_node(graph_, node);
      const bool is_known =
          std::all_of(node.outputs.begin(), node.outputs.end(),
                      [&](graph::ValueId id) { return !id || graph_.is_constant(id); });
      if (is_known || passes::fold_node(graph_, node, max_known_bytes)) {
        continue;
      }
      if (!wanted.empty()) {
        cut_ = std::make_unique<Cut>();
        for (const auto input : wanted) {
          cut_->known.push_back(node.inputs[input]);
        }
      } else if (node.op->kernel == nullptr && node.op->evaluate != nullptr) {
        cut_ = std::make_unique<Cut>();
        cut_->evaluate_next = true;
      } else if (!all_static(graph_, node)) {
        throw Error(fmt::format("the shape of its result cannot be determined ({})",
                                graph::describe(node)));
      }
      if (cut_) {
        cut_->next_node = i;
        return i;
      }
    }
    return graph_.nodes.size();
  }

  void find_outputs(Plan& plan, std::size_t end) {
    enum : std::uint8_t { unknown, given, made };
    std::vector<std::uint8_t> state(graph_.values.size(), unknown);
    for (const auto& known : known_) {
      state[known.value.index] = given;
    }
    for (auto i = first_; i < end; ++i) {
      for (const auto id : graph_.nodes[i].outputs) {
        if (id) {
          state[id.index] = made;
        }
      }
    }
    const auto add = [&](graph::ValueId id) {
      const auto& value = graph_[id];
      plan.outputs_.push_back({id, value.type, value.shape.to_shape(), value.name});
    };
    std::vector<bool> is_output(graph_.values.size(), false);
    for (const auto id : original_.outputs) {
      // Inputs and constants that are outputs leave with the first stage.
      const bool passed_on = first_ == 0 && (state[id.index] == given || original_.is_constant(id));
      if (state[id.index] == made || passed_on) {
        add(id);
        is_output[id.index] = true;
      }
    }
    if (!cut_) {
      return;
    }
    std::vector<bool> live(graph_.values.size(), false);
    const auto need = [&](graph::ValueId id) {
      if (!id || live[id.index] || state[id.index] == unknown) {
        return;
      }
      live[id.index] = true;
      cut_->live.push_back(id);
      if (state[id.index] == made && !is_output[id.index]) {
        add(id);
        is_output[id.index] = true;
      }
    };
    for (auto i = end; i < graph_.nodes.size(); ++i) {
      for (const auto id : graph_.nodes[i].inputs) {
        need(id);
        // What this stage knew from shapes, the next one has to know too.
        if (id && state[id.index] == made && graph_.is_constant(id) &&
            graph_[id].constant.byte_size() <= 1024 &&
            std::find(cut_->known.begin(), cut_->known.end(), id) == cut_->known.end()) {
          cut_->known.push_back(id);
        }
      }
    }
    for (const auto& known : known_) {
      if (known.contents && live[known.value.index] &&
          std::find(cut_->known.begin(), cut_->known.end(), known.value) == cut_->known.end()) {
        cut_->known.push_back(known.value);
      }
    }
    plan.cut_ = std::move(cut_);
  }

  void lower(Plan& plan, std::span<const graph::ValueId> outputs, Weights& weights, int threads) {
    Lowering lowering{graph_, known_, outputs, weights, threads};
    for (const auto& node : graph_.nodes) {
      try {
        lowering.lower(node);
      } catch (const dnnl::error& error) {
        throw Error(fmt::format("{} ({})", error.what(), graph::describe(node)));
      }
    }
    lowering.finish();
    plan.threads_ = threads;
    plan.sections_ = find_sections(lowering.steps());
    plan.scratch_bytes_ = plan_memory(lowering.steps(), plan.sections_, lowering.block_bytes());
    plan.steps_ = std::move(lowering.steps());
    plan.infos_ = std::move(lowering.infos());
    plan.layout_ = std::make_unique<Plan::Layout>(std::move(lowering.layout()));
    // A primitive with its code and arguments, and what was computed while planning.
    plan.resident_bytes_ = plan.steps_.size() * 4096;
    for (std::size_t i = 0; i < original_.values.size(); ++i) {
      const auto& constant = graph_.values[i].constant;
      if (constant && !original_.values[i].constant) {
        plan.resident_bytes_ += constant.byte_size();
      }
    }
  }

  const graph::Graph& original_;
  const std::size_t first_;
  const std::span<const Known> known_;
  graph::Graph graph_;
  std::unique_ptr<Cut> cut_;
};

std::shared_ptr<const Plan> build(const graph::Graph& graph, std::size_t first_node,
                                  std::span<const Known> known, Weights& weights, int threads,
                                  bool bf16) {
  std::string why_f32;
  if (bf16) {
    try {
      return Builder{graph, first_node, known}.build(weights, threads, true);
    } catch (const Error& error) {
      // Something of the stage cannot be computed in bf16: it runs in f32, or says what is wrong.
      why_f32 = error.what();
    }
  }
  return Builder{graph, first_node, known}.build(weights, threads, false, why_f32);
}

Plan::Plan() = default;
Plan::~Plan() = default;

}  // namespace coinfer::plan
