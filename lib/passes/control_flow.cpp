#include "passes/control_flow.hpp"

#include "coinfer/error.hpp"
#include "ops/control_flow.hpp"
#include "ops/op.hpp"
#include "passes/node.hpp"
#include "passes/passes.hpp"

namespace coinfer::passes {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;
using graph::ValueId;

/// Loops nested deeper than this are not iterated until shapes settle: their number of inferences
/// would grow exponentially.
constexpr int max_widened_height = 3;

int height_of(const Graph& graph) {
  int height = 0;
  for (const auto& node : graph.nodes) {
    for (const auto& [name, body] : ops::bodies_of(node)) {
      height = std::max(height, 1 + height_of(*body));
    }
  }
  return height;
}

[[noreturn]] void fail(const Node& node, const std::string& text) {
  throw Error(fmt::format("{} ({})", text, graph::describe(node)));
}

/// The type of a value that is one or the other.
ElementType common_type(const Node& node, ElementType a, ElementType b, std::string_view what) {
  if (a != ElementType::dynamic && b != ElementType::dynamic && a != b) {
    fail(node, fmt::format("{} is of type {} or of type {}", what, name_of(a), name_of(b)));
  }
  return a != ElementType::dynamic ? a : b;
}

/// The least shape that holds both.
PartialShape common_shape(const PartialShape& a, const PartialShape& b) {
  if (!a.has_rank() || !b.has_rank() || a.rank() != b.rank()) {
    return PartialShape::dynamic();
  }
  auto shape = a;
  for (std::size_t i = 0; i < a.dimensions().size(); ++i) {
    shape[i] = Dimension{std::min(a[i].min_length(), b[i].min_length()),
                         std::max(a[i].max_length(), b[i].max_length())};
  }
  return shape;
}

/// A shape that differs from one iteration to the next, as open as it has to be.
PartialShape widened(const PartialShape& a, const PartialShape& b) {
  if (!a.has_rank() || !b.has_rank() || a.rank() != b.rank()) {
    return PartialShape::dynamic();
  }
  auto shape = a;
  for (std::size_t i = 0; i < a.dimensions().size(); ++i) {
    if (a[i] != b[i]) {
      shape[i] = Dimension{};
    }
  }
  return shape;
}

void feed(Value& to, const Value& from) {
  to.type = from.type;
  to.shape = from.shape;
  to.constant = from.constant;
}

constexpr const char* branch_names[] = {"then_branch", "else_branch"};

std::shared_ptr<Graph> checked_branch(const Node& node, const char* name) {
  auto body = node.attributes.graph(name);
  if (body == nullptr) {
    fail(node, fmt::format("the attribute '{}' is missing", name));
  }
  if (!node.has_input(0) || node.inputs.size() != body->captures + 1 ||
      body->inputs.size() != body->captures) {
    fail(node, "a condition was expected as its only input, and branches without inputs");
  }
  if (node.outputs.size() > body->outputs.size()) {
    fail(node, fmt::format("its '{}' has {} outputs; {} were expected", name, body->outputs.size(),
                           node.outputs.size()));
  }
  return std::make_shared<Graph>(*body);
}

/// A branch that cannot run with these shapes may be one that is never chosen: then its results
/// are not known, and it fails when it is run.
void infer_branches(Graph& graph, Node& node) {
  checked_branch(node, branch_names[0]);
  const auto& condition = graph[node.inputs[0]];
  if (condition.type != ElementType::boolean && condition.type != ElementType::dynamic) {
    fail(node,
         fmt::format("its condition is of type {}; boolean was expected", name_of(condition.type)));
  }
  const auto chosen = condition.constant && condition.constant.size() == 1
                          ? std::optional{*condition.constant.data<bool>() ? 0 : 1}
                          : std::nullopt;
  std::shared_ptr<Graph> inferred[2];
  std::exception_ptr error;
  for (int branch = 0; branch < 2; ++branch) {
    auto body = checked_branch(node, branch_names[branch]);
    if (chosen.value_or(branch) != branch) {
      continue;
    }
    for (std::size_t i = 0; i < body->inputs.size(); ++i) {
      feed((*body)[body->inputs[i]], graph[node.inputs[i + 1]]);
    }
    try {
      infer(*body, false);
    } catch (const Error&) {
      error = std::current_exception();
      continue;
    }
    node.attributes.set(branch_names[branch], body);
    inferred[branch] = std::move(body);
  }
  if (!inferred[0] && !inferred[1]) {
    std::rethrow_exception(error);
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (!node.outputs[i]) {
      continue;
    }
    auto& value = graph[node.outputs[i]];
    value.type = ElementType::dynamic;
    value.shape = PartialShape::dynamic();
    for (const auto& body : inferred) {
      if (body) {
        value.type = common_type(node, value.type, (*body)[body->outputs[i]].type,
                                 fmt::format("the output {}", i));
      }
    }
    if (error == nullptr) {
      const auto& first = *(inferred[0] ? inferred[0] : inferred[1]);
      const auto& second = *(inferred[1] ? inferred[1] : inferred[0]);
      value.shape = common_shape(first[first.outputs[i]].shape, second[second.outputs[i]].shape);
    }
  }
}

/// Inference of one loop: of its body again and again until carried shapes hold for all iterations.
class LoopInference {
 public:
  LoopInference(Graph& graph, Node& node)
      : graph_{graph}, node_{node}, form_{ops::loop_form(node)}, pristine_{form_.body} {}

