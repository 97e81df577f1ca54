#pragma once

#include <stdexcept>
#include <string>

namespace coinfer {

/// Base of every error of this library. `what()` names what came, where, and what was expected.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A request that is in flight was started, or its tensors were set or read.
class RequestBusy : public Error {
 public:
  using Error::Error;
};

/// The inference was cancelled before it had a result.
class Cancelled : public Error {
 public:
  Cancelled() : Error("the inference was cancelled") {}
  using Error::Error;
};

/// The inference was stopped because its deadline passed.
class DeadlineExceeded : public Error {
 public:
  using Error::Error;
};

/// A model file is missing, damaged, or of no known format.
class ModelFileError : public Error {
 public:
  using Error::Error;
};

/// The model uses an operator, type or form that coinfer does not implement.
class Unsupported : public Error {
 public:
  using Error::Error;
};

}  // namespace coinfer
