#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "coinfer/error.hpp"
#include "frontends/frontend.hpp"
#include "onnx-ml.pb.h"
#include "ops/op.hpp"

/// ONNX models made with the generated classes, for the tests of the frontend. Their operators are
/// of the domain "test", so that they do not depend on what is implemented:
///   test.Same(x, …) -> y      y has the type and shape of x; any number of inputs and attributes
///   test.Split2(x) -> y, z    both like x
namespace coinfer::test {

namespace pb = ::onnx;

inline void register_test_operators() {
  static const bool once = [] {
    const auto same = [](ops::InferContext& context) {
      for (std::size_t i = 0; i < context.outputs(); ++i) {
        context.output(i, context.type(0), context.shape(0));
      }
    };
    ops::Registry::instance().add({.type = "Same", .infer = same, .domain = "test"});
    ops::Registry::instance().add({.type = "Split2", .infer = same, .domain = "test"});
    return true;
  }();
  static_cast<void>(once);
}

inline pb::ModelProto empty_model(int opset = 17) {
  register_test_operators();
  pb::ModelProto model;
  model.set_ir_version(8);
  auto* own = model.add_opset_import();
  own->set_domain("");
  own->set_version(opset);
  auto* test = model.add_opset_import();
  test->set_domain("test");
  test->set_version(1);
  model.mutable_graph()->set_name("g");
  return model;
}

/// Dimension -1 is dynamic.
inline void describe(pb::ValueInfoProto* info, const std::string& name, std::vector<int> dims,
                     int type = pb::TensorProto::FLOAT) {
  info->set_name(name);
  auto* tensor = info->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  tensor->mutable_shape();
  for (const auto dim : dims) {
    auto* added = tensor->mutable_shape()->add_dim();
    if (dim >= 0) {
      added->set_dim_value(dim);
    } else {
      added->set_dim_param("N");
    }
  }
}

template <class Owner>
pb::NodeProto* add_node(Owner* owner, const std::string& type, std::vector<std::string> inputs,
                        std::vector<std::string> outputs, const std::string& name = {}) {
  auto* node = owner->add_node();
  node->set_op_type(type);
  node->set_domain("test");
  node->set_name(name);
  for (auto& input : inputs) {
    node->add_input(std::move(input));
  }
  for (auto& output : outputs) {
    node->add_output(std::move(output));
  }
  return node;
}

/// x -> Same 'same' -> y, both f32 [2,3].
inline pb::ModelProto one_node_model() {
  auto model = empty_model();
  auto* graph = model.mutable_graph();
  describe(graph->add_input(), "x", {2, 3});
  describe(graph->add_output(), "y", {2, 3});
  add_node(graph, "Same", {"x"}, {"y"}, "same");
  return model;
}

/// A dense f32 initialiser as raw_data.
inline pb::TensorProto* add_weights(pb::GraphProto* graph, const std::string& name,
                                    std::vector<int> dims, const std::vector<float>& values) {
  auto* tensor = graph->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(pb::TensorProto::FLOAT);
  for (const auto dim : dims) {
    tensor->add_dims(dim);
  }
  tensor->set_raw_data(values.data(), values.size() * sizeof(float));
  return tensor;
}

/// Bytes on the heap, kept alive by the graph that is read from them.
inline std::shared_ptr<graph::Graph> read(const std::string& bytes) {
  auto owner = std::make_shared<std::string>(bytes);
  return frontends::read_bytes(std::as_bytes(std::span{*owner}), owner);
}

inline std::shared_ptr<graph::Graph> read(const pb::ModelProto& model) {
  return read(model.SerializeAsString());
}

/// The text of the error that `work` throws, "no error" when there is none. Anything but a
/// coinfer::Error ends the test.
template <class Work>
std::string message_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline std::string read_error(const pb::ModelProto& model) {
  return message_of([&] { read(model); });
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// The test data of the onnx package.
inline const std::filesystem::path onnx_test_data{ONNX_TEST_DATA};

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "coinfer-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    const auto file = path_ / name;
    std::ofstream{file, std::ios::binary} << bytes;
    return file;
  }

 private:
  std::filesystem::path path_;
};

inline const graph::Value& value_named(const graph::Graph& graph, std::string_view name) {
  for (const auto& value : graph.values) {
    if (value.name == name) {
      return value;
    }
  }
  throw Error("the graph has no value " + std::string{name});
}

}  // namespace coinfer::test

/// Checks that an error text has the part expected, and shows the text when it has not.
#define CHECK_TEXT(text, part)                                                        \
  do {                                                                                \
    const std::string text_ = (text);                                                 \
    BOOST_TEST(::coinfer::test::contains(text_, part), text_ << "\nlacks: " << part); \
  } while (false)
