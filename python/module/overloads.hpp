#pragma once

#include <boost/python.hpp>

/// One method under several lists of parameter names, as OpenVINO's overloads have them.
namespace coinfer::python {

/// Gives `type` the method `name` once for each of `names`, keywords of one function. Calls by
/// position go to it in any case; what it was given, the function sees by the value. Boost.Python
/// tries the last list first, and errors tell all of them.
template <class Class, class Function, class... Names>
Class& def_named(Class& type, const char* name, Function function, const Names&... names) {
  (type.def(name, function, names), ...);
  return type;
}

/// The same with a docstring, which belongs to the last list: help() shows it once.
template <class Class, class Function, class... Names>
Class& def_named(Class& type, const char* name, const char* doc, Function function,
                 const Names&... names) {
  def_named(type, name, function, names...);
  type.attr(name).attr("__doc__") = doc;
  return type;
}

}  // namespace coinfer::python
