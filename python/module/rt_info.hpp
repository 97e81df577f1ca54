#pragma once

#include <boost/python.hpp>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coinfer/rt_info.hpp"

namespace coinfer::python {

/// Notes on a model, a node or a tensor, as they are now: Python's RTMap.
struct PyNotes {
  std::function<RtInfo()> read;
  /// Sets an entry, or takes it away; false when there was none. Empty: they cannot be changed.
  std::function<bool(const std::string&, std::optional<Property>)> set;
};

boost::python::object wrap_notes(PyNotes notes);

/// A note's value, a dict of the notes below it, or both kinds in a dict.
boost::python::object note_value(const RtInfo& info);
/// The same in a coinfer.OVAny.
boost::python::object note(const RtInfo& info);

/// The value of a note that Python gives: bool, int, float, str, a list of texts or of ints, an
/// OVAny of such. Throws PythonError (TypeError).
Property note_from(const boost::python::object& value);

/// The same of a dict too: each of its values with its path below `path`.
std::vector<std::pair<std::vector<std::string>, Property>> notes_from(
    const std::vector<std::string>& path, const boost::python::object& value);

/// The class RTMap.
void register_rt_info();

}  // namespace coinfer::python
