#pragma once

#include <Python.h>

#include <boost/container/small_vector.hpp>
#include <cstdint>

#include "coinfer/infer_request.hpp"
#include "module/port.hpp"

/// How Python values become a model's inputs.
namespace coinfer::python {

/// What became of a value, for `zero_copy_report`.
enum class Taken : std::uint8_t {
  not_set,     ///< never given
  tensor,      ///< a Tensor, read where it is
  shared,      ///< an array, read where it is
  not_shared,  ///< copied, because sharing was not asked for
  other_type,  ///< copied, cast to the input's element type
  not_dense,   ///< copied, because it is not C-contiguous
  foreign,     ///< copied, because of its byte order or alignment
  value,       ///< copied from a scalar or a list
  strings,     ///< copied from strings
};
const char* describe_taken(Taken taken) noexcept;

/// One input to be set before a run.
struct BoundInput {
  std::size_t index;
  Tensor tensor;
  Taken taken;
};
using BoundInputs = boost::container::small_vector<BoundInput, 4>;

/// Parses what a user gives as inputs: None (nothing) · dict by name, index or port · list · tuple
/// · one array, Tensor, scalar or string of a model with one input. Each value becomes a tensor of
/// the input's element type and of a shape that the input allows: the caller's memory when that can
/// be read as it is and `share` is true, else memory of `request`'s own (null: new memory), copied
/// and cast. Everything is checked, and cast, before the request's memory is written, so that a
/// bad value changes nothing; the tensors still have to be set, by `set_inputs`, also those that
/// are the request's own.
///
/// Needs the GIL, and releases it while it copies more than 64 KiB. Throws PythonError (TypeError)
/// for a value that is no array of numbers or strings, Error naming the input, what came and what
/// was expected for an unknown name or index, a wrong shape or too many inputs.
void parse_inputs(PyObject* inputs, const PortTable& ports, bool share, InferRequest* request,
                  BoundInputs& bound);

/// Sets parsed inputs on the request that they were parsed for.
void set_inputs(InferRequest& request, const BoundInputs& bound);

}  // namespace coinfer::python
