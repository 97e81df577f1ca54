#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "coinfer/detail/model_run.hpp"
#include "coinfer/infer_request.hpp"
#include "coinfer/model.hpp"
#include "coinfer/property.hpp"

namespace coinfer {

/// A model made ready to run. A handle: copies are the same compiled model.
/// *Thread safety*: shared objects: safe.
class CompiledModel {
 public:
  CompiledModel() = default;
  explicit CompiledModel(std::shared_ptr<runtime::Compiled> impl) : impl_{std::move(impl)} {}

  const std::vector<PortRef>& inputs() const;
  const std::vector<PortRef>& outputs() const;
  PortRef input(std::string_view name) const;
  PortRef output(std::string_view name) const;
  PortRef input(std::size_t index) const;
  PortRef output(std::size_t index) const;

  InferRequest create_infer_request() const;

  /// Runs the model on tensors, one an input in the model's order, without a request, and gives one
  /// tensor an output, which is the caller's alone. Nothing is copied: inputs are read where they
  /// are, and held until the run is over. Any number may be in flight.
  /// *Completion signature*: void(std::exception_ptr, std::vector<Tensor>); inputs that do not suit
  /// the model are an Error there that names the input. Cancellation, executor, allocator and
  /// thread: as for InferRequest::async_infer.
  template <class Token>
  auto async_infer(std::vector<Tensor> inputs, Token&& token) const {
    return boost::asio::async_initiate<Token, void(std::exception_ptr, std::vector<Tensor>)>(
        [](auto handler, const CompiledModel& model, std::vector<Tensor> given) {
          const auto slot = boost::asio::get_associated_cancellation_slot(handler);
          const auto run = std::make_shared<detail::ModelRun>();
          run->park(std::move(handler));
          if (slot.is_connected()) {
            run->cancel_by(slot);
          }
          model.start(*run, std::move(given));
        },
        token, *this, std::move(inputs));
  }

  /// OpenVINO's properties as they are in force; throws Error naming an unknown one.
  Property get_property(const std::string& name) const;

  /// Writes the model as it is compiled, for Core::import_model of the same version. Throws Error
  /// when the stream fails.
  void export_model(std::ostream& out) const;

  /// The model as it is computed: after all passes, before it is planned for shapes.
  Model runtime_model() const;

  /// Gives back memory for intermediate results; the next run takes it again. Weights and plans
  /// stay, and so does what runs in flight use.
  void release_memory() const;

  const std::shared_ptr<runtime::Compiled>& impl() const { return impl_; }
  friend bool operator==(const CompiledModel&, const CompiledModel&) noexcept = default;

 private:
  void start(detail::ModelRun& run, std::vector<Tensor> inputs) const;

  std::shared_ptr<runtime::Compiled> impl_;
};

}  // namespace coinfer
