#include "runtime/exported_model.hpp"

#include <ostream>
#include <unordered_map>

#include "coinfer/error.hpp"
#include "coinfer/version.hpp"
#include "ops/control_flow.hpp"
#include "passes/passes.hpp"
#include "serialization/checksum.hpp"
#include "serialization/graph.hpp"

namespace coinfer::runtime {
namespace {

using namespace serialization;

constexpr std::array<char, 8> magic{'\x89', 'c', 'o', 'i', 'n', 'f', 'e', 'r'};
constexpr std::uint32_t format_version = 5;

struct Header {
  std::array<char, 8> magic;
  std::uint32_t format;
  ExportForm form;
  std::uint64_t meta_bytes;
  std::uint64_t data_bytes;
  std::uint64_t meta_sum;
  std::uint64_t data_sum;
  std::uint64_t header_sum;  ///< of all before it
  std::uint64_t zero;
};
static_assert(sizeof(Header) == alignment && std::is_trivially_copyable_v<Header>);

std::uint64_t sum_of(const Header& header) {
  return checksum(std::as_bytes(std::span{&header, 1}).first(offsetof(Header, header_sum)));
}

std::uint64_t padding(std::uint64_t bytes) { return (alignment - bytes % alignment) % alignment; }

/// Constants by where they lie in memory.
class Places {
 public:
  explicit Places(const graph::Graph& graph) : graph_{graph} {
    for (std::uint32_t i = 0; i < graph.values.size(); ++i) {
      if (const auto& constant = graph.values[i].constant; constant && constant.byte_size() != 0) {
        index_.emplace(constant.data(), i);
      }
    }
  }
  /// The value that has this memory, type and shape.
  std::optional<std::uint64_t> find(const Tensor& tensor) const {
    const auto found = index_.find(tensor.data());
    if (found == index_.end()) {
      return std::nullopt;
    }
    const auto& constant = graph_.values[found->second].constant;
    return constant.type() == tensor.type() && constant.shape() == tensor.shape() &&
                   constant.is_continuous() && tensor.is_continuous()
               ? std::optional<std::uint64_t>{found->second}
               : std::nullopt;
  }
  std::optional<std::uint32_t> at(const void* data) const {
    const auto found = index_.find(data);
    return found == index_.end() ? std::nullopt : std::optional{found->second};
  }

