#pragma once

#include <chrono>
#include <exception>
#include <optional>

#include "coinfer/operation.hpp"

namespace coinfer::bridge {

/// A Python exception is set (PyErr_Occurred); C++ unwinds to the nearest entry from Python.
struct PythonError : std::exception {
  const char* what() const noexcept override { return "a Python exception is set"; }
};

/// Blocks the calling Python thread, GIL released, until the run and its callback are over. False
/// when `timeout` passed first. Signal handlers run within 100 ms on the main thread; when one
/// raises, throws PythonError, and the run goes on. Needs the GIL.
bool wait_for(const OperationRef& operation, std::optional<std::chrono::nanoseconds> timeout);

}  // namespace coinfer::bridge
