// Loops by their form, as TensorIterator gives it, and what a run does between iterations.
#include <boost/test/unit_test.hpp>

#include "coinfer/error.hpp"
#include "coinfer/profiling.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;

namespace {

using Numbers = std::vector<std::int64_t>;

/// A graph that is the body of a loop, or the network around it.
struct Part {
  std::shared_ptr<graph::Graph> graph = std::make_shared<graph::Graph>();

  graph::ValueId input(const char* name, PartialShape shape = PartialShape::dynamic(),
                       ElementType type = ElementType::dynamic) {
    const auto id = graph->add({name, type, std::move(shape), {}});
    graph->inputs.push_back(id);
    return id;
  }
  std::vector<graph::ValueId> node(const char* domain, const char* type,
                                   std::vector<graph::ValueId> inputs, std::size_t outputs = 1,
                                   graph::Attributes attributes = {}) {
    graph::Node node;
    node.domain = domain;
    node.type = type;
    node.name = type;
    node.opset = 17;
    node.op = ops::Registry::instance().find(domain, type, 17);
    node.attributes = std::move(attributes);
    node.inputs.assign(inputs.begin(), inputs.end());
    for (std::size_t i = 0; i < outputs; ++i) {
      node.outputs.push_back(graph->add({type, ElementType::dynamic, PartialShape::dynamic(), {}}));
    }
    graph->nodes.push_back(node);
    return {node.outputs.begin(), node.outputs.end()};
  }
  graph::ValueId add(graph::ValueId a, graph::ValueId b) { return node("", "Add", {a, b})[0]; }
};

/// s' = s + 2 part, over parts of x; gives the last s, all s' and the last part + w, where w is
/// captured.
Model iterator(const Numbers& slices, const Numbers& stacks, const PartialShape& shape,
               std::int64_t carried_output = 0) {
  Part body;
  const auto state = body.input("state");
  const auto part = body.input("part");
  const auto captured = body.input("captured");
  const auto next = body.add(body.add(state, part), part);
  body.graph->outputs = {next, body.add(part, captured)};
  body.graph->captures = 1;
  graph::Attributes form;
  form.set("body", body.graph);
  form.set("carried", Numbers{0, 0, carried_output});
  form.set("slices", slices);
  form.set("stacks", stacks);
  form.set("lasts", Numbers{0, 0, 1, 2});
  Part network;
  network.graph->name = "iterator";
  const auto first = network.input("first", shape, ElementType::f32);
  const auto x = network.input("x", PartialShape::dynamic(2), ElementType::f32);
  const auto w = network.input("w", PartialShape{1}, ElementType::f32);
  const auto results = network.node("coinfer", "TensorIterator", {first, x, w}, 3, form);
  network.graph->outputs.assign(results.begin(), results.end());
  passes::infer(*network.graph, false);
  return Model{network.graph};
}

Tensor matrix(std::int64_t rows, std::int64_t columns, std::initializer_list<float> values) {
  Tensor tensor{ElementType::f32, {rows, columns}};
  std::copy(values.begin(), values.end(), tensor.data<float>());
  return tensor;
}

std::vector<Tensor> infer(const Model& model, const Tensor& first, const Tensor& x) {
  auto request = compile(model).create_infer_request();
  request.set_input_tensor(0, first);
  request.set_input_tensor(1, x);
  request.set_input_tensor(2, floats({100}));
  request.infer();
  return {request.output_tensor(0), request.output_tensor(1), request.output_tensor(2)};
}

using Values = std::vector<float>;

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_control_flow)

BOOST_AUTO_TEST_CASE(parts_of_an_outer_axis_are_walked_forwards) {
  const auto model =
      iterator({1, 1, 0, 0, -1, 2, 2}, {0, 1, 0, 0, -1, 2, 2}, PartialShape::parse("[2,1]"));
  const auto results = infer(model, matrix(2, 1, {0, 0}), matrix(4, 1, {1, 2, 3, 4}));
  BOOST_TEST((values_of(results[0]) == Values{8, 12}));
  BOOST_TEST((results[1].shape() == Shape{4, 1}));
  BOOST_TEST((values_of(results[1]) == Values{2, 4, 8, 12}));
  BOOST_TEST((values_of(results[2]) == Values{103, 104}));
}