  void run() {
    const bool widen_at_once = height_of(*pristine_) > max_widened_height;
    for (const auto& one : form_.carried) {
      const auto& initial = outer(one.node_input);
      types_.push_back(initial.type);
      shapes_.push_back(widen_at_once ? PartialShape::dynamic() : initial.shape);
    }
    // Each round widens an extent or a rank of some value, for the last time a rank.
    for (int round = 0; !infer_once(); ++round) {
      if (round > 2) {
        std::fill(shapes_.begin(), shapes_.end(), PartialShape::dynamic());
      }
    }
    for (const auto& [name, body] : ops::bodies_of(node_)) {
      node_.attributes.set(name, body_);
    }
    set_outputs();
  }

 private:
  const Value& outer(int input) const {
    return graph_[node_.inputs[static_cast<std::size_t>(input)]];
  }
  Value& inner(int input) { return (*body_)[body_->inputs[static_cast<std::size_t>(input)]]; }
  const Value& made(int output) const {
    return (*body_)[body_->outputs[static_cast<std::size_t>(output)]];
  }

  /// Whether the carried shapes hold.
  bool infer_once() {
    body_ = std::make_shared<Graph>(*pristine_);
    for (const auto& one : form_.wholes) {
      feed(inner(one.body_input), outer(one.node_input));
    }
    for (std::size_t i = 0; i < form_.carried.size(); ++i) {
      feed(inner(form_.carried[i].body_input), Value{{}, types_[i], shapes_[i], {}});
    }
    for (const auto& one : form_.slices) {
      const auto& whole = outer(one.node_input);
      feed(inner(one.body_input), Value{{}, whole.type, part_of(one.walk, whole.shape), {}});
    }
    if (form_.iteration >= 0) {
      auto& number = inner(form_.iteration);
      number.type = number.type == ElementType::dynamic ? ElementType::i64 : number.type;
      number.shape = number.shape.is_static() ? number.shape : PartialShape{};
    }
    if (form_.condition_in >= 0) {
      auto& condition = inner(form_.condition_in);
      condition.type = ElementType::boolean;
      condition.shape = condition.shape.is_static() ? condition.shape : PartialShape{};
      // The body is run only when it holds.
      condition.constant = filled(condition.shape.to_shape());
    }
    infer(*body_, false);
    bool holds = true;
    for (std::size_t i = 0; i < form_.carried.size(); ++i) {
      const auto& result = made(form_.carried[i].body_output);
      types_[i] = common_type(
          node_, types_[i], result.type,
          fmt::format("the value carried by output {} of its body", form_.carried[i].body_output));
      auto wide = widened(shapes_[i], result.shape);
      if (!(wide == shapes_[i])) {
        shapes_[i] = std::move(wide);
        holds = false;
      }
    }
    return holds;
  }

  static Tensor filled(const Shape& shape) {
    Tensor tensor{ElementType::boolean, shape};
    std::fill_n(tensor.data<bool>(), tensor.size(), true);
    return tensor;
  }

