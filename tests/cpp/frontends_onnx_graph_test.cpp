#include <boost/test/unit_test.hpp>

#include "onnx_models.hpp"

using namespace coinfer;
using namespace coinfer::test;

BOOST_AUTO_TEST_SUITE(frontends_onnx_graph)

BOOST_AUTO_TEST_CASE(a_model_of_one_node_is_read_with_names_types_and_shapes) {
  const auto graph = read(one_node_model());
  BOOST_TEST(graph->name == "g");
  BOOST_REQUIRE(graph->nodes.size() == 1);
  BOOST_TEST(describe(graph->nodes[0]) == "test.Same 'y'");
  BOOST_TEST(graph->nodes[0].op != nullptr);
  BOOST_REQUIRE(graph->inputs.size() == 1);
  BOOST_REQUIRE(graph->outputs.size() == 1);
  const auto& x = (*graph)[graph->inputs[0]];
  const auto& y = (*graph)[graph->outputs[0]];
  BOOST_TEST(x.name == "x");
  BOOST_TEST(y.name == "y");
  BOOST_TEST((y.type == ElementType::f32));
  BOOST_TEST(y.shape.to_string() == "[2,3]");
}

BOOST_AUTO_TEST_CASE(nodes_out_of_order_are_sorted) {
  auto model = empty_model();
  auto* graph = model.mutable_graph();
  describe(graph->add_input(), "x", {1});
  describe(graph->add_output(), "c", {1});
  add_node(graph, "Same", {"b"}, {"c"}, "last");
  add_node(graph, "Same", {"a"}, {"b"}, "middle");
  add_node(graph, "Same", {"x"}, {"a"}, "first");
  const auto read_back = read(model);
  BOOST_TEST(read_back->nodes[0].name == "first");
  BOOST_TEST(read_back->nodes[1].name == "middle");
  BOOST_TEST(read_back->nodes[2].name == "c");  // what makes an output goes by its name
}

BOOST_AUTO_TEST_CASE(a_cycle_is_an_error_that_names_a_node_of_it) {
  auto model = empty_model();
  auto* graph = model.mutable_graph();
  describe(graph->add_output(), "b", {1});
  add_node(graph, "Same", {"b"}, {"a"}, "to_a");
  add_node(graph, "Same", {"a"}, {"b"}, "to_b");
  CHECK_TEXT(read_error(model), "cycle through test.Same 'to_");
}

BOOST_AUTO_TEST_CASE(a_node_without_a_name_is_called_after_its_first_output) {
  auto model = one_node_model();
  model.mutable_graph()->mutable_node(0)->clear_name();
  BOOST_TEST(read(model)->nodes[0].name == "y");
}

BOOST_AUTO_TEST_CASE(an_undefined_value_is_an_error_that_names_node_and_input) {
  auto model = one_node_model();
  model.mutable_graph()->mutable_node(0)->set_input(0, "nothing");
  CHECK_TEXT(read_error(model), "test.Same 'same': its input 'nothing' is made by no node");
}

BOOST_AUTO_TEST_CASE(a_left_out_optional_input_is_no_value) {
  auto model = one_node_model();
  model.mutable_graph()->mutable_node(0)->add_input("");
  model.mutable_graph()->mutable_node(0)->add_input("x");
  const auto graph = read(model);
  BOOST_REQUIRE(graph->nodes[0].inputs.size() == 3);
  BOOST_TEST(!graph->nodes[0].has_input(1));
  BOOST_TEST(graph->nodes[0].has_input(2));
}

BOOST_AUTO_TEST_CASE(two_values_of_one_name_are_an_error) {
  auto model = one_node_model();
  add_node(model.mutable_graph(), "Same", {"x"}, {"y"}, "again");
  CHECK_TEXT(read_error(model),
             "test.Same 'again': its output 'y' has the name of an earlier value");

  model = one_node_model();
  add_node(model.mutable_graph(), "Same", {"x"}, {"x"}, "over");
  CHECK_TEXT(read_error(model),
             "test.Same 'over': its output 'x' has the name of an earlier value");

  model = one_node_model();
  describe(model.mutable_graph()->add_input(), "x", {2, 3});
  CHECK_TEXT(read_error(model), "the input 'x' is declared twice");

  model = one_node_model();
  describe(model.mutable_graph()->add_output(), "y", {2, 3});
  CHECK_TEXT(read_error(model), "the output 'y' is declared twice");

  model = one_node_model();
  add_weights(model.mutable_graph(), "w", {1}, {1});
  add_weights(model.mutable_graph(), "w", {1}, {1});
  CHECK_TEXT(read_error(model), "an initialiser 'w' has the name of an earlier value");
}

