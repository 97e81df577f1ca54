#pragma once

#include <boost/python.hpp>
#include <string>

#include "coinfer/property.hpp"

/// Properties between Python and C++. Names are str (or `coinfer.properties` objects, which are
/// str); values bool, int, float, str, coinfer.Type, enumerations (by their text) and lists of str.
namespace coinfer::python {

/// A dict of properties; None is none. Throws Error for an unknown one, PythonError (TypeError) for
/// a value of another kind.
Properties properties_from(const boost::python::object& dict);
/// The same, with those that DEVICE_PROPERTIES holds for the CPU. MODEL_PTR, a hint for devices
/// that look at the model beforehand, is left out.
Properties compile_properties_from(const boost::python::object& dict);
std::string property_name(const boost::python::object& name);
/// The Python value of property `name`: precisions as coinfer.Type, choices as the enumerations of
/// `coinfer.properties`.
boost::python::object property_value(const std::string& name, const Property& property);
/// {name: "RO" | "RW" | "WO"} of SUPPORTED_PROPERTIES.
boost::python::dict supported_properties(const Property& names, bool writable);

}  // namespace coinfer::python
