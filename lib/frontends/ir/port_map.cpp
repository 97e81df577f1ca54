#include "frontends/ir/port_map.hpp"

#include <charconv>

namespace coinfer::frontends::ir {
namespace {

std::size_t port_index(Writer& w, const std::vector<LayerPort>& ports, std::int64_t id,
                       std::string_view what) {
  const auto found = std::find_if(ports.begin(), ports.end(),
                                  [&](const LayerPort& port) { return port.id == id; });
  if (found == ports.end()) {
    w.fail(fmt::format("its port map names the {} port {}, which it does not have", what, id));
  }
  return static_cast<std::size_t>(found - ports.begin());
}

std::size_t body_index(Writer& w, const std::map<std::int64_t, std::size_t>& layers,
                       std::int64_t id, std::string_view what) {
  const auto found = layers.find(id);
  if (found == layers.end()) {
    w.fail(fmt::format("it names the layer {} of its body, which is no {} there", id, what));
  }
  return found->second;
}

PortLink read_link(Writer& w, pugi::xml_node row, const Body& body, bool is_input) {
  PortLink link;
  link.xml = row;
  link.purpose = row.attribute("purpose").value();
  link.has_axis = !row.attribute("axis").empty();
  const auto layer = row_number(w, row, "internal_layer_id");
  link.body = is_input ? body_index(w, body.parameters, layer, "Parameter")
                       : body_index(w, body.results, layer, "Result");
  const auto port = row_number(w, row, "external_port_id",
                               link.purpose.empty() ? std::nullopt : std::optional{-1});
  if (link.purpose.empty() || port != -1) {
    link.port = is_input ? port_index(w, w.layer().inputs, port, "input")
                         : port_index(w, w.layer().outputs, port, "output");
  }
  if (!link.purpose.empty() &&
      link.purpose != (is_input ? "current_iteration" : "execution_condition")) {
    w.fail(fmt::format("a row of its port map has the purpose '{}', which is not known",
                       link.purpose));
  }
  return link;
}

}  // namespace

std::int64_t row_number(Writer& w, pugi::xml_node row, const char* attribute,
                        std::optional<std::int64_t> otherwise) {
  const auto found = row.attribute(attribute);
  if (found.empty() && otherwise) {
    return *otherwise;
  }
  const std::string_view text = found.value();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    w.fail(fmt::format("a row of its <{}> has {}='{}' where an integer was expected",
                       row.parent().name(), attribute, text));
  }
  return value;
}

PortMap read_port_map(Writer& w, const char* name, const Body& body) {
  const auto list = w.layer().xml.child(name);
  PortMap map;
  std::vector<bool> fed(body.parameters.size(), false);
  for (const auto row : list.children("input")) {
    map.inputs.push_back(read_link(w, row, body, true));
    const auto index = map.inputs.back().body;
    if (fed[index]) {
      w.fail(fmt::format("its port map gives two values to the Parameter '{}' of its body",
                         (*body.graph)[body.graph->inputs[index]].name));
    }
    fed[index] = true;
  }
  for (std::size_t i = 0; i < fed.size(); ++i) {
    if (!fed[i]) {
      w.fail(fmt::format("its port map gives no value to the Parameter '{}' of its body",
                         (*body.graph)[body.graph->inputs[i]].name));
    }
  }
  for (const auto row : list.children("output")) {
    map.outputs.push_back(read_link(w, row, body, false));
  }
  std::vector<int> made(w.layer().outputs.size(), 0);
  for (const auto& link : map.outputs) {
    if (link.purpose.empty()) {
      ++made[link.port];
    }
  }
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (made[i] != 1) {
      w.fail(fmt::format("its port map gives {} values to its output port {}", made[i],
                         w.layer().outputs[i].id));
    }
  }
  return map;
}

std::vector<BackEdge> read_back_edges(Writer& w, const Body& body) {
  std::vector<BackEdge> edges;
  for (const auto row : w.layer().xml.child("back_edges").children("edge")) {
    edges.push_back({body_index(w, body.results, row_number(w, row, "from-layer"), "Result"),
                     body_index(w, body.parameters, row_number(w, row, "to-layer"), "Parameter")});
  }
  return edges;
}

}  // namespace coinfer::frontends::ir