BOOST_AUTO_TEST_CASE(an_unknown_operator_is_unsupported_with_domain_opset_and_node) {
  auto model = one_node_model();
  model.mutable_graph()->mutable_node(0)->set_op_type("Frobnicate");
  BOOST_CHECK_THROW(read(model), Unsupported);
  CHECK_TEXT(read_error(model),
             "operator 'Frobnicate' (domain 'test', opset 1) of the node 'same': not implemented");
}

BOOST_AUTO_TEST_CASE(an_undeclared_domain_is_an_error) {
  auto model = one_node_model();
  model.mutable_graph()->mutable_node(0)->set_domain("other");
  CHECK_TEXT(read_error(model), "other.Same 'same': the model declares no version of its domain");
}

BOOST_AUTO_TEST_CASE(an_opset_too_old_or_too_new_is_an_error) {
  for (const auto opset : {6, 29, -3}) {
    auto model = one_node_model();
    model.mutable_opset_import(0)->set_version(opset);
    CHECK_TEXT(read_error(model), fmt::format("the model needs ONNX opset {}; coinfer reads opsets "
                                              "7 to 28",
                                              opset));
  }
  auto model = one_node_model();
  model.clear_opset_import();
  CHECK_TEXT(read_error(model), "it declares no opset");
}

BOOST_AUTO_TEST_CASE(a_graph_without_outputs_is_an_error) {
  auto model = one_node_model();
  model.mutable_graph()->clear_output();
  CHECK_TEXT(read_error(model), "the graph 'g' has no outputs");
}

BOOST_AUTO_TEST_CASE(an_output_that_nothing_makes_is_an_error) {
  auto model = one_node_model();
  describe(model.mutable_graph()->add_output(), "z", {1});
  CHECK_TEXT(read_error(model), "the output 'z' is made by no node");
}

BOOST_AUTO_TEST_CASE(dynamic_dimensions_stay_dynamic) {
  auto model = one_node_model();
  describe(model.mutable_graph()->mutable_input(0), "x", {-1, 3});
  model.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->Clear();
  describe(model.mutable_graph()->mutable_input(0), "x", {-1, 3});
  model.mutable_graph()->mutable_output(0)->clear_type();
  const auto graph = read(model);
  BOOST_TEST((*graph)[graph->inputs[0]].shape.to_string() == "[?,3]");
  BOOST_TEST((*graph)[graph->outputs[0]].shape.to_string() == "[?,3]");
}

BOOST_AUTO_TEST_CASE(a_declared_output_shape_that_the_graph_contradicts_is_an_error) {
  auto model = one_node_model();
  model.mutable_graph()->clear_output();
  describe(model.mutable_graph()->add_output(), "y", {2, 4});
  CHECK_TEXT(read_error(model),
             "the value 'y' is declared as f32 [2,4]; its graph makes it f32 [2,3]");
}

BOOST_AUTO_TEST_CASE(an_initialiser_that_is_an_input_too_is_a_constant) {
  auto model = one_node_model();
  auto* graph = model.mutable_graph();
  add_weights(graph, "w", {2}, {1, 2});
  describe(graph->add_input(), "w", {2});
  graph->mutable_node(0)->add_input("w");
  model.set_ir_version(3);
  const auto read_back = read(model);
  BOOST_TEST(read_back->inputs.size() == 1);
  BOOST_TEST(read_back->is_constant(read_back->nodes[0].inputs[1]));

  graph->mutable_input(1)->Clear();
  describe(graph->mutable_input(1), "w", {3});
  CHECK_TEXT(read_error(model), "the input 'w' is declared as f32 [3]; its initialiser is f32 [2]");
}

BOOST_AUTO_TEST_CASE(inputs_that_are_no_tensors_are_unsupported_and_without_type_an_error) {
  auto model = one_node_model();
  model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_sequence_type();
  CHECK_TEXT(read_error(model), "the input 'x' is a sequence; only dense tensors are supported");
  model.mutable_graph()->mutable_input(0)->clear_type();
  CHECK_TEXT(read_error(model), "the input 'x' has no element type");
}

BOOST_AUTO_TEST_CASE(a_negative_dimension_of_an_input_is_an_error) {
  auto model = one_node_model();
  model.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(-7);
  CHECK_TEXT(read_error(model), "the input 'x' has the negative dimension -7");
}

