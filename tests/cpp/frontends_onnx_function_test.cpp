#include <boost/test/unit_test.hpp>

#include "onnx_models.hpp"

using namespace coinfer;
using namespace coinfer::test;

namespace {

/// function fun.Twice(a, b?) -> r: Same(a, b; gain = @gain) -> t, Same(t) -> r
pb::ModelProto function_model() {
  auto model = empty_model();
  auto* import = model.add_opset_import();
  import->set_domain("fun");
  import->set_version(1);
  auto* function = model.add_functions();
  function->set_domain("fun");
  function->set_name("Twice");
  function->add_input("a");
  function->add_input("b");
  function->add_output("r");
  function->add_attribute("gain");
  auto* test = function->add_opset_import();
  test->set_domain("test");
  test->set_version(1);
  auto* first = add_node(function, "Same", {"a", "b"}, {"t"}, "first");
  auto* gain = first->add_attribute();
  gain->set_name("gain");
  gain->set_type(pb::AttributeProto::INT);
  gain->set_ref_attr_name("gain");
  add_node(function, "Same", {"t"}, {"r"}, "second");

  auto* graph = model.mutable_graph();
  describe(graph->add_input(), "x", {2});
  describe(graph->add_output(), "z", {2});
  add_node(graph, "Twice", {"x"}, {"y"}, "one")->set_domain("fun");
  add_node(graph, "Twice", {"y", "x"}, {"z"}, "two")->set_domain("fun");
  return model;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frontends_onnx_function)

BOOST_AUTO_TEST_CASE(functions_are_inlined_with_names_of_their_own) {
  const auto graph = read(function_model());
  BOOST_REQUIRE(graph->nodes.size() == 4);
  BOOST_TEST(graph->nodes[0].name == "one/first");
  BOOST_TEST(graph->nodes[2].name == "two/first");
  BOOST_TEST(graph->nodes[3].name == "z");  // what makes an output goes by its name
  BOOST_TEST(value_named(*graph, "one/t").shape.to_string() == "[2]");
  BOOST_TEST((*graph)[graph->outputs[0]].name == "z");
  // The optional input is left out by the first call and given by the second.
  BOOST_TEST(!graph->nodes[0].has_input(1));
  BOOST_TEST((*graph)[graph->nodes[2].inputs[1]].name == "x");
}

BOOST_AUTO_TEST_CASE(attributes_of_a_call_reach_the_body) {
  auto model = function_model();
  BOOST_TEST(!read(model)->nodes[0].attributes.has("gain"));
  auto* gain = model.mutable_graph()->mutable_node(0)->add_attribute();
  gain->set_name("gain");
  gain->set_type(pb::AttributeProto::INT);
  gain->set_i(7);
  auto graph = read(model);
  BOOST_TEST(graph->nodes[0].attributes.integer("gain", 0) == 7);
  BOOST_TEST(!graph->nodes[2].attributes.has("gain"));

  auto* standard = model.mutable_functions(0)->add_attribute_proto();
  *standard = *gain;
  standard->set_i(3);
  graph = read(model);
  BOOST_TEST(graph->nodes[0].attributes.integer("gain", 0) == 7);
  BOOST_TEST(graph->nodes[2].attributes.integer("gain", 0) == 3);
}

BOOST_AUTO_TEST_CASE(functions_may_call_functions) {
  auto model = function_model();
  auto* outer = model.add_functions();
  outer->set_domain("fun");
  outer->set_name("Four");
  outer->add_input("a");
  outer->add_output("r");
  *outer->add_opset_import() = model.opset_import(1);
  add_node(outer, "Twice", {"a"}, {"m"}, "p")->set_domain("fun");
  add_node(outer, "Twice", {"m"}, {"r"}, "q")->set_domain("fun");
  model.mutable_graph()->mutable_node(1)->set_op_type("Four");
  model.mutable_graph()->mutable_node(1)->mutable_input()->RemoveLast();
  const auto graph = read(model);
  BOOST_TEST(graph->nodes.size() == 6);
  BOOST_TEST(graph->nodes[4].name == "two/q/first");
}

BOOST_AUTO_TEST_CASE(a_function_that_calls_itself_is_an_error) {
  auto model = function_model();
  model.mutable_functions(0)->mutable_node(1)->set_domain("fun");
  model.mutable_functions(0)->mutable_node(1)->set_op_type("Twice");
  CHECK_TEXT(read_error(model), "fun.Twice 'one/second': the function 'fun.Twice' calls itself");
}

BOOST_AUTO_TEST_CASE(functions_that_multiply_exponentially_are_an_error) {
  auto model = function_model();
  for (int level = 0; level < 25; ++level) {
    auto* function = model.add_functions();
    function->set_domain("fun");
    function->set_name(fmt::format("F{}", level));
    function->add_input("a");
    function->add_output("r");
    *function->add_opset_import() = model.opset_import(1);
    const auto callee = level == 0 ? std::string{"Twice"} : fmt::format("F{}", level - 1);
    add_node(function, callee, {"a"}, {"m"}, "p")->set_domain("fun");
    add_node(function, callee, {"m"}, {"r"}, "q")->set_domain("fun");
  }
  model.mutable_graph()->mutable_node(0)->set_op_type("F24");
  CHECK_TEXT(read_error(model), "its functions have more than 1000000 nodes in all");
}

BOOST_AUTO_TEST_CASE(a_function_that_returns_its_input_copies_it) {
  auto model = function_model();
  auto* function = model.add_functions();
  function->set_domain("fun");
  function->set_name("Echo");
  function->add_input("a");
  function->add_output("a");
  model.mutable_graph()->mutable_node(0)->set_op_type("Echo");
  const auto text = read_error(model);
  // What matters here is that the name resolves; Identity belongs to the operators.
  if (text == "no error") {
    BOOST_TEST(read(model)->nodes[0].type == "Identity");
  } else {
    CHECK_TEXT(text, "Identity");
  }
}

BOOST_AUTO_TEST_CASE(a_call_with_too_many_inputs_or_a_body_without_the_output_is_an_error) {
  auto model = function_model();
  model.mutable_graph()->mutable_node(1)->add_input("x");
  CHECK_TEXT(
      read_error(model),
      "fun.Twice 'two' has 3 inputs and 1 outputs; the function 'fun.Twice' takes 2 and gives 1");
  model = function_model();
  model.mutable_functions(0)->set_output(0, "nothing");
  CHECK_TEXT(read_error(model),
             "the function 'fun.Twice' has no node that makes its output 'nothing'");
  model = function_model();
  *model.add_functions() = model.functions(0);
  CHECK_TEXT(read_error(model), "the function 'fun.Twice' is defined twice");
}

BOOST_AUTO_TEST_CASE(the_body_of_a_function_sees_no_outer_names) {
  auto model = function_model();
  model.mutable_functions(0)->mutable_node(1)->set_input(0, "x");
  CHECK_TEXT(read_error(model), "test.Same 'one/second': its input 'x' is made by no node");
}

BOOST_AUTO_TEST_CASE(a_reference_to_an_attribute_outside_of_a_function_is_an_error) {
  auto model = one_node_model();
  auto* attribute = model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute->set_name("gain");
  attribute->set_ref_attr_name("gain");
  CHECK_TEXT(read_error(model), "refers to the attribute 'gain' of a function, outside of one");
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

/// Same 'outer'(x) with two bodies: a: Same(x, k) -> r; b: Same(h) -> s, Same(s) -> r.
/// x is the main input, k an initialiser, h the result of a node.
pb::ModelProto body_model() {
  auto model = empty_model();
  auto* graph = model.mutable_graph();
  describe(graph->add_input(), "x", {2});
  describe(graph->add_output(), "y", {2});
  add_weights(graph, "k", {2}, {1, 2});
  auto* outer = add_node(graph, "Same", {"x"}, {"y"}, "outer");
  add_node(graph, "Same", {"x"}, {"h"}, "later");
  for (const auto* name : {"a", "b"}) {
    auto* attribute = outer->add_attribute();
    attribute->set_name(name);
    attribute->set_type(pb::AttributeProto::GRAPH);
    auto* body = attribute->mutable_g();
    body->set_name(name);
    body->add_output()->set_name("r");
  }
  add_node(outer->mutable_attribute(0)->mutable_g(), "Same", {"x", "k"}, {"r"}, "in_a");
  auto* b = outer->mutable_attribute(1)->mutable_g();
  add_node(b, "Same", {"h"}, {"s"}, "in_b");
  add_node(b, "Same", {"s"}, {"r"}, "in_b2");
  return model;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frontends_onnx_body)

BOOST_AUTO_TEST_CASE(bodies_get_the_outer_values_they_read_as_their_last_inputs) {
  const auto graph = read(body_model());
  BOOST_REQUIRE(graph->nodes.size() == 2);
  // The node that makes h comes first: the body needs it.
  BOOST_TEST(graph->nodes[0].name == "later");
  const auto& node = graph->nodes[1];
  const auto a = node.attributes.graph("a");
  const auto b = node.attributes.graph("b");
  BOOST_REQUIRE(a);
  BOOST_REQUIRE(b);
  BOOST_TEST(a->captures == 2U);
  BOOST_TEST(b->captures == 2U);
  BOOST_REQUIRE(node.inputs.size() == 3);
  BOOST_TEST((*graph)[node.inputs[1]].name == "x");
  BOOST_TEST((*graph)[node.inputs[2]].name == "h");
  for (const auto& body : {a, b}) {
    BOOST_REQUIRE(body->inputs.size() == 2);
    BOOST_TEST((*body)[body->inputs[0]].name == "x");
    BOOST_TEST((*body)[body->inputs[1]].name == "h");
  }
  BOOST_TEST((a->nodes[0].inputs[0] == a->inputs[0]));
  BOOST_TEST((b->nodes[0].inputs[0] == b->inputs[1]));
  // A constant is not handed over: the body has it.
  BOOST_TEST(a->is_constant(a->nodes[0].inputs[1]));
}

BOOST_AUTO_TEST_CASE(a_body_in_a_body_captures_through_both) {
  auto model = body_model();
  auto* b = model.mutable_graph()->mutable_node(0)->mutable_attribute(1)->mutable_g();
  auto* attribute = b->mutable_node(1)->add_attribute();
  attribute->set_name("inner");
  attribute->set_type(pb::AttributeProto::GRAPH);
  auto* inner = attribute->mutable_g();
  inner->add_output()->set_name("q");
  add_node(inner, "Same", {"x", "s"}, {"q"}, "deep");
  const auto graph = read(model);
  const auto body = graph->nodes[1].attributes.graph("b");
  const auto deep = body->nodes[1].attributes.graph("inner");
  BOOST_TEST(deep->captures == 2U);
  BOOST_REQUIRE(body->nodes[1].inputs.size() == 3);
  BOOST_TEST((*body)[body->nodes[1].inputs[1]].name == "x");
  BOOST_TEST((body->nodes[1].inputs[1] == body->inputs[0]));
  BOOST_TEST((*body)[body->nodes[1].inputs[2]].name == "s");
}

BOOST_AUTO_TEST_CASE(errors_in_a_body_name_the_node_around_it) {
  auto model = body_model();
  auto* b = model.mutable_graph()->mutable_node(0)->mutable_attribute(1)->mutable_g();
  b->mutable_node(0)->set_input(0, "nothing");
  CHECK_TEXT(read_error(model), "test.Same 'in_b': its input 'nothing'");
  CHECK_TEXT(read_error(model), "in 'b' of test.Same 'outer'");
}

BOOST_AUTO_TEST_CASE(a_body_that_needs_the_result_of_its_own_node_is_a_cycle) {
  auto model = body_model();
  model.mutable_graph()
      ->mutable_node(0)
      ->mutable_attribute(1)
      ->mutable_g()
      ->mutable_node(0)
      ->set_input(0, "y");
  CHECK_TEXT(read_error(model), "cycle through test.Same 'outer'");
}

BOOST_AUTO_TEST_SUITE_END()
