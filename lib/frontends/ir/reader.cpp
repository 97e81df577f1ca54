#include "frontends/ir/reader.hpp"

#include "coinfer/error.hpp"
#include "coinfer/model.hpp"
#include "frontends/ir/control_flow.hpp"
#include "frontends/ir/decompression.hpp"
#include "frontends/ir/runtime_info.hpp"
#include "frontends/ir/types.hpp"
#include "frontends/ir/values.hpp"
#include "frontends/ir/version10.hpp"
#include "frontends/ir/writer.hpp"
#include "ops/op.hpp"
#include "passes/passes.hpp"

namespace coinfer::frontends::ir {
namespace {

using graph::Graph;

void add_parameter(const Layer& layer, Graph& graph, std::vector<ValueId>& results) {
  if (layer.outputs.size() != 1) {
    throw ModelFileError(
        fmt::format("{} has {} outputs instead of one", layer.title(), layer.outputs.size()));
  }
  graph::Value value;
  value.name = layer.name;
  set_names(value, layer.outputs[0].names);
  value.type = element_type_of(layer.data.attribute("element_type").value(), layer.title());
  if (value.type == ElementType::dynamic) {
    throw ModelFileError(fmt::format("{} has no element type", layer.title()));
  }
  try {
    value.shape = PartialShape::parse(layer.data.attribute("shape").value());
  } catch (const Error& error) {
    throw ModelFileError(fmt::format("{}: {}", layer.title(), error.what()));
  }
  note_value(layer, value);
  results.push_back(graph.add(std::move(value)));
}

std::shared_ptr<Graph> build(const Network& network, const MemoryRef& weights);

Body read_body(pugi::xml_node xml, const MemoryRef& weights) {
  const auto network = read_network(xml);
  Body body;
  for (const auto& layer : network.layers) {
    if (layer.type == "Parameter") {
      body.parameters.emplace(layer.id, body.parameters.size());
    } else if (layer.type == "Result") {
      body.results.emplace(layer.id, body.results.size());
    }
  }
  body.graph = build(network, weights);
  body.graph->parameter_names.clear();
  body.graph->result_names.clear();
  return body;
}

std::vector<ValueId> convert(const Layer& layer, Graph& graph, const std::vector<ValueId>& inputs,
                             const MemoryRef& weights, ShapeBound& shape_bound,
                             Decompression& decompression) {
  const auto conversion = find_conversion(layer.type);
  if (conversion == nullptr && !is_control_flow(layer)) {
    throw Unsupported(fmt::format("{}: the operator is not implemented", layer.title()));
  }
  const bool wide = decompression.is_wide(layer, inputs);
  Writer writer{layer, graph, decompression.inputs_of(inputs, wide), shape_bound};
  if (wide) {
    writer.compute_wide();
  }
  std::vector<ValueId> results;
  try {
    results = conversion != nullptr ? writer.guarded(conversion(writer))
                                    : convert_control_flow(writer, [&](pugi::xml_node xml) {
                                        return read_body(xml, weights);
                                      });
  } catch (const Unsupported& error) {
    const std::string text = error.what();
    if (text.starts_with(layer.title())) {
      throw;
    }
    throw Unsupported(fmt::format("{}: {}", layer.title(), text));
  } catch (const Error& error) {
    // What the graph's operators find wrong names their node; the layer goes before it.
    const std::string text = error.what();
    if (text.starts_with(layer.title())) {
      throw;
    }
    throw ModelFileError(fmt::format("{}: {}", layer.title(), text));
  }
  if (results.size() < layer.outputs.size()) {
    throw Unsupported(fmt::format("{}: it has {} outputs; {} are supported", layer.title(),
                                  layer.outputs.size(), results.size()));
  }
  return results;
}

/// Another tensor with the value of this one.
ValueId copy_of(ValueId id, const Layer& layer, Graph& graph, ShapeBound& shape_bound) {
  graph::Node node;
  node.name = layer.name;
  node.type = "Identity";
  node.opset = 14;
  node.op = ops::Registry::instance().find("", node.type, node.opset);
  node.inputs.push_back(id);
  const auto copy = graph.add({.name = layer.name, .own_name = true});
  node.outputs.push_back(copy);
  graph.nodes.push_back(std::move(node));
  graph[copy].type = graph[id].type;
  graph[copy].shape = graph[id].shape;
  graph[copy].constant = graph[id].constant;
  if (shape_bound.contains(id.index)) {
    shape_bound.insert(copy.index);
  }
  return copy;
}

/// Gives a layer's results their names. A conversion may give back what it was given; when the file
/// has other names for that, it becomes a tensor of its own.
void name_results(const Layer& layer, const std::vector<ValueId>& inputs, Graph& graph,
                  std::vector<ValueId>& results, ShapeBound& shape_bound) {
  for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
    const auto& names = layer.outputs[i].names;
    auto& result = results[i];
    if (!result) {
      continue;
    }
    if (std::find(inputs.begin(), inputs.end(), result) != inputs.end()) {
      if (names == names_of(graph[result])) {
        continue;
      }
      result = copy_of(result, layer, graph, shape_bound);
    }
    if (!names.empty()) {
      set_names(graph[result], names);
    }
  }
}

/// "[N,C,H,W]" when a port of the list says so, else empty.
std::string layout_of(pugi::xml_node ports) {
  for (const auto attribute : ports.child("port").child("rt_info").children("attribute")) {
    if (std::string_view{attribute.attribute("name").value()} == "layout") {
      return attribute.attribute("layout").value();
    }
  }
  return {};
}

/// As OpenVINO lists states: in the order in which the file assigns them, and then the others.
void order_variables(Graph& graph, const std::vector<std::string_view>& assigned) {
  std::map<std::string_view, std::size_t> places;
  for (const auto name : assigned) {
    places.emplace(name, places.size());
  }
  const auto place = [&](const graph::Variable& variable) {
    const auto found = places.find(variable.name);
    return found == places.end() ? places.size() : found->second;
  };
  std::stable_sort(graph.variables.begin(), graph.variables.end(),
                   [&](const auto& a, const auto& b) { return place(a) < place(b); });
}

/// The layers of a `<net>` or a `<body>` as a graph; inputs and outputs in the order of the file.
std::shared_ptr<Graph> build(const Network& network, const MemoryRef& weights) {
  auto graph = std::make_shared<Graph>();
  graph->name = network.name;
  std::vector<std::vector<ValueId>> values(network.layers.size());
  ShapeBound shape_bound;
  Decompression decompression{*graph};
  std::vector<std::size_t> assigns;
  for (const auto index : network.order) {
    const auto& layer = network.layers[index];
    std::vector<ValueId> inputs;
    inputs.reserve(layer.sources.size());
    for (const auto& source : layer.sources) {
      inputs.push_back(values[source.layer].at(source.port));
    }
    auto& results = values[index];
    if (layer.type == "Parameter") {
      add_parameter(layer, *graph, results);
    } else if (layer.type == "Const") {
      if (layer.outputs.size() != 1) {
        throw ModelFileError(
            fmt::format("{} has {} outputs instead of one", layer.title(), layer.outputs.size()));
      }
      results.push_back(graph->add_constant(read_constant(layer, weights), layer.name));
      auto& value = (*graph)[results[0]];
      value.own_name = true;  // the name is the node's
      value.more_names = layer.outputs[0].names;
      decompression.add_constant(results[0]);
      note_value(layer, value);
    } else if (layer.type == "Result") {
      if (inputs.size() != 1) {
        throw ModelFileError(
            fmt::format("{} has {} inputs instead of one", layer.title(), inputs.size()));
      }
      results = decompression.inputs_of(inputs, false);
    } else if (layer.type == "Assign" && !inputs.empty()) {
      results.push_back(inputs[0]);
      assigns.push_back(index);
    } else {
      results = convert(layer, *graph, inputs, weights, shape_bound, decompression);
      name_results(layer, inputs, *graph, results, shape_bound);
      if (decompression.is_wide(layer, inputs)) {
        // The file may say f32 of the result and f16 of the input that it is.
        if (layer.type == "Convert" && results[0] == inputs[0]) {
          results[0] = copy_of(results[0], layer, *graph, shape_bound);
        }
        decompression.add_results(layer, inputs, results);
      }
      note_results(layer, inputs, results, *graph);
    }
  }
  // Variables are declared where they are read, which may come later.
  std::sort(assigns.begin(), assigns.end());
  std::vector<std::string_view> assigned;
  for (const auto index : assigns) {
    convert(network.layers[index], *graph, values[index], weights, shape_bound, decompression);
    assigned.emplace_back(network.layers[index].data.attribute("variable_id").value());
  }
  order_variables(*graph, assigned);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const auto& layer = network.layers[i];
    if (layer.type == "Parameter") {
      (*graph)[values[i][0]].layout = layout_of(layer.xml.child("output"));
      graph->inputs.push_back(values[i][0]);
      graph->parameter_names.push_back(layer.name);
    } else if (layer.type == "Result") {
      note_result(layer, *graph, graph->outputs.size());
      graph->outputs.push_back(values[i][0]);
      graph->result_names.push_back(layer.name);
    }
  }
  if (graph->outputs.empty()) {
    throw ModelFileError("it has no Result: nothing is computed");
  }
  graph::sort_topologically(*graph);
  return graph;
}

}  // namespace

bool is_ir(std::span<const std::byte> bytes) {
  std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (text.starts_with("\xef\xbb\xbf")) {
    text.remove_prefix(3);
  }
  // What may stand before the first element: its declaration, instructions and comments.
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(" \n\r\t"), text.size()));
    const std::string_view end = text.starts_with("<!--") ? "-->" : "?>";
    if (end == "?>" && !text.starts_with("<?")) {
      return text.starts_with("<net");
    }
    const auto found = text.find(end);
    if (found == std::string_view::npos) {
      return false;
    }
    text.remove_prefix(found + end.size());
  }
}

std::shared_ptr<Graph> read(std::span<const std::byte> xml, const MemoryRef& weights) {
  pugi::xml_document document;
  const auto net = parse(xml, document);
  const auto network = read_network(net);
  auto graph = build(network, weights);
  const std::int64_t version = net.attribute("version").as_int();
  if (version == 10) {
    adapt_version_10(network, *graph);
  }
  read_model_info(net.child("rt_info"), graph->rt_info);
  graph->rt_info.entries["version"].value = version;
  passes::infer(*graph, false);
  return graph;
}

}  // namespace coinfer::frontends::ir