BOOST_AUTO_TEST_CASE(attributes_of_all_kinds_are_read) {
  auto model = one_node_model();
  auto* node = model.mutable_graph()->mutable_node(0);
  const auto add = [&](const char* name, pb::AttributeProto::AttributeType type) {
    auto* attribute = node->add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return attribute;
  };
  add("i", pb::AttributeProto::INT)->set_i(-5);
  add("f", pb::AttributeProto::FLOAT)->set_f(0.5F);
  add("s", pb::AttributeProto::STRING)->set_s("text");
  add("zero", pb::AttributeProto::INT);  // a default value may be left out of the file
  auto* ints = add("ints", pb::AttributeProto::INTS);
  ints->add_ints(1);
  ints->add_ints(2);
  add("floats", pb::AttributeProto::FLOATS)->add_floats(1.5F);
  add("strings", pb::AttributeProto::STRINGS)->add_strings("a");
  auto* tensor = add("t", pb::AttributeProto::TENSOR)->mutable_t();
  tensor->set_data_type(pb::TensorProto::INT64);
  tensor->add_int64_data(9);
  const auto graph = read(model);
  const auto& attributes = graph->nodes[0].attributes;
  BOOST_TEST(attributes.integer("i", 0) == -5);
  BOOST_TEST(attributes.integer("zero", 7) == 0);
  BOOST_TEST(attributes.real("f", 0) == 0.5F);
  BOOST_TEST(attributes.text("s", "") == "text");
  BOOST_TEST(attributes.integers("ints")->at(1) == 2);
  BOOST_TEST(attributes.reals("floats")->at(0) == 1.5F);
  BOOST_TEST(std::get<std::vector<std::string>>(*attributes.find("strings"))[0] == "a");
  BOOST_TEST(*attributes.tensor("t").data<std::int64_t>() == 9);

  add("i", pb::AttributeProto::INT);
  CHECK_TEXT(read_error(model), "test.Same 'same' has two attributes 'i'");
}

BOOST_AUTO_TEST_CASE(attributes_of_unsupported_kinds_are_named) {
  auto model = one_node_model();
  auto* attribute = model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute->set_name("many");
  attribute->set_type(pb::AttributeProto::TENSORS);
  attribute->add_tensors();
  BOOST_CHECK_THROW(read(model), Unsupported);
  CHECK_TEXT(read_error(model), "test.Same 'same': its attribute 'many' is a list of tensors");
  attribute->clear_tensors();
  attribute->set_type(pb::AttributeProto::SPARSE_TENSOR);
  CHECK_TEXT(read_error(model), "'many' is of the kind SPARSE_TENSOR, which is not supported");
  attribute->set_type(pb::AttributeProto::TENSOR);
  CHECK_TEXT(read_error(model), "test.Same 'same': its attribute 'many' has no value");
}

BOOST_AUTO_TEST_CASE(a_constant_node_becomes_a_constant) {
  auto model = one_node_model();
  auto* node = add_node(model.mutable_graph(), "Constant", {}, {"k"}, "constant");
  node->set_domain("");
  auto* attribute = node->add_attribute();
  attribute->set_name("value_ints");
  attribute->set_type(pb::AttributeProto::INTS);
  attribute->add_ints(4);
  attribute->add_ints(5);
  model.mutable_graph()->mutable_node(0)->add_input("k");
  const auto graph = read(model);
  BOOST_TEST(graph->nodes.size() == 1);
  BOOST_TEST(value_named(*graph, "k").constant.data<std::int64_t>()[1] == 5);

  node->clear_attribute();
  CHECK_TEXT(read_error(model), "Constant 'constant' has 0 attributes instead of one value");
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_nodes_are_read_in_linear_time) {
  auto model = empty_model();
  auto* graph = model.mutable_graph();
  describe(graph->add_input(), "x", {1});
  std::string last = "x";
  constexpr int count = 100'000;
  for (int i = 0; i < count; ++i) {
    auto next = fmt::format("v{}", i);
    add_node(graph, "Same", {last}, {next});
    last = std::move(next);
  }
  describe(graph->add_output(), last, {1});
  const auto begin = std::chrono::steady_clock::now();
  const auto read_back = read(model);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  BOOST_TEST(read_back->nodes.size() == count);
  // Quadratic time would need minutes.
  BOOST_TEST(taken.count() < 10.0);
}

BOOST_AUTO_TEST_SUITE_END()
