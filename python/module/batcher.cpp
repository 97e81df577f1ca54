#include "module/batcher.hpp"

#include <cmath>

#include "module/construct.hpp"
#include "module/exceptions.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

void init_batcher(const bp::object& self, const PyCompiledModel& model, std::int64_t max_batch,
                  double max_delay_ms) {
  // A day is as good as for ever, and fits the clock.
  constexpr double longest = 24.0 * 3600 * 1000;
  if (max_batch < 1) {
    throw_value_error(fmt::format("max_batch is {}; a number >= 1 was expected", max_batch));
  }
  if (!(max_delay_ms >= 0)) {
    throw_value_error(
        fmt::format("max_delay_ms is {}; a time >= 0 in milliseconds was expected", max_delay_ms));
  }
  const std::chrono::duration<double, std::milli> delay{std::min(max_delay_ms, longest)};
  const BatcherOptions options{
      .max_batch = max_batch,
      .max_delay = std::chrono::duration_cast<std::chrono::nanoseconds>(delay)};
  install_pointer(self, boost::make_shared<PyBatcher>(model, options));
}

bp::dict stats(const PyBatcher& self) {
  const auto now = self.batcher().stats();
  bp::dict result;
  result["requests"] = now.requests;
  result["batches"] = now.batches;
  result["rows"] = now.rows;
  result["padding"] = now.padding;
  result["retries"] = now.retries;
  result["mean_size"] = now.mean_size();
  return result;
}

}  // namespace

void register_batcher() {
  bp::class_<PyBatcher, boost::shared_ptr<PyBatcher>, boost::noncopyable> type{
      "_Batcher", "What coinfer.Batcher is made of.", bp::no_init};
  type.def("__init__", &init_batcher,
           (bp::arg("model"), bp::arg("max_batch") = 32, bp::arg("max_delay_ms") = 2.0))
      .add_property("stats", &stats,
                    "What it has done so far: `requests`, `batches` run, `rows` of requests in "
                    "them, `padding` rows\n"
                    "added, `retries` of single requests after their batch had failed, and "
                    "`mean_size`, rows a batch.");
}

}  // namespace coinfer::python