  PartialShape part_of(const ops::Walk& walk, const PartialShape& whole) const {
    if (!whole.has_rank()) {
      return whole;
    }
    auto dims = whole.dimensions();
    const auto axis = ops::axis_of(walk, whole.rank());
    if (walk.keeps_axis) {
      dims[axis] = Dimension{walk.part};
    } else {
      dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
    }
    return PartialShape{dims};
  }

  /// How many iterations there are, as far as it is known.
  Dimension iterations() const {
    const auto known = [&](int input) -> const Tensor* {
      return input >= 0 && outer(input).constant ? &outer(input).constant : nullptr;
    };
    std::int64_t most = Dimension::unbounded;
    bool exact = false;
    if (const auto* count = known(form_.trip_count);
        count != nullptr && count->type() == ElementType::i64 && count->size() == 1 &&
        *count->data<std::int64_t>() >= 0) {
      most = *count->data<std::int64_t>();
      exact = true;
    }
    for (const auto& one : form_.slices) {
      const auto& shape = outer(one.node_input).shape;
      if (!shape.has_rank() || shape[ops::axis_of(one.walk, shape.rank())].is_dynamic()) {
        continue;
      }
      const auto extent = shape[ops::axis_of(one.walk, shape.rank())].length();
      most = std::min(most, ops::parts_of(one.walk, extent));
      exact = true;
    }
    const auto holds = [](const Tensor& condition) {
      return condition.type() == ElementType::boolean && condition.size() == 1 &&
             *condition.data<bool>();
    };
    if (form_.condition >= 0) {
      const auto* condition = known(form_.condition);
      exact = exact && condition != nullptr && holds(*condition);
    }
    if (form_.condition_out >= 0) {
      const auto& condition = made(form_.condition_out).constant;
      exact = exact && condition && holds(condition);
    }
    return exact ? Dimension{most} : Dimension{0, most};
  }

  void set_outputs() {
    const auto count = iterations();
    const auto output = [&](int index) -> Value* {
      const auto id = node_.outputs[static_cast<std::size_t>(index)];
      return id ? &graph_[id] : nullptr;
    };
    for (const auto& one : form_.lasts) {
      if (auto* value = output(one.node_output)) {
        const auto& result = made(one.body_output);
        value->type = result.type;
        value->shape = result.shape;
        if (const auto* carried = form_.carried_as(one.body_output)) {
          const auto at = static_cast<std::size_t>(carried - form_.carried.data());
          value->type = types_[at];
          if (count.min_length() == 0) {
            value->shape = common_shape(result.shape, outer(carried->node_input).shape);
          }
        }
      }
    }
    for (const auto& one : form_.stacks) {
      auto* value = output(one.node_output);
      if (value == nullptr) {
        continue;
      }
      const auto& result = made(one.body_output);
      value->type = result.type;
      value->shape = PartialShape::dynamic();
      if (!result.shape.has_rank()) {
        continue;
      }
      auto dims = result.shape.dimensions();
      if (one.walk.keeps_axis) {
        const auto axis = ops::axis_of(one.walk, result.shape.rank());
        std::int64_t whole = 0;
        if (!count.is_static() || dims[axis].is_dynamic()) {
          dims[axis] = Dimension{};
        } else if (__builtin_mul_overflow(dims[axis].length(), count.length(), &whole)) {
          fail(node_, fmt::format("{} parts of {} elements are too many", count.length(),
                                  dims[axis].length()));
        } else {
          dims[axis] = Dimension{whole};
        }
      } else {
        const auto axis = ops::axis_of(one.walk, result.shape.rank() + 1);
        dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), count);
      }
      value->shape = PartialShape{dims};
      if (value->shape.is_static()) {
        value->shape.to_shape().elements();  // throws when they cannot be counted
      }
    }
  }

  Graph& graph_;
  Node& node_;
  const ops::LoopForm form_;
  const std::shared_ptr<Graph> pristine_;
  std::shared_ptr<Graph> body_;
  std::vector<ElementType> types_;
  std::vector<PartialShape> shapes_;
};

