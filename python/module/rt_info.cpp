#include "module/rt_info.hpp"

#include "module/exceptions.hpp"
#include "module/properties.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;

std::string key_of(const bp::object& key) {
  if (!PyUnicode_Check(key.ptr())) {
    throw_type_error(
        fmt::format("the name of a note is a str, not {}", Py_TYPE(key.ptr())->tp_name));
  }
  return bp::extract<std::string>(key);
}

[[noreturn]] void throw_key_error(const bp::object& key) {
  PyErr_SetObject(PyExc_KeyError, key.ptr());
  throw bridge::PythonError{};
}

/// Of an entry: an OVAny, or a dict of them.
bp::object entry(const RtInfo& info) {
  if (info.entries.empty()) {
    return note(info);
  }
  bp::dict entries;
  for (const auto& [name, below] : info.entries) {
    entries[name] = entry(below);
  }
  return entries;
}

bp::object get(const PyNotes& self, const bp::object& key) {
  const auto info = self.read();
  const auto found = info.entries.find(key_of(key));
  if (found == info.entries.end()) {
    throw_key_error(key);
  }
  return entry(found->second);
}

bool change(const PyNotes& self, const bp::object& key, std::optional<Property> value) {
  if (!self.set) {
    throw_type_error("the notes on a compiled model cannot be changed");
  }
  return self.set(key_of(key), std::move(value));
}

void set(const PyNotes& self, const bp::object& key, const bp::object& value) {
  if (!PyUnicode_Check(value.ptr()) && !PyLong_Check(value.ptr())) {
    throw_type_error(fmt::format("a note '{}' that is set here is a str or an int, not {}",
                                 key_of(key), Py_TYPE(value.ptr())->tp_name));
  }
  change(self, key, note_from(value));
}

void remove(const PyNotes& self, const bp::object& key) {
  if (!change(self, key, std::nullopt)) {
    throw_key_error(key);
  }
}

bool contains(const PyNotes& self, const bp::object& key) {
  return PyUnicode_Check(key.ptr()) && self.read().entries.contains(key_of(key));
}

std::size_t size(const PyNotes& self) { return self.read().entries.size(); }
bool is_there(const PyNotes& self) { return size(self) > 0; }

bp::dict all(const PyNotes& self) {
  bp::dict entries;
  for (const auto& [name, below] : self.read().entries) {
    entries[name] = entry(below);
  }
  return entries;
}

bp::object iterate(const PyNotes& self) {
  return bp::object{bp::handle<>(PyObject_GetIter(all(self).ptr()))};
}
bp::object keys(const PyNotes& self) { return all(self).attr("keys")(); }
bp::object values(const PyNotes& self) { return all(self).attr("values")(); }
bp::object items(const PyNotes& self) { return all(self).attr("items")(); }

/// With values instead of OVAny.
bp::object plain(const PyNotes& self) {
  const auto info = self.read();
  return info.entries.empty() ? bp::object{bp::dict{}} : note_value(info);
}

bp::object equal(const PyNotes& self, const bp::object& other) {
  const bp::extract<const PyNotes&> that{other};
  if (that.check()) {
    return bp::object{self.read() == that().read()};
  }
  if (!PyDict_Check(other.ptr())) {
    return bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))};
  }
  return plain(self) == other;
}

std::string show(const PyNotes& self) {
  return fmt::format("RTMap({})", bp::extract<std::string>(bp::str(plain(self)))());
}

/// What an OVAny holds, or the value itself.
bp::object held_value(const bp::object& value) {
  const bp::object any = bp::import("coinfer.ov_any").attr("OVAny");
  return PyObject_IsInstance(value.ptr(), any.ptr()) == 1 ? bp::object{value.attr("value")} : value;
}

}  // namespace

bp::object wrap_notes(PyNotes notes) { return bp::object{std::move(notes)}; }

bp::object note_value(const RtInfo& info) {
  if (info.entries.empty()) {
    const auto value = property_value({}, info.value);
    return PyTuple_Check(value.ptr()) ? bp::object{bp::list{value}} : value;
  }
  bp::dict entries;
  for (const auto& [name, below] : info.entries) {
    entries[name] = note_value(below);
  }
  return entries;
}

bp::object note(const RtInfo& info) {
  return bp::import("coinfer.ov_any").attr("OVAny")(note_value(info));
}

Property note_from(const bp::object& value) {
  if (PyList_Check(value.ptr()) && PyList_GET_SIZE(value.ptr()) > 0) {
    std::vector<std::int64_t> numbers;
    for (bp::stl_input_iterator<bp::object> item{value}, end; item != end; ++item) {
      if (!PyLong_Check((*item).ptr()) || PyBool_Check((*item).ptr())) {
        numbers.clear();
        break;
      }
      numbers.push_back(bp::extract<std::int64_t>(*item));
    }
    if (!numbers.empty()) {
      return Property{std::move(numbers)};
    }
  }
  bp::dict one;
  one["note"] = held_value(value);
  return properties_from(one).at("note");
}

std::vector<std::pair<std::vector<std::string>, Property>> notes_from(
    const std::vector<std::string>& path, const bp::object& value) {
  const auto held = held_value(value);
  if (!PyDict_Check(held.ptr())) {
    return {{path, note_from(held)}};
  }
  std::vector<std::pair<std::vector<std::string>, Property>> all;
  const bp::dict entries{held};
  for (bp::stl_input_iterator<bp::object> key{entries}, end; key != end; ++key) {
    auto below = path;
    below.push_back(key_of(*key));
    auto notes = notes_from(below, entries[*key]);
    all.insert(all.end(), std::make_move_iterator(notes.begin()),
               std::make_move_iterator(notes.end()));
  }
  return all;
}

void register_rt_info() {
  bp::class_<PyNotes>("RTMap",
                      "Notes on a model, a node or a tensor: a mapping of names to OVAny, or to a "
                      "dict of them where "
                      "there are notes\nbelow a name. It shows the notes as they are now. They "
                      "change nothing that is "
                      "computed.\n\nThread safety: as for Model.",
                      bp::no_init)
      .def("__getitem__", &get)
      .def("__setitem__", &set)
      .def("__delitem__", &remove)
      .def("__contains__", &contains)
      .def("__len__", &size)
      .def("__bool__", &is_there)
      .def("__iter__", &iterate)
      .def("__eq__", &equal)
      .def("__repr__", &show)
      .def("keys", &keys, "The names of the notes, a view.")
      .def("values", &values, "What the names stand for, a view.")
      .def("items", &items, "Pairs of a name and what it stands for, a view.");
}

}  // namespace coinfer::python
