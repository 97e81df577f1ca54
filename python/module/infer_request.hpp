#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "asyncio_bridge/delivery.hpp"
#include "asyncio_bridge/gil.hpp"
#include "coinfer/infer_request.hpp"
#include "module/inputs.hpp"
#include "module/port.hpp"

namespace coinfer::python {

/// A request as Python sees it. Everything here needs the GIL.
class PyInferRequest : public std::enable_shared_from_this<PyInferRequest> {
 public:
  PyInferRequest(InferRequest request, std::shared_ptr<const PortTable> ports);
  ~PyInferRequest();
  PyInferRequest(const PyInferRequest&) = delete;
  PyInferRequest& operator=(const PyInferRequest&) = delete;

  InferRequest& request() noexcept { return request_; }
  const PortTable& ports() const noexcept { return *ports_; }
  const std::shared_ptr<const PortTable>& shared_ports() const noexcept { return ports_; }

  /// Sets what the user gave as inputs; see `parse_inputs`. RequestBusy while a run is in flight.
  void bind(PyObject* inputs, bool share);
  /// Runs on the calling thread with the GIL released.
  void infer();
  /// Starts a run, followed by the callback when there is one. RequestBusy while a run is in flight
  /// or its callback has not begun, unless that run was abandoned.
  OperationRef start(StartOptions options, bool is_awaited = false);
  /// As `start`, with userdata for the callback; a run that is refused leaves it as it was.
  OperationRef start_with(PyObject* data, StartOptions options, bool is_awaited = false);
  /// Blocks until the run in flight and its callback are over, and throws what they failed with.
  /// False when the timeout passed first.
  bool wait(std::optional<std::chrono::nanoseconds> timeout);
  /// The outputs as an OVDict, a new reference.
  PyObject* results(bool share, bool decode);

  /// The variables of the model, a list of VariableState. RequestBusy while a run is in flight.
  boost::python::list states();
  void reset_state();

  /// `function(userdata)`, or with `with_request` `function(request, userdata)`, after each run
  /// that was started and finished. Null: none.
  void set_callback(PyObject* function, bool with_request);
  bool has_callback() const noexcept { return static_cast<bool>(callback_); }
  /// Throws RequestBusy while a run is in flight or its callback has not begun.
  void check_idle() const;

  /// For Python's cycle collector: nothing while a run in flight, or another Python object, shares
  /// this.
  int traverse(visitproc visit, void* arg) const;
  void clear_references();

  bridge::PyRef userdata;
  /// Is it a request of an AsyncInferQueue?
  bool of_queue = false;
  /// A future tells what the run that was started last ended with, and its callback.
  bool awaited = false;
  /// What became of each input that was given last.
  std::vector<Taken> taken;

 private:
  void tell_callback_error_of_last_run();
  /// The callback of one run, which it keeps alive together with the request.
  struct RunCallback : bridge::Delivered {
    std::shared_ptr<PyInferRequest> request;
    bridge::PyRef function;
    bridge::PyRef userdata;
    bool with_request = false;
  };
  static PyObject* call(bridge::Delivered& self, Operation& operation);
  static void after(bridge::Delivered& self, Operation& operation);

  InferRequest request_;
  std::shared_ptr<const PortTable> ports_;
  bridge::PyRef callback_;
  bool callback_with_request_ = false;
  int pending_callbacks_ = 0;  // runs whose callback has not begun
};

using PyInferRequestRef = std::shared_ptr<PyInferRequest>;

/// The class InferRequest.
void register_infer_request();

/// Its Python object, a new reference.
PyObject* wrap_request(const PyInferRequestRef& request);

/// Which input or output of a request a name or port means.
struct FoundPort {
  bool is_output;
  std::size_t index;
};
FoundPort find_port(const PortTable& ports, PyObject* key);

}  // namespace coinfer::python