/// Puts the nodes of a branch in place of its If.
void splice(Graph& graph, const Node& node, const Graph& body, std::vector<Node>& nodes) {
  std::vector<ValueId> place(body.values.size());
  for (std::size_t i = 0; i < body.inputs.size(); ++i) {
    place[body.inputs[i].index] = node.inputs[i + 1];
  }
  const auto placed = [&](ValueId id) {
    if (!id) {
      return id;
    }
    if (!place[id.index]) {
      place[id.index] = graph.add(body[id]);
    }
    return place[id.index];
  };
  for (const auto& inner : body.nodes) {
    auto copy = inner;
    for (auto& id : copy.inputs) {
      id = placed(id);
    }
    for (auto& id : copy.outputs) {
      id = placed(id);
    }
    nodes.push_back(std::move(copy));
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (!node.outputs[i]) {
      continue;
    }
    Node result;
    result.name = node.name;
    result.type = "Identity";
    result.opset = 16;
    result.op = ops::Registry::instance().find("", result.type, result.opset);
    result.inputs = {placed(body.outputs[i])};
    result.outputs = {node.outputs[i]};
    nodes.push_back(std::move(result));
  }
}

bool is_branch(const Node& node) {
  return node.op != nullptr && node.op->control == ops::Control::branch;
}

/// Captures that are constants become the body's own.
void move_constants_in(Graph& graph, Node& node) {
  const auto bodies = ops::bodies_of(node);
  const auto captures = bodies.front().second->captures;
  const auto first = node.inputs.size() - captures;
  std::vector<bool> keep(captures, false);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < captures; ++i) {
    const auto& outer = graph[node.inputs[first + i]];
    for (const auto& [name, body] : bodies) {
      const auto id = body->inputs[body->inputs.size() - captures + i];
      if (outer.constant) {
        feed((*body)[id], outer);
        continue;
      }
      const auto reads = [&](const Node& inner) {
        return std::find(inner.inputs.begin(), inner.inputs.end(), id) != inner.inputs.end();
      };
      keep[i] = keep[i] || std::any_of(body->nodes.begin(), body->nodes.end(), reads) ||
                std::find(body->outputs.begin(), body->outputs.end(), id) != body->outputs.end();
    }
    kept += keep[i] ? 1U : 0U;
  }
  const auto drop = [&](auto& ids) {
    const auto begin = ids.size() - captures;
    auto to = begin;
    for (std::size_t i = 0; i < captures; ++i) {
      if (keep[i]) {
        ids[to++] = ids[begin + i];
      }
    }
    ids.resize(to);
  };
  drop(node.inputs);
  for (const auto& [name, body] : bodies) {
    drop(body->inputs);
    body->captures = kept;
  }
}

}  // namespace

void infer_bodies(Graph& graph, Node& node) {
  const auto depends = [&](const Error& error) {
    const auto name = graph::describe(node);
    const std::string_view said{error.what()};
    return said.find(name) != std::string_view::npos ? std::string{said}
                                                     : fmt::format("{}, in {}", said, name);
  };
  try {
    if (is_branch(node)) {
      infer_branches(graph, node);
    } else {
      LoopInference{graph, node}.run();
    }
  } catch (const Unsupported& error) {
    throw Unsupported(depends(error));
  } catch (const Error& error) {
    throw Error(depends(error));
  }
}

bool inline_branches(Graph& graph) {
  std::vector<Node> nodes;
  bool found = false;
  for (auto& node : graph.nodes) {
    if (!is_branch(node) || !graph.is_constant(node.inputs[0]) ||
        graph[node.inputs[0]].constant.size() != 1) {
      nodes.push_back(std::move(node));
      continue;
    }
    const bool chosen = *graph[node.inputs[0]].constant.data<bool>();
    const auto body = node.attributes.graph(chosen ? "then_branch" : "else_branch");
    splice(graph, node, *body, nodes);
    found = true;
  }
  graph.nodes = std::move(nodes);
  return found;
}

void optimise_bodies(Graph& graph) {
  for (auto& node : graph.nodes) {
    if (!ops::has_bodies(node)) {
      continue;
    }
    move_constants_in(graph, node);
    for (const auto& [name, body] : ops::bodies_of(node)) {
      auto optimised = std::make_shared<Graph>(*body);
      try {
        optimise(*optimised);
      } catch (const Error&) {
        if (!is_branch(node)) {
          throw;
        }
        continue;  // it fails when it is run, if it ever is
      }
      node.attributes.set(name, std::move(optimised));
    }
    move_constants_in(graph, node);
  }
}

}  // namespace coinfer::passes
