#include <boost/test/unit_test.hpp>
#include <set>

#include "mutation.hpp"
#include "onnx_models.hpp"
#include "passes/passes.hpp"

using namespace coinfer;
using namespace coinfer::test;

namespace {

std::string zoo(const std::string& name) {
  return content_of(onnx_test_data / "light" / ("light_" + name + ".onnx"));
}

/// The small models of single operators that the onnx package holds, with constants in place of
/// their inputs, so that constant folding computes them.
std::vector<std::string> operators() {
  std::vector<std::filesystem::path> paths;
  for (const auto* folder : {"pytorch-converted", "pytorch-operator", "simple"}) {
    for (const auto& entry : std::filesystem::directory_iterator{onnx_test_data / folder}) {
      paths.push_back(entry.path() / "model.onnx");
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> result;
  for (const auto& path : paths) {
    pb::ModelProto model;
    if (!model.ParseFromString(content_of(path))) {
      continue;
    }
    auto* opset = model.mutable_opset_import(0);
    opset->set_version(std::max<std::int64_t>(opset->version(), 7));
    auto* graph = model.mutable_graph();
    std::set<std::string> known;
    for (const auto& tensor : graph->initializer()) {
      known.insert(tensor.name());
    }
    for (const auto& input : graph->input()) {
      const auto& type = input.type().tensor_type();
      if (known.contains(input.name()) || type.elem_type() != pb::TensorProto::FLOAT) {
        continue;
      }
      auto* tensor = graph->add_initializer();
      tensor->set_name(input.name());
      tensor->set_data_type(type.elem_type());
      std::int64_t count = 1;
      for (const auto& dim : type.shape().dim()) {
        tensor->add_dims(dim.dim_value());
        count *= dim.dim_value();
      }
      for (std::int64_t i = 0; i < count; ++i) {
        tensor->add_float_data(0.25F * static_cast<float>(i % 17) - 2.0F);
      }
    }
    auto bytes = model.SerializeAsString();
    if (bytes.size() < 20'000) {
      result.push_back(std::move(bytes));
    }
  }
  return result;
}

/// All kinds of things in one small model: a function, a body, weights, strings, a dynamic input.
std::string various() {
  auto model = empty_model();
  auto* graph = model.mutable_graph();
  describe(graph->add_input(), "x", {-1, 3});
  describe(graph->add_output(), "y", {-1, 3});
  describe(graph->add_value_info(), "h", {-1, 3});
  add_weights(graph, "w", {3}, {1, 2, 3});
  auto* words = graph->add_initializer();
  words->set_name("words");
  words->set_data_type(pb::TensorProto::STRING);
  words->add_dims(2);
  words->add_string_data("one");
  words->add_string_data("two");
  auto* numbers = graph->add_initializer();
  numbers->set_name("e");
  numbers->set_data_type(pb::TensorProto::INT64);
  numbers->add_dims(2);
  numbers->add_int64_data(1);
  numbers->add_int64_data(2);
  add_node(graph, "Same", {"x", "w", "", "words"}, {"h"}, "first");
  auto* outer = add_node(graph, "F", {"h", "e"}, {"i"}, "call");
  outer->set_domain("f");
  auto* with_body = add_node(graph, "Same", {"i"}, {"y"}, "with_body");
  auto* attribute = with_body->add_attribute();
  attribute->set_name("body");
  attribute->set_type(pb::AttributeProto::GRAPH);
  add_node(attribute->mutable_g(), "Same", {"h", "w"}, {"r"}, "inner");
  attribute->mutable_g()->add_output()->set_name("r");
  auto* import = model.add_opset_import();
  import->set_domain("f");
  import->set_version(1);
  auto* function = model.add_functions();
  function->set_domain("f");
  function->set_name("F");
  function->add_input("a");
  function->add_input("b");
  function->add_output("r");
  *function->add_opset_import() = model.opset_import(1);
  add_node(function, "Same", {"a", "b"}, {"r"}, "in_f");
  return model.SerializeAsString();
}

pb::GraphProto* add_body(pb::NodeProto* node, const std::string& name) {
  auto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(pb::AttributeProto::GRAPH);
  return attribute->mutable_g();
}

/// A Loop whose body has an If and a Scan, with captures of every level.
std::string control_flow() {
  auto model = empty_model();
  auto* graph = model.mutable_graph();
  describe(graph->add_input(), "n", {}, pb::TensorProto::INT64);
  describe(graph->add_input(), "go", {}, pb::TensorProto::BOOL);
  describe(graph->add_input(), "x", {2, 3});
  for (const auto* name : {"y", "all"}) {
    graph->add_output()->set_name(name);
  }
  const auto add = [](pb::GraphProto* owner, const char* type, std::vector<std::string> inputs,
                      std::vector<std::string> outputs) {
    auto* node = add_node(owner, type, std::move(inputs), std::move(outputs), type);
    node->set_domain("");
    return node;
  };
  auto* body = add_body(add(graph, "Loop", {"n", "go", "x"}, {"y", "all"}), "body");
  describe(body->add_input(), "i", {}, pb::TensorProto::INT64);
  describe(body->add_input(), "c", {}, pb::TensorProto::BOOL);
  describe(body->add_input(), "v", {2, 3});
  for (const auto* name : {"more", "w", "rows"}) {
    body->add_output()->set_name(name);
  }
  add(body, "Identity", {"c"}, {"more"});
  auto* branch = add(body, "If", {"c"}, {"w"});
  auto* then_branch = add_body(branch, "then_branch");
  add(then_branch, "Add", {"v", "x"}, {"a"});
  then_branch->add_output()->set_name("a");
  auto* else_branch = add_body(branch, "else_branch");
  add(else_branch, "Neg", {"x"}, {"b"});
  else_branch->add_output()->set_name("b");
  auto* scan = add(body, "Scan", {"v"}, {"rows"});
  auto* count = scan->add_attribute();
  count->set_name("num_scan_inputs");
  count->set_type(pb::AttributeProto::INT);
  count->set_i(1);
  auto* row = add_body(scan, "body");
  row->add_input()->set_name("r");
  row->add_output()->set_name("s");
  add(row, "Sub", {"r", "x"}, {"s"});
  return model.SerializeAsString();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frontends_onnx_mutation)

BOOST_AUTO_TEST_CASE(thousands_of_damaged_bodies_give_a_model_or_an_error) {
  const auto base = control_flow();
  read(base);
  std::mt19937 random{5};
  int optimised = 0;
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    const auto bytes = mutate(base, base, random);
    try {
      const auto graph = read(bytes);
      passes::optimise(*graph);
      ++optimised;
    } catch (const Error&) {
      ++refused;
    }
  }
  BOOST_TEST(optimised > 50);
  BOOST_TEST(refused > 1000);
}

// Only coinfer::Error may come out. A crash or any other exception ends the test; the same seed
// gives the same cases on every machine.
BOOST_AUTO_TEST_CASE(thousands_of_damaged_models_give_a_model_or_an_error) {
  struct Base {
    std::string bytes;
    int cases;
  };
  const std::array<Base, 4> bases{{{various(), 8000},
                                   {zoo("zfnet512"), 3000},
                                   {zoo("squeezenet"), 1500},
                                   {zoo("resnet50"), 200}}};
  std::mt19937 random{20240711};
  int read_well = 0;
  int refused = 0;
  for (const auto& base : bases) {
    BOOST_REQUIRE(!base.bytes.empty());
    for (int i = 0; i < base.cases; ++i) {
      const auto bytes = mutate(base.bytes, bases[random() % 3].bytes, random);
      const auto begin = std::chrono::steady_clock::now();
      try {
        read(bytes);
        ++read_well;
      } catch (const Error&) {
        ++refused;
      }
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
      BOOST_REQUIRE_MESSAGE(taken.count() < 5.0, "case " << i << " took " << taken.count() << " s");
    }
  }
  // Were all refused, or none, the mutations would test nothing.
  BOOST_TEST(read_well > 100);
  BOOST_TEST(refused > 1000);
}

// The same for what is done once per compiled model: inference, folding, dead code.
BOOST_AUTO_TEST_CASE(thousands_of_damaged_operators_are_folded_or_refused) {
  const auto bases = operators();
  BOOST_REQUIRE(bases.size() > 50);
  std::mt19937 random{7};
  int folded = 0;
  int refused = 0;
  for (const auto& base : bases) {
    for (int i = 0; i < 50; ++i) {
      const auto bytes = mutate(base, bases[random() % bases.size()], random);
      const auto begin = std::chrono::steady_clock::now();
      try {
        const auto graph = read(bytes);
        passes::optimise(*graph);
        ++folded;
      } catch (const Error&) {
        ++refused;
      }
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
      BOOST_REQUIRE_MESSAGE(taken.count() < 5.0, "case " << i << " took " << taken.count() << " s");
    }
  }
  BOOST_TEST(folded > 100);
  BOOST_TEST(refused > 1000);
}

BOOST_AUTO_TEST_SUITE_END()
