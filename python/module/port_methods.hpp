#pragma once

#include "module/port.hpp"

/// What Python's kinds of ports share.
namespace coinfer::python {

/// A port of a compiled model or a request; base of Output.
struct ConstOutput {
  PortRef port;
};

/// "<Output: names[x] shape[1,3] type: f32>"
std::string show_port(const char* kind, const Port& port);
/// Brings an Output up to date; false when `object` is none.
bool refresh_output(PyObject* object) noexcept;

}  // namespace coinfer::python