 private:
  const graph::Graph& graph_;
  std::unordered_map<const void*, std::uint32_t> index_;
};

/// The graph and the bodies in it, in an order that only depends on what they hold.
void list_graphs(const graph::Graph& graph, std::vector<const graph::Graph*>& all) {
  all.push_back(&graph);
  for (const auto& node : graph.nodes) {
    for (const auto& [name, body] : ops::bodies_of(node)) {
      list_graphs(*body, all);
    }
  }
}

std::vector<const graph::Graph*> graphs_of(const graph::Graph& graph) {
  std::vector<const graph::Graph*> all;
  list_graphs(graph, all);
  return all;
}

void put_port(Writer& meta, const Port& port) {
  meta.list(port.names);
  meta.put(port.node_name);
  meta.put(port.type);
  put_shape(meta, port.shape);
  // As OpenVINO keeps them: its attributes, and not what was noted beside them.
  std::vector<const std::pair<const std::string, RtInfo>*> attributes;
  for (const auto& entry : port.rt_info->entries) {
    if (entry.second.attribute) {
      attributes.push_back(&entry);
    }
  }
  meta.list(attributes, [&](const auto* entry) {
    meta.put(entry->first);
    meta.put(property_text(entry->second.value));
  });
}

std::vector<PortRef> get_ports(Reader& meta, bool is_output) {
  std::vector<PortRef> ports;
  for (auto count = meta.length(); count > 0; --count) {
    Port port;
    port.names = meta.list<std::string>();
    port.node_name = meta.get<std::string>();
    port.type = get_type(meta);
    port.shape = get_partial_shape(meta);
    port.index = ports.size();
    port.is_output = is_output;
    for (auto notes = meta.length(); notes > 0; --notes) {
      auto name = meta.get<std::string>();
      port.rt_info->entries.insert_or_assign(std::move(name),
                                             RtInfo{meta.get<std::string>(), true, {}});
    }
    ports.push_back(std::make_shared<const Port>(std::move(port)));
  }
  return ports;
}

Header read_header(const MemoryRef& memory) {
  Header header{};
  if (memory->bytes() < sizeof header ||
      std::memcmp(memory->data(), magic.data(), magic.size()) != 0) {
    throw ModelFileError(
        fmt::format("{} bytes are no model that coinfer exported", memory->bytes()));
  }
  std::memcpy(&header, memory->data(), sizeof header);
  if (header.format != format_version) {
    throw ModelFileError(fmt::format("the exported model has format {}; this coinfer reads {}",
                                     header.format, format_version));
  }
  if (header.header_sum != sum_of(header) || header.zero != 0) {
    throw ModelFileError("the exported model is damaged: its header has another checksum");
  }
  const auto rest = memory->bytes() - sizeof header;
  if (header.meta_bytes % alignment != 0 || header.meta_bytes > rest ||
      header.data_bytes != rest - header.meta_bytes) {
    throw ModelFileError(
        fmt::format("the exported model is damaged: it has {} bytes, and should have {}",
                    memory->bytes(), sizeof header + header.meta_bytes + header.data_bytes));
  }
  return header;
}

void check_sum(std::span<const std::byte> bytes, std::uint64_t expected, int threads) {
  if (checksum(bytes, threads) != expected) {
    throw ModelFileError("the exported model is damaged: its content has another checksum");
  }
}

/// `more`: values behind those of the ports.
bool same_ports(const std::vector<PortRef>& ports, const graph::Graph& graph,
                std::span<const graph::ValueId> ids, std::size_t more = 0) {
  if (ids.size() != ports.size() + more) {
    return false;
  }
  ids = ids.first(ports.size());
  return std::equal(ports.begin(), ports.end(), ids.begin(), ids.end(),
                    [&](const PortRef& port, graph::ValueId id) {
                      const auto& value = graph[id];
                      return (port->type == value.type || value.type == ElementType::dynamic ||
                              port->type == ElementType::dynamic) &&
                             PartialShape::merge(port->shape, value.shape).has_value();
                    });
}

/// What is assigned to variables leaves the graph behind the model's own outputs.
std::size_t assigned_in(const graph::Graph& graph) {
  return static_cast<std::size_t>(
      std::count_if(graph.variables.begin(), graph.variables.end(),
                    [](const graph::Variable& variable) { return bool{variable.assigned}; }));
}

/// A packed constant, and whose value of which graph it is.
struct Known {
  std::uint32_t graph;
  std::uint32_t value;
  plan::Weights::Stored stored;
};

std::vector<Known> known_weights(const Compiled& compiled) {
  std::vector<Places> places;
  for (const auto* graph : graphs_of(compiled.prepared_graph())) {
    places.emplace_back(*graph);
  }
  std::vector<Known> known;
  for (auto& one : compiled.packed_weights()) {
    for (std::uint32_t i = 0; i < places.size(); ++i) {
      if (const auto value = places[i].at(one.constant.data())) {
        known.push_back({i, *value, std::move(one)});
        break;
      }
    }
  }
  return known;
}

}  // namespace

void write_exported(std::ostream& out, const Compiled& compiled, const ExportOptions& options) {
  const auto* source = options.source;
  Writer meta;
  DataWriter data;
  meta.put(version());
  meta.list(options.files, [&](const frontends::FileVersion& file) {
    meta.put(file.path);
    meta.put(file.version);
  });
  meta.put(options.has_run);
  meta.put(compiled.name());
  meta.list(compiled.inputs(), [&](const PortRef& port) { put_port(meta, *port); });
  meta.list(compiled.outputs(), [&](const PortRef& port) { put_port(meta, *port); });
  TensorWriter tensors{meta, data, {}};
  std::optional<Places> of_source;
  if (source != nullptr) {
    of_source.emplace(source->graph());
    tensors.refer = [&](const Tensor& tensor) { return of_source->find(tensor); };
  }
  put_graph(tensors, compiled.prepared_graph());
  std::vector<Known> known;
  if (options.packed) {
    known = known_weights(compiled);
  }
  meta.list(known, [&](const Known& entry) {
    const auto& one = entry.stored;
    meta.put(entry.graph);
    meta.put(entry.value);
    meta.put(one.offset);
    meta.put(one.from);
    meta.put(one.to);
    meta.put(one.kind);
    meta.put<std::uint64_t>(one.memory->bytes());
    meta.put(data.add({one.memory->data(), one.memory->bytes()}, one.memory));
  });
  while (padding(meta.bytes().size()) != 0) {
    meta.put(std::uint8_t{0});
  }

  Header header{};
  header.magic = magic;
  header.format = format_version;
  header.form = source != nullptr ? ExportForm::beside_model : ExportForm::complete;
  header.meta_bytes = meta.bytes().size();
  header.data_bytes = data.bytes();
  header.meta_sum = checksum(meta.bytes());
  header.data_sum = data.sum();
  header.header_sum = sum_of(header);
  out.write(reinterpret_cast<const char*>(&header), sizeof header);
  out.write(reinterpret_cast<const char*>(meta.bytes().data()),
            static_cast<std::streamsize>(meta.bytes().size()));
  data.write(out);
}

Prepared read_exported(const MemoryRef& memory, const Model* source, int threads) {
  const auto header = read_header(memory);
  const std::span all{memory->data(), memory->bytes()};
  const auto meta_bytes = all.subspan(sizeof header, header.meta_bytes);
  check_sum(meta_bytes, header.meta_sum, 1);
  const auto begin = sizeof header + header.meta_bytes;
  check_sum(all.subspan(begin), header.data_sum, threads);
  if ((header.form == ExportForm::beside_model) != (source != nullptr)) {
    throw ModelFileError("the exported model belongs to a cache, and is not complete by itself");
  }

  Reader meta{meta_bytes};
  if (const auto writer = meta.get<std::string>(); writer != version()) {
    throw ModelFileError(
        fmt::format("the model was exported by coinfer {}; this is {}", writer, version()));
  }
  Prepared prepared;
  for (auto count = meta.length(); count > 0; --count) {
    auto path = meta.get<std::string>();
    prepared.sources.push_back({std::move(path), meta.get<std::string>()});
  }
  prepared.has_run = meta.get<bool>();
  prepared.name = meta.get<std::string>();
  prepared.inputs = get_ports(meta, false);
  prepared.outputs = get_ports(meta, true);
  const DataReader data{memory, begin};
  TensorReader tensors{meta, data, {}};
  if (source != nullptr) {
    tensors.resolve = [&](std::uint64_t value) {
      const auto& values = source->graph().values;
      return value < values.size() ? values[value].constant : Tensor{};
    };
  }
  prepared.graph = get_graph(tensors);
  const auto graphs = graphs_of(prepared.graph);
  for (auto count = meta.length(); count > 0; --count) {
    const auto& graph = *graphs[meta.below<std::uint32_t>(graphs.size())];
    const auto value = meta.below<std::uint32_t>(graph.values.size());
    plan::Weights::Stored one;
    one.constant = graph.values[value].constant;
    one.offset = meta.get<std::int64_t>();
    one.from = meta.get<std::string>();
    one.to = meta.get<std::string>();
    one.kind = meta.get<std::string>();
    const auto bytes = meta.get<std::uint64_t>();
    one.memory = data.at(meta.get<std::uint64_t>(), bytes);
    if (!one.constant) {
      Reader::fail();
    }
    prepared.packed.push_back(std::move(one));
  }
  if (!same_ports(prepared.inputs, prepared.graph, prepared.graph.inputs) ||
      !same_ports(prepared.outputs, prepared.graph, prepared.graph.outputs,
                  assigned_in(prepared.graph))) {
    Reader::fail();
  }
  return prepared;
}

void check_imported(const Prepared& prepared) {
  auto graph = prepared.graph;
  for (auto& node : graph.nodes) {
    for (const auto id : node.outputs) {
      if (id) {
        graph[id].type = ElementType::dynamic;
        graph[id].shape = PartialShape::dynamic();
      }
    }
  }
  try {
    passes::infer(graph, false);
  } catch (const Error& error) {
    throw ModelFileError(fmt::format("the exported model is damaged: {}", error.what()));
  }
  if (!same_ports(prepared.outputs, graph, graph.outputs, assigned_in(graph))) {
    throw ModelFileError("the exported model is damaged: its outputs are of other types");
  }
}

}  // namespace coinfer::runtime
