#pragma once

#include "asyncio_bridge/gil.hpp"
#include "coinfer/model.hpp"

namespace coinfer::python {

/// A Model as Python holds it: its memory, weights of a whole network, is freed without the GIL.
struct PyModel {
  Model model;

  PyModel() = default;
  explicit PyModel(Model given) : model{std::move(given)} {}
  PyModel(const PyModel&) = default;
  PyModel& operator=(const PyModel&) = default;
  /// Throws PythonError (AttributeError) once the model was closed by `with`.
  Model& get();
  const Model& get() const { return const_cast<PyModel*>(this)->get(); }

  ~PyModel() {
    const bridge::GilReleased released;
    model = Model{};
  }
};

/// The class Model.
void register_model();

}  // namespace coinfer::python