BOOST_AUTO_TEST_CASE(parts_of_an_inner_axis_are_walked_backwards) {
  const auto model =
      iterator({1, 1, 1, -1, 0, -2, 2}, {0, 1, 1, -1, 0, -2, 2}, PartialShape::parse("[2,2]"));
  const auto x = matrix(2, 4, {1, 2, 3, 4, 5, 6, 7, 8});
  const auto results = infer(model, matrix(2, 2, {0, 0, 0, 0}), x);
  BOOST_TEST((values_of(results[0]) == Values{8, 12, 24, 28}));
  // The first iteration's part stands last.
  BOOST_TEST((values_of(results[1]) == Values{8, 12, 6, 8, 24, 28, 14, 16}));
  BOOST_TEST((values_of(results[2]) == Values{101, 102, 105, 106}));
}

BOOST_AUTO_TEST_CASE(a_walk_that_leaves_its_axis_is_refused) {
  const auto names_it = [](const Error& error) {
    return std::string_view{error.what()}.find("cannot be walked") != std::string_view::npos;
  };
  const auto model =
      iterator({1, 1, 0, 0, -1, 2, 2}, {0, 1, 0, 0, -1, 2, 2}, PartialShape::parse("[2,1]"));
  BOOST_CHECK_EXCEPTION(infer(model, matrix(2, 1, {0, 0}), matrix(3, 1, {1, 2, 3})), Error,
                        names_it);
}

BOOST_AUTO_TEST_CASE(a_form_that_does_not_fit_its_body_is_refused) {
  const auto shape = PartialShape::parse("[2,1]");
  const Numbers stacks{0, 1, 0, 0, -1, 2, 2};
  const auto refused = [&](const Numbers& slices, const Numbers& stacked, std::int64_t carried) {
    BOOST_CHECK_THROW(iterator(slices, stacked, shape, carried), Error);
  };
  refused({9, 1, 0, 0, -1, 2, 2}, stacks, 0);                  // no such input
  refused({1, 7, 0, 0, -1, 2, 2}, stacks, 0);                  // no such input of the body
  refused({1, 0, 0, 0, -1, 2, 2}, stacks, 0);                  // fed twice
  refused({1, 1, 0, 0, -1, 0, 2}, stacks, 0);                  // no stride
  refused({1, 1, 0, 0, -1, 2, 0}, stacks, 0);                  // no part
  refused({1, 1, 5, 0, -1, 2, 2}, stacks, 0);                  // no such axis
  refused({1, 1, 0, 0, -1, 2}, stacks, 0);                     // a number is missing
  refused({1, 1, 0, 0, -1, 2, 2}, {}, 0);                      // an output that is not made
  refused({1, 1, 0, 0, -1, 2, 2}, {5, 1, 0, 0, -1, 2, 2}, 0);  // no such output of the body
  refused({1, 1, 0, 0, -1, 2, 2}, stacks, 4);
}

BOOST_AUTO_TEST_CASE(a_plan_of_a_body_is_built_once) {
  const auto model =
      iterator({1, 1, 0, 0, -1, 1, 1}, {0, 1, 0, 0, -1, 1, 1}, PartialShape::parse("[1,1]"));
  const auto compiled = compile(model);
  auto request = compiled.create_infer_request();
  request.set_input_tensor(2, floats({0}));
  for (const auto count : {3, 5, 3, 8}) {
    Tensor x{ElementType::f32, {count, 1}};
    std::fill_n(x.data<float>(), count, 1.0F);
    request.set_input_tensor(0, matrix(1, 1, {0}));
    request.set_input_tensor(1, x);
    request.infer();
    BOOST_TEST(values_of(request.output_tensor(0))[0] == 2.0F * static_cast<float>(count));
    BOOST_TEST(request.output_tensor(1).shape()[0] == count);
  }
}

BOOST_AUTO_TEST_SUITE_END()
