#include "frontends/ir/control_flow.hpp"

#include "frontends/ir/body_state.hpp"
#include "frontends/ir/port_map.hpp"

/// If, Loop and TensorIterator: the port maps of IR as the graph's bodies and captures have it.
namespace coinfer::frontends::ir {
namespace {

using Values = std::vector<ValueId>;
using Ints = std::vector<std::int64_t>;

pugi::xml_node body_xml(Writer& w, const char* name) {
  const auto xml = w.layer().xml.child(name);
  if (!xml) {
    w.fail(fmt::format("it has no <{}>", name));
  }
  return xml;
}

/// Conversions inside the body have chosen by the type that its Parameter declares.
void check_type(Writer& w, ElementType given, const graph::Value& parameter) {
  if (given != ElementType::dynamic && given != parameter.type) {
    w.fail(fmt::format("the Parameter '{}' of its body is of type {}; it is given {}",
                       parameter.name, name_of(parameter.type), name_of(given)));
  }
}

std::int64_t number(std::size_t index) { return static_cast<std::int64_t>(index); }

/// Adds the layer's node, whose last outputs are what it leaves in variables of its bodies.
Values with_variables(Writer& w, graph::Node node, std::span<const BodyVariable> variables) {
  const auto outputs = w.layer().outputs.size();
  auto results = w.add(std::move(node), outputs + variables.size());
  assign_variables(w, variables, std::span{results}.subspan(outputs));
  results.resize(outputs);
  return results;
}

// --- If

/// Both branches read what either reads: the captures, each an input of the layer.
struct Branch {
  const char* body_name;
  const char* map_name;
  const char* attribute;
  Body body;
  PortMap map;
};

/// Brings inputs and outputs of a branch into the order that the node's have.
void arrange(Branch& branch, const std::vector<std::size_t>& captures, const graph::Graph& outer,
             Writer& w) {
  auto& graph = *branch.body.graph;
  const auto parameters = std::exchange(graph.inputs, {});
  std::vector<bool> taken(branch.map.inputs.size(), false);
  for (const auto port : captures) {
    std::size_t i = 0;
    while (i < taken.size() && (taken[i] || branch.map.inputs[i].port != port)) {
      ++i;
    }
    if (i < taken.size()) {
      taken[i] = true;
      graph.inputs.push_back(parameters[branch.map.inputs[i].body]);
    } else {
      const auto& value = outer[w.in(port)];
      graph.inputs.push_back(graph.add({{}, value.type, value.shape, {}}));
    }
  }
  graph.captures = captures.size();
  const auto results = graph.outputs;
  graph.outputs.assign(w.layer().outputs.size(), graph::no_value);
  for (const auto& link : branch.map.outputs) {
    graph.outputs[link.port] = results[link.body];
  }
}

Values convert_if(Writer& w, const BodyReader& read_body) {
  std::array<Branch, 2> branches{Branch{"then_body", "then_port_map", "then_branch", {}, {}},
                                 Branch{"else_body", "else_port_map", "else_branch", {}, {}}};
  // How often each input is read, by the branch that reads it most often.
  std::vector<std::size_t> reads(w.inputs(), 0);
  for (auto& branch : branches) {
    branch.body = read_body(body_xml(w, branch.body_name));
    branch.map = read_port_map(w, branch.map_name, branch.body);
    std::vector<std::size_t> mine(w.inputs(), 0);
    for (const auto& link : branch.map.inputs) {
      const auto& graph = *branch.body.graph;
      check_type(w, w.type(w.in(link.port)), graph[graph.inputs[link.body]]);
      ++mine[link.port];
    }
    for (std::size_t i = 0; i < mine.size(); ++i) {
      reads[i] = std::max(reads[i], mine[i]);
    }
    for (const auto& link : branch.map.outputs) {
      if (!link.purpose.empty() || link.has_axis) {
        w.fail(fmt::format("its <{}> has a row for a loop", branch.map_name));
      }
    }
  }
  std::vector<std::size_t> captures;
  graph::Node node;
  node.type = "If";
  node.opset = 16;
  node.inputs.push_back(w.in(0));
  for (std::size_t i = 0; i < reads.size(); ++i) {
    captures.insert(captures.end(), reads[i], i);
    for (std::size_t k = 0; k < reads[i]; ++k) {
      node.inputs.push_back(w.in(i));
    }
  }
  for (auto& branch : branches) {
    arrange(branch, captures, w.graph(), w);
  }
  const std::array bodies{branches[0].body.graph.get(), branches[1].body.graph.get()};
  const auto variables = lift_variables(w, bodies);
  for (const auto& variable : variables) {
    node.inputs.push_back(variable.read);
  }
  for (auto& branch : branches) {
    branch.body.graph->captures += variables.size();
    node.attributes.set(branch.attribute, branch.body.graph);
  }
  return with_variables(w, std::move(node), variables);
}

// --- Loop and TensorIterator

/// The walk of a slice or of a stacked output as the row's last five numbers. A slice may end
/// before the axis does. Other walks that leave a part of the axis out are refused: OpenVINO
/// refuses most of them when it compiles, and reads the wrong elements for others.
Ints walk_of(Writer& w, const PortLink& link, bool is_slice) {
  const auto axis = row_number(w, link.xml, "axis");
  const auto start = row_number(w, link.xml, "start", 0);
  const auto end = row_number(w, link.xml, "end", -1);
  const auto stride = row_number(w, link.xml, "stride", 1);
  const auto part = row_number(w, link.xml, "part_size", 1);
  if (part < 1 || stride == 0) {
    w.fail(fmt::format("parts of {} with a stride of {} cannot be taken", part, stride));
  }
  constexpr auto farthest = std::int64_t{1} << 48;  // more than any axis has
  if (end < -farthest || end > farthest) {
    w.fail(fmt::format("it walks the axis {} to the element {}", axis, end));
  }
  const bool forwards = stride == part && start == 0 && (is_slice ? end < 0 : end == -1);
  const bool backwards = stride == -part && start == -1 && (is_slice ? end >= 0 : end == 0);
  if (!forwards && !backwards) {
    w.unsupported(
        fmt::format("it walks the axis {} from {} to {} in parts of {} with a stride of {}; only "
                    "walks part by part from one end are supported, to the other for results",
                    axis, start, end, part, stride));
  }
  return {axis, start, end, stride, part};
}

class LoopWriter {
 public:
  LoopWriter(Writer& w, const BodyReader& read_body)
      : w_{w},
        body_{read_body(body_xml(w, "body"))},
        map_{read_port_map(w, "port_map", body_)},
        is_loop_{w.layer().type == "Loop"} {}

