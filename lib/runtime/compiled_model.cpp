#include "coinfer/compiled_model.hpp"

#include <ostream>

#include "coinfer/error.hpp"
#include "runtime/compiled.hpp"
#include "runtime/exported_model.hpp"
#include "runtime/port_lookup.hpp"
#include "runtime/process.hpp"
#include "runtime/request.hpp"
#include "runtime/scheduler.hpp"

namespace coinfer {

const std::vector<PortRef>& CompiledModel::inputs() const { return impl_->inputs(); }
const std::vector<PortRef>& CompiledModel::outputs() const { return impl_->outputs(); }
PortRef CompiledModel::input(std::string_view name) const {
  return runtime::find_port(inputs(), name, "input");
}
PortRef CompiledModel::output(std::string_view name) const {
  return runtime::find_port(outputs(), name, "output");
}
PortRef CompiledModel::input(std::size_t index) const {
  return runtime::find_port(inputs(), index, "input");
}
PortRef CompiledModel::output(std::size_t index) const {
  return runtime::find_port(outputs(), index, "output");
}

InferRequest CompiledModel::create_infer_request() const {
  return InferRequest{std::make_shared<runtime::Request>(impl_)};
}

void CompiledModel::start(detail::ModelRun& run, std::vector<Tensor> inputs) const {
  try {
    run.prepare(impl_, std::move(inputs));
  } catch (...) {
    run.fail(std::current_exception());
    return;
  }
  run.start();
}

void CompiledModel::export_model(std::ostream& out) const {
  runtime::write_exported(out, *impl_, {});
  if (!out) {
    throw Error("the exported model could not be written: the stream failed");
  }
}

Model CompiledModel::runtime_model() const {
  auto graph = std::make_shared<graph::Graph>(impl_->prepared_graph());
  graph->outputs.resize(impl_->outputs().size());  // without what is assigned to variables
  return Model{std::move(graph)};
}

void CompiledModel::release_memory() const {
  runtime::process_scheduler().with_free_streams(impl_->waiting_runs(),
                                                 [](runtime::Stream& stream) { stream.clear(); });
}

Property CompiledModel::get_property(const std::string& name) const {
  return impl_->config().get(name, impl_->name());
}

}  // namespace coinfer
