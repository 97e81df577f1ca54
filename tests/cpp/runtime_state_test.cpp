// Variables that a request keeps from one inference to the next.
#include <boost/test/unit_test.hpp>

#include "coinfer/error.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;

namespace {

enum class Initial : std::uint8_t { none, constant, computed };

/// sum = variable + x, which is assigned. The initial value is none, 10 or 2 * x. With `by_value`
/// the result is Reshape(sum, shape), whose shape is an input: it may fail after the assignment.
Model accumulator(Initial initial, bool by_value = false) {
  auto graph = std::make_shared<graph::Graph>();
  graph->name = "accumulator";
  const auto input = [&](const char* name, ElementType type) {
    const auto id = graph->add({name, type, PartialShape{2}, {}});
    graph->inputs.push_back(id);
    return id;
  };
  const auto add = [&](const char* domain, const char* type, std::vector<graph::ValueId> inputs,
                       graph::Attributes attributes) {
    graph::Node node;
    node.domain = domain;
    node.type = type;
    node.name = type;
    node.opset = 17;
    node.attributes = std::move(attributes);
    node.inputs.assign(inputs.begin(), inputs.end());
    node.outputs.push_back(graph->add({type, ElementType::dynamic, PartialShape::dynamic(), {}}));
    graph->nodes.push_back(node);
    return node.outputs[0];
  };
  const auto x = input("x", ElementType::f32);
  std::vector<graph::ValueId> from;
  if (initial == Initial::constant) {
    from.push_back(graph->add_constant(floats({10, 10})));
  } else if (initial == Initial::computed) {
    from.push_back(add("", "Add", {x, x}, {}));
  }
  graph::Attributes attributes;
  attributes.set("variable", std::string{"total"});
  attributes.set("type", static_cast<std::int64_t>(ElementType::f32));
  attributes.set("shape", std::string{"[2]"});
  const auto read = add("coinfer", "ReadValue", from, attributes);
  const auto sum = add("", "Add", {read, x}, {});
  graph->variables.push_back({"total", ElementType::f32, PartialShape{2}, sum});
  auto out = sum;
  if (by_value) {
    out = add("", "Reshape", {sum, add("", "Abs", {input("shape", ElementType::i64)}, {})}, {});
  }
  (*graph)[out].name = "sum";
  graph->outputs.push_back(out);
  passes::infer(*graph, false);
  return Model{graph};
}

std::vector<float> infer(InferRequest& request, std::initializer_list<float> x) {
  request.set_input_tensor(0, floats(x));
  request.infer();
  return values_of(request.output_tensor(0));
}

using Values = std::vector<float>;

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_state)

BOOST_AUTO_TEST_CASE(a_variable_keeps_what_was_assigned_until_it_is_reset) {
  for (const auto initial : {Initial::none, Initial::constant, Initial::computed}) {
    auto request = compile(accumulator(initial)).create_infer_request();
    const float first = initial == Initial::none ? 0 : initial == Initial::constant ? 10 : 2;
    const float second = initial == Initial::computed ? 4 : first;
    for (int round = 0; round < 2; ++round) {
      BOOST_TEST((infer(request, {1, 2}) == Values{first + 1, second + 2}));
      BOOST_TEST((infer(request, {1, 2}) == Values{first + 2, second + 4}));
      BOOST_TEST((infer(request, {5, 5}) == Values{first + 7, second + 9}));
      request.reset_state();
    }
  }
}

BOOST_AUTO_TEST_CASE(a_state_is_read_and_set_by_copies) {
  auto request = compile(accumulator(Initial::constant)).create_infer_request();
  auto states = request.query_state();
  BOOST_REQUIRE(states.size() == 1U);
  auto& total = states[0];
  BOOST_TEST(total.name() == "total");
  BOOST_TEST((values_of(total.state()) == Values{0, 0}));
  infer(request, {1, 2});
  const auto seen = total.state();
  BOOST_TEST((values_of(seen) == Values{11, 12}));
  infer(request, {1, 2});
  infer(request, {1, 2});
  BOOST_TEST((values_of(seen) == Values{11, 12}));
  auto mine = floats({100, 200});
  total.set_state(mine);
  mine.data<float>()[0] = -1;
  BOOST_TEST((infer(request, {1, 2}) == Values{101, 202}));
  total.reset();
  BOOST_TEST((infer(request, {1, 2}) == Values{11, 12}));
}

BOOST_AUTO_TEST_CASE(a_wrong_state_is_refused_by_name) {
  auto request = compile(accumulator(Initial::none)).create_infer_request();
  auto total = request.query_state()[0];
  const auto names_it = [](const Error& error) {
    return std::string_view{error.what()}.find("'total'") != std::string_view::npos;
  };
  BOOST_CHECK_EXCEPTION(total.set_state(floats({1, 2, 3})), Error, names_it);
  BOOST_CHECK_EXCEPTION(total.set_state(Tensor{ElementType::i32, {2}}), Error, names_it);
  BOOST_CHECK_EXCEPTION(total.set_state(Tensor{}), Error, names_it);
}

BOOST_AUTO_TEST_CASE(requests_have_states_of_their_own) {
  const auto compiled = compile(accumulator(Initial::none));
  auto one = compiled.create_infer_request();
  auto other = compiled.create_infer_request();
  infer(one, {1, 1});
  BOOST_TEST((infer(other, {3, 3}) == Values{3, 3}));
  BOOST_TEST((infer(one, {1, 1}) == Values{2, 2}));
}

BOOST_AUTO_TEST_CASE(a_run_that_fails_after_the_assignment_changes_no_state) {
  auto request = compile(accumulator(Initial::none, true)).create_infer_request();
  const auto shape = [&](std::int64_t a, std::int64_t b) {
    request.set_input_tensor(1, Tensor::vector<std::int64_t>(std::vector<std::int64_t>{a, b}));
  };
  shape(1, 2);
  infer(request, {1, 1});
  shape(3, 7);
  BOOST_CHECK_THROW(infer(request, {5, 5}), Error);
  shape(2, 1);
  BOOST_TEST((infer(request, {1, 1}) == Values{2, 2}));
}

BOOST_AUTO_TEST_CASE(a_state_is_not_touched_while_a_run_is_in_flight) {
  auto request = compile(accumulator(Initial::none)).create_infer_request();
  auto total = request.query_state()[0];
  request.set_callback([&](std::exception_ptr) {
    // The request is idle again inside its callback.
    BOOST_TEST((values_of(total.state()) == Values{1, 2}));
  });
  request.set_input_tensor(0, floats({1, 2}));
  request.start_async();
  request.wait();
}

BOOST_AUTO_TEST_SUITE_END()
