#include "frontends/ir/document.hpp"

#include <charconv>

#include "coinfer/error.hpp"

namespace coinfer::frontends::ir {
namespace {

/// Deeper than any real model nests bodies and runtime info.
constexpr int max_depth = 200;
constexpr int newest_opset = 17;

std::int64_t number(pugi::xml_node node, const char* attribute, std::string_view what) {
  const std::string_view text = node.attribute(attribute).value();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    throw ModelFileError(
        fmt::format("{} has {}='{}' where an integer was expected", what, attribute, text));
  }
  return value;
}

/// Names are parted by commas; a comma within a name is written "\,".
std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  std::string name;
  const auto flush = [&] {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
    name.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ',') {
      name += text[++i];
    } else if (text[i] == ',') {
      flush();
    } else {
      name += text[i];
    }
  }
  flush();
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<LayerPort> read_ports(pugi::xml_node list, const Layer& layer) {
  std::vector<LayerPort> ports;
  for (const auto xml : list.children("port")) {
    LayerPort port;
    port.id = number(xml, "id", fmt::format("a port of {}", layer.title()));
    PartialShape::Dimensions dims;
    for (const auto dim : xml.children("dim")) {
      const std::string_view text = dim.child_value();
      std::int64_t length = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
      if (text.empty() || error != std::errc{} || end != text.data() + text.size() || length < -1) {
        throw ModelFileError(
            fmt::format("{}: its port {} has the dimension '{}'", layer.title(), port.id, text));
      }
      dims.push_back(Dimension{length});
    }
    port.shape = PartialShape{std::move(dims)};
    port.names = split_names(xml.attribute("names").value());
    ports.push_back(std::move(port));
  }
  return ports;
}

using PortKey = std::pair<std::int64_t, std::int64_t>;  // layer id, port id

void connect(pugi::xml_node edges, Network& network,
             const std::map<std::int64_t, std::size_t>& layers) {
  std::map<PortKey, Source> sources;
  std::map<PortKey, std::size_t> inputs;
  for (const auto& [id, index] : layers) {
    auto& layer = network.layers[index];
    for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
      sources.emplace(PortKey{id, layer.outputs[i].id}, Source{index, i});
    }
    for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
      if (!inputs.emplace(PortKey{id, layer.inputs[i].id}, i).second) {
        throw ModelFileError(
            fmt::format("{} has two input ports {}", layer.title(), layer.inputs[i].id));
      }
    }
    layer.sources.assign(layer.inputs.size(), Source{network.layers.size(), 0});
  }
  for (const auto edge : edges.children("edge")) {
    const PortKey from{number(edge, "from-layer", "an edge"), number(edge, "from-port", "an edge")};
    const PortKey to{number(edge, "to-layer", "an edge"), number(edge, "to-port", "an edge")};
    const auto source = sources.find(from);
    const auto input = inputs.find(to);
    if (source == sources.end() || input == inputs.end()) {
      const auto& [layer, port] = source == sources.end() ? from : to;
      throw ModelFileError(
          fmt::format("an edge names the {} port {} of the layer {}, {}",
                      source == sources.end() ? "output" : "input", port, layer,
                      layers.contains(layer) ? "which has no such port" : "which does not exist"));
    }
    auto& target = network.layers[layers.at(to.first)];
    auto& slot = target.sources[input->second];
    if (slot.layer != network.layers.size()) {
      throw ModelFileError(
          fmt::format("{}: two edges lead to its port {}", target.title(), to.second));
    }
    slot = source->second;
  }
  for (const auto& layer : network.layers) {
    for (std::size_t i = 0; i < layer.sources.size(); ++i) {
      if (layer.sources[i].layer == network.layers.size()) {
        throw ModelFileError(
            fmt::format("{}: no edge leads to its port {}", layer.title(), layer.inputs[i].id));
      }
    }
  }
}

