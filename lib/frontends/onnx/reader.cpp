#include "frontends/onnx/reader.hpp"

#include "coinfer/error.hpp"
#include "frontends/mapped_file.hpp"
#include "frontends/onnx/builder.hpp"
#include "passes/passes.hpp"

namespace coinfer::frontends::onnx {
namespace {

/// What the file says of a value and what follows from its graph must not contradict each other.
void keep_promise(const Builder::Promise& promise, graph::Graph& graph) {
  auto& value = graph[promise.value];
  const auto& [type, shape] = promise.declared;
  const auto merged = PartialShape::merge(value.shape, shape);
  const bool typed =
      type == ElementType::dynamic || value.type == ElementType::dynamic || value.type == type;
  if (!typed || !merged) {
    throw ModelFileError(fmt::format(
        "the value '{}' is declared as {} {}; its graph makes it {} {}", value.name, name_of(type),
        shape.to_string(), name_of(value.type), value.shape.to_string()));
  }
  value.shape = *merged;
  if (value.type == ElementType::dynamic) {
    value.type = type;
  }
}

}  // namespace

std::shared_ptr<graph::Graph> read(const MemoryRef& file, ExternalData external) {
  const auto model = walk_model(bytes_of(file));
  if (!model.graph) {
    throw ModelFileError("it has no graph: it is not an ONNX model");
  }
  if (model.head.ir_version() > pb::Version::IR_VERSION) {
    throw ModelFileError(fmt::format("it has IR version {}; coinfer reads versions up to {}",
                                     model.head.ir_version(),
                                     static_cast<int>(pb::Version::IR_VERSION)));
  }
  if (model.head.opset_import_size() == 0) {
    throw ModelFileError("it declares no opset: it is damaged, or older than opset 7");
  }
  TensorReader tensors{file, std::move(external)};
  Builder builder{model, tensors};
  auto graph = builder.build();
  passes::infer(*graph, false);
  for (const auto& entry : model.head.metadata_props()) {
    // Where OpenVINO has it.
    graph->rt_info.at(std::array{std::string{"framework"}, entry.key()}).value = entry.value();
  }
  for (const auto& promise : builder.promises()) {
    keep_promise(promise, *graph);
  }
  return graph;
}

}  // namespace coinfer::frontends::onnx