  Values write() {
    node_.domain = "coinfer";
    node_.type = "TensorIterator";
    node_.opset = 1;
    if (is_loop_) {
      node_.inputs = {w_.in(0), w_.in(1)};
      node_.attributes.set("trip_count", std::int64_t{0});
      node_.attributes.set("condition", std::int64_t{1});
      check_trip_count();
    }
    std::map<std::size_t, std::size_t> carried;  // body input -> body output
    for (const auto& edge : read_back_edges(w_, body_)) {
      if (!carried.emplace(edge.to, edge.from).second) {
        w_.fail(fmt::format("two back edges lead to the Parameter '{}' of its body",
                            parameter(edge.to).name));
      }
    }
    for (const auto& link : map_.inputs) {
      const auto edge = carried.find(link.body);
      add_input(link, edge == carried.end() ? std::nullopt : std::optional{edge->second});
    }
    if (!is_loop_ && slices_.empty()) {
      // Nothing says how often: once, as OpenVINO has it.
      node_.attributes.set("trip_count", number(node_.inputs.size()));
      node_.inputs.push_back(w_.integer_scalar(1));
    }
    add_variables();
    add_wholes();
    add_outputs();
    node_.attributes.set("carried", std::move(carried_));
    node_.attributes.set("slices", std::move(slices_));
    node_.attributes.set("lasts", std::move(lasts_));
    node_.attributes.set("stacks", std::move(stacks_));
    node_.attributes.set("body", body_.graph);
    return with_variables(w_, std::move(node_), variables_);
  }

 private:
  const graph::Value& parameter(std::size_t index) const {
    return (*body_.graph)[body_.graph->inputs[index]];
  }

  void check_trip_count() {
    const auto type = w_.type(node_.inputs[0]);
    if (type == ElementType::i32) {
      node_.inputs[0] = w_.cast(node_.inputs[0], ElementType::i64);
    } else if (type != ElementType::i64 && type != ElementType::dynamic) {
      w_.fail(fmt::format("its trip count is of type {}", name_of(type)));
    }
  }

