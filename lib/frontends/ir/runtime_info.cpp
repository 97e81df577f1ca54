#include "frontends/ir/runtime_info.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "coinfer/error.hpp"
#include "coinfer/layout.hpp"

namespace coinfer::frontends::ir {
namespace {

using graph::Notes;

/// An attribute that OpenVINO knows: as files call it, as its notes call it, and where its text
/// stands.
struct KnownAttribute {
  std::string_view name;
  const char* note;
  const char* text;
};
constexpr std::array<KnownAttribute, 7> known_attributes{{
    {"decompression", "decompression_0", ""},
    {"fused_names", "fused_names_0", "value"},
    {"layout", "layout_0", "layout"},
    {"old_api_map_element_type", "old_api_map_element_type_0", ""},
    {"old_api_map_order", "old_api_map_order_0", ""},
    {"precise", "precise_0", ""},
    {"primitives_priority", "primitives_priority_0", "value"},
}};

void read(pugi::xml_node rt_info, const Layer& layer, Notes& notes, Notes::Of of,
          std::size_t port = 0) {
  for (const auto xml : rt_info.children("attribute")) {
    const auto name = xml.attribute("name");
    const auto version = xml.attribute("version");
    if (!name || !version) {
      throw ModelFileError(fmt::format("{}: an attribute in its <rt_info> has no {}", layer.title(),
                                       name ? "version" : "name"));
    }
    const auto* known = std::find_if(
        known_attributes.begin(), known_attributes.end(),
        [&](const KnownAttribute& one) { return one.name == std::string_view{name.value()}; });
    if (known == known_attributes.end() || std::string_view{version.value()} != "0") {
      continue;
    }
    std::string text = xml.attribute(known->text).value();
    if (known->name == "layout" && !text.empty()) {
      try {
        text = Layout{text}.to_string();
      } catch (const Error& error) {
        throw ModelFileError(fmt::format("{}: its <rt_info>: {}", layer.title(), error.what()));
      }
    }
    auto& entries = notes.at(of, port).entries;
    if (!entries.emplace(known->note, RtInfo{Property{std::move(text)}, true, {}}).second) {
      throw ModelFileError(
          fmt::format("{}: its <rt_info> has two attributes '{}'", layer.title(), known->name));
    }
  }
}

/// Of the layer itself and its inputs.
Notes notes_of(const Layer& layer) {
  Notes notes;
  read(layer.xml.child("rt_info"), layer, notes, Notes::Of::node);
  std::size_t port = 0;
  for (const auto xml : layer.xml.child("input").children("port")) {
    read(xml.child("rt_info"), layer, notes, Notes::Of::input, port++);
  }
  return notes;
}

void read_output(const Layer& layer, std::size_t port, Notes& notes) {
  for (const auto xml : layer.xml.child("output").children("port")) {
    if (port-- == 0) {
      read(xml.child("rt_info"), layer, notes, Notes::Of::output);
      return;
    }
  }
}

/// A layout that is set can be changed: it is kept apart.
void forget_layout(Notes& notes, Notes::Of of) {
  const auto* info = notes.find(of);
  if (info != nullptr && info->entries.contains("layout_0")) {
    notes.at(of).entries.erase("layout_0");
  }
}

}  // namespace

void read_model_info(pugi::xml_node node, RtInfo& info) {
  if (const auto value = node.attribute("value")) {
    info.value = std::string{value.value()};
  }
  for (const auto child : node.children()) {
    const auto name = child.attribute("name");
    read_model_info(child, info.entries[name ? name.value() : child.name()]);
  }
}

void note_value(const Layer& layer, graph::Value& value) {
  value.notes = notes_of(layer);
  read_output(layer, 0, value.notes);
  if (layer.type == "Parameter") {
    forget_layout(value.notes, Notes::Of::output);
  }
}

void note_results(const Layer& layer, const std::vector<graph::ValueId>& inputs,
                  const std::vector<graph::ValueId>& results, graph::Graph& graph) {
  const auto is_new = [&](graph::ValueId id) {
    return id && std::find(inputs.begin(), inputs.end(), id) == inputs.end();
  };
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (is_new(results[i])) {
      read_output(layer, i, graph[results[i]].notes);
    }
  }
  auto notes = notes_of(layer);
  if (notes.empty() || results.empty() || !is_new(results[0])) {
    return;
  }
  // What makes it was written last.
  const auto maker =
      std::find_if(graph.nodes.rbegin(), graph.nodes.rend(), [&](const graph::Node& node) {
        return std::find(node.outputs.begin(), node.outputs.end(), results[0]) !=
               node.outputs.end();
      });
  if (maker != graph.nodes.rend()) {
    maker->notes = std::move(notes);
  } else {
    auto& of_constant = graph[results[0]].notes;
    if (const auto* own = notes.find(Notes::Of::node)) {
      of_constant.at(Notes::Of::node) = *own;
    }
  }
}

void note_result(const Layer& layer, graph::Graph& graph, std::size_t index) {
  auto notes = notes_of(layer);
  if (!notes.empty()) {
    graph.result_notes.emplace(index, std::move(notes));
  }
}

}  // namespace coinfer::frontends::ir
