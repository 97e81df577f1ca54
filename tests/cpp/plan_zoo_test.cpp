#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "frontends/frontend.hpp"
#include "passes/passes.hpp"
#include "plan/plan.hpp"
#include "plan/weights.hpp"

using namespace coinfer;

namespace {

const std::filesystem::path zoo = std::filesystem::path{ONNX_TEST_DATA} / "light";

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_zoo)

BOOST_AUTO_TEST_CASE(no_step_with_real_work_runs_on_a_reference_implementation) {
  for (const char* name : {"resnet50", "squeezenet", "shufflenet", "inception_v1", "densenet121"}) {
    auto graph = *frontends::read_file(zoo / (std::string{"light_"} + name + ".onnx"));
    passes::optimise(graph);
    std::vector<plan::Known> known;
    for (const auto id : graph.inputs) {
      known.push_back({id, graph[id].type, graph[id].shape.to_shape(), {}});
    }
    plan::Weights weights;
    const auto plan = plan::build(graph, 0, known, weights, 2);
    BOOST_TEST(plan->step_infos().size() > 20U);
    for (const auto& step : plan->step_infos()) {
      const bool slow = step.implementation.starts_with("ref") ||
                        step.implementation.find(":ref") != std::string::npos ||
                        (step.implementation == "kernel" && step.type != "Softmax");
      BOOST_TEST((!slow || step.flops < 1e5),
                 name << " " << step.node << " " << step.type << " " << step.implementation);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