  void add_input(const PortLink& link, std::optional<std::size_t> carried_from) {
    if (!link.purpose.empty()) {
      const auto& value = parameter(link.body);
      if (value.type != ElementType::i32 && value.type != ElementType::i64) {
        w_.fail(fmt::format("the Parameter '{}' of its body gets the iteration; it is of type {}",
                            value.name, name_of(value.type)));
      }
      if (node_.attributes.has("iteration") || carried_from) {
        w_.fail(
            fmt::format("the Parameter '{}' of its body is not the only one that gets the "
                        "iteration, or has a back edge",
                        value.name));
      }
      node_.attributes.set("iteration", number(link.body));
      return;
    }
    check_type(w_, w_.type(w_.in(link.port)), parameter(link.body));
    if (!link.has_axis && !carried_from) {
      wholes_.push_back(link);
      return;
    }
    const auto input = number(node_.inputs.size());
    node_.inputs.push_back(w_.in(link.port));
    if (!link.has_axis) {
      carried_.insert(carried_.end(), {input, number(link.body), number(*carried_from)});
      return;
    }
    if (carried_from) {
      w_.fail(fmt::format("the Parameter '{}' of its body gets slices and has a back edge",
                          parameter(link.body).name));
    }
    slices_.insert(slices_.end(), {input, number(link.body)});
    const auto walk = walk_of(w_, link, true);
    slices_.insert(slices_.end(), walk.begin(), walk.end());
  }

  /// A variable of the body is carried from iteration to iteration.
  void add_variables() {
    auto& graph = *body_.graph;
    const std::array bodies{&graph};
    variables_ = lift_variables(w_, bodies);
    for (std::size_t i = 0; i < variables_.size(); ++i) {
      const auto behind = variables_.size() - i;
      const auto output = number(graph.outputs.size() - behind);
      carried_.insert(carried_.end(),
                      {number(node_.inputs.size()), number(graph.inputs.size() - behind), output});
      lasts_.insert(lasts_.end(), {output, number(w_.layer().outputs.size() + i)});
      node_.inputs.push_back(variables_[i].read);
    }
  }

  /// Values that stay the same are captures, the last inputs of the node and of the body.
  void add_wholes() {
    auto& graph = *body_.graph;
    const auto before = graph.inputs;
    std::vector<bool> is_whole(before.size(), false);
    for (const auto& link : wholes_) {
      is_whole[link.body] = true;
    }
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (!is_whole[i]) {
        order.push_back(i);
      }
    }
    for (const auto& link : wholes_) {
      node_.inputs.push_back(w_.in(link.port));
      order.push_back(link.body);
    }
    graph.captures = wholes_.size();
    std::vector<std::int64_t> place(before.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      graph.inputs[i] = before[order[i]];
      place[order[i]] = number(i);
    }
    const auto placed = [&](std::int64_t index) { return place[static_cast<std::size_t>(index)]; };
    for (std::size_t i = 1; i < carried_.size(); i += 3) {
      carried_[i] = placed(carried_[i]);
    }
    for (std::size_t i = 1; i < slices_.size(); i += 7) {
      slices_[i] = placed(slices_[i]);
    }
    if (node_.attributes.has("iteration")) {
      node_.attributes.set("iteration", placed(node_.attributes.integer("iteration", 0)));
    }
  }

  void add_outputs() {
    for (const auto& link : map_.outputs) {
      if (!link.purpose.empty()) {
        if (node_.attributes.has("condition_out")) {
          w_.fail("two Results of its body are its condition");
        }
        node_.attributes.set("condition_out", number(link.body));
      } else if (!link.has_axis) {
        lasts_.insert(lasts_.end(), {number(link.body), number(link.port)});
      } else {
        stacks_.insert(stacks_.end(), {number(link.body), number(link.port)});
        const auto walk = walk_of(w_, link, false);
        stacks_.insert(stacks_.end(), walk.begin(), walk.end());
      }
    }
    if (is_loop_ && !node_.attributes.has("condition_out")) {
      w_.fail("no Result of its body is its condition");
    }
  }

  Writer& w_;
  Body body_;
  PortMap map_;
  bool is_loop_;
  graph::Node node_;
  Ints carried_, slices_, lasts_, stacks_;
  std::vector<PortLink> wholes_;
  std::vector<BodyVariable> variables_;
};

}  // namespace

bool is_control_flow(const Layer& layer) {
  return layer.type == "If" || layer.type == "Loop" || layer.type == "TensorIterator";
}

std::vector<ValueId> convert_control_flow(Writer& w, const BodyReader& read_body) {
  if (w.layer().type == "If") {
    return convert_if(w, read_body);
  }
  return LoopWriter{w, read_body}.write();
}

}  // namespace coinfer::frontends::ir
