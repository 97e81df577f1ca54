#pragma once

#include <boost/python.hpp>

/// Symbols: marks that say of dimensions of unknown length that they are the same one. They belong
/// to the Python objects Dimension and PartialShape; models keep none.
namespace coinfer::python {

/// None when the dimension has none.
boost::python::object symbol_of(const boost::python::object& dimension);
bool has_symbol(const boost::python::object& dimension);
/// A Symbol, or None to take it away. Throws PythonError (TypeError) for other objects.
void set_symbol(const boost::python::object& dimension, const boost::python::object& symbol);

/// Notes in a PartialShape the symbols of what it was made of, a sequence or another PartialShape.
void keep_symbols(const boost::python::object& shape, const boost::python::object& source);
/// Notes that of dimension `index`, which was replaced.
void keep_symbol(const boost::python::object& shape, std::size_t index,
                 const boost::python::object& dimension);
/// The dimension `index` with the symbol that the shape noted.
boost::python::object with_symbol(const boost::python::object& shape, std::size_t index,
                                  boost::python::object dimension);

void register_symbol();

}  // namespace coinfer::python