void sort(Network& network) {
  std::vector<std::vector<std::size_t>> readers(network.layers.size());
  std::vector<std::size_t> open(network.layers.size());
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    open[i] = network.layers[i].sources.size();
    for (const auto& source : network.layers[i].sources) {
      readers[source.layer].push_back(i);
    }
    if (open[i] == 0) {
      network.order.push_back(i);
    }
  }
  for (std::size_t next = 0; next < network.order.size(); ++next) {
    for (const auto reader : readers[network.order[next]]) {
      if (--open[reader] == 0) {
        network.order.push_back(reader);
      }
    }
  }
  for (std::size_t i = 0; i < open.size(); ++i) {
    if (open[i] != 0) {
      throw ModelFileError(fmt::format("{} waits for its own result: the network has a cycle",
                                       network.layers[i].title()));
    }
  }
}

/// Layers of other sets of operators may be called as one of these and mean something else.
void check_opset(const Layer& layer) {
  constexpr std::string_view prefix = "opset";
  const std::string_view set{layer.opset};
  int number = 0;
  const auto* first = set.data() + std::min(prefix.size(), set.size());
  const auto [end, error] = std::from_chars(first, set.data() + set.size(), number);
  if (!set.starts_with(prefix) || error != std::errc{} || end != set.data() + set.size() ||
      number < 1 || number > newest_opset) {
    throw Unsupported(
        fmt::format("{}: it belongs to the operators '{}'; opset1 to opset{} are read",
                    layer.title(), layer.opset, newest_opset));
  }
}

}  // namespace

std::string Layer::title() const { return fmt::format("'{}' ({}, {})", name, type, opset); }

Network read_network(pugi::xml_node node) {
  const auto list = node.child("layers");
  if (!list) {
    throw ModelFileError(fmt::format("its <{}> has no <layers>", node.name()));
  }
  Network network;
  network.name = node.attribute("name").value();
  std::map<std::int64_t, std::size_t> layers;
  for (const auto xml : list.children("layer")) {
    Layer layer;
    layer.xml = xml;
    layer.name = xml.attribute("name").value();
    layer.type = xml.attribute("type").value();
    layer.opset = xml.attribute("version").value();
    check_opset(layer);
    layer.data = xml.child("data");
    layer.id = number(xml, "id", fmt::format("the layer {}", layer.title()));
    layer.inputs = read_ports(xml.child("input"), layer);
    layer.outputs = read_ports(xml.child("output"), layer);
    if (!layers.emplace(layer.id, network.layers.size()).second) {
      throw ModelFileError(
          fmt::format("{} has the id {} of an earlier layer", layer.title(), layer.id));
    }
    network.layers.push_back(std::move(layer));
  }
  connect(node.child("edges"), network, layers);
  sort(network);
  return network;
}

pugi::xml_node parse(std::span<const std::byte> bytes, pugi::xml_document& document) {
  // No document type is read, and so no entity is ever expanded.
  const auto result = document.load_buffer(bytes.data(), bytes.size(), pugi::parse_default);
  if (!result) {
    throw ModelFileError(
        fmt::format("its xml is damaged at byte {}: {}", result.offset, result.description()));
  }
  struct Depth : pugi::xml_tree_walker {
    bool for_each(pugi::xml_node& node) override {
      if (depth() < max_depth) {
        return true;
      }
      while (node && std::string_view{node.name()} != "layer") {
        node = node.parent();
      }
      layer = node.attribute("name").value();
      return false;
    }
    std::string layer;
  } walker;
  if (!document.traverse(walker)) {
    throw ModelFileError(fmt::format("its xml is nested deeper than {} elements, in the layer '{}'",
                                     max_depth, walker.layer));
  }
  const auto net = document.child("net");
  if (!net) {
    throw ModelFileError("it is an XML file without a <net>: it is no OpenVINO IR");
  }
  const auto version = number(net, "version", "its <net>");
  if (version != 10 && version != 11) {
    throw Unsupported(
        fmt::format("it has IR version {}; coinfer reads versions 10 and 11", version));
  }
  return net;
}

}  // namespace coinfer::frontends::ir
