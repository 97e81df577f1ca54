#include "module/rt_info.hpp"

#include <functional>

#include "asyncio_bridge/gil.hpp"
#include "coinfer/error.hpp"
#include "module/construct.hpp"
#include "module/exceptions.hpp"
#include "module/plain_values.hpp"

namespace coinfer::python {
namespace {

namespace bp = boost::python;
using bridge::PyRef;

struct RtMap {
  std::function<RtInfo()> read;
  std::function<void(const std::string&, RtInfo)> write;
  std::function<bool(const std::string&)> erase;
};

// --- values

bp::object any_class() { return bp::import("coinfer.ov_any").attr("OVAny"); }

struct ValueToPython {
  bp::object operator()(std::monostate) const { return {}; }
  template <class T>
  bp::object operator()(const T& value) const {
    return bp::object{value};
  }
  template <class T>
  bp::object operator()(const std::vector<T>& values) const {
    bp::list list;
    for (const auto& value : values) {
      list.append(value);
    }
    return list;
  }
};

/// Of a note with entries a dict of what `leaf` makes of them.
template <class Leaf>
bp::object tree_to_python(const RtInfo& note, Leaf leaf) {
  if (note.entries.empty()) {
    return leaf(note);
  }
  bp::dict entries;
  for (const auto& [name, entry] : note.entries) {
    entries[name] = tree_to_python(entry, leaf);
  }
  return entries;
}

bp::object plain(const RtInfo& note) { return std::visit(ValueToPython{}, note.value.value()); }

bp::object leaf_to_python(const RtInfo& note) {
  return note.attribute ? any_class().attr("_of_attribute")(plain(note)) : any_class()(plain(note));
}

std::string name_from(const bp::object& key) {
  return std::string{text_from(key.ptr(), "the name of a note")};
}

template <class T>
Property list_from(const bp::object& items) {
  std::vector<T> values;
  for (bp::stl_input_iterator<T> value{items}, end; value != end; ++value) {
    values.push_back(*value);
  }
  return Property{std::move(values)};
}

/// Items of one kind.
Property list_from(const bp::object& items) {
  const auto all = [&](auto check) {
    for (bp::ssize_t i = 0; i < bp::len(items); ++i) {
      if (!check(bp::object{items[i]}.ptr())) {
        return false;
      }
    }
    return true;
  };
  if (all([](PyObject* item) { return PyUnicode_Check(item) != 0; })) {
    return list_from<std::string>(items);
  }
  if (all([](PyObject* item) { return PyLong_Check(item) != 0; })) {
    return list_from<std::int64_t>(items);
  }
  if (all([](PyObject* item) { return PyFloat_Check(item) != 0; })) {
    return list_from<double>(items);
  }
  throw_type_error("the items of a list in runtime info are all str, all int or all float");
}

Property value_from(const bp::object& value) {
  auto* object = value.ptr();
  if (object == Py_None) {
    return {};
  }
  if (PyBool_Check(object)) {
    return object == Py_True;
  }
  if (PyUnicode_Check(object)) {
    return Property{std::string{bp::extract<std::string>(value)}};
  }
  if (PyFloat_Check(object)) {
    return PyFloat_AS_DOUBLE(object);
  }
  if (PyIndex_Check(object)) {
    return Property{
        std::int64_t{bp::extract<std::int64_t>(bp::object{bp::handle<>(PyNumber_Index(object))})}};
  }
  if (PyList_Check(object) || PyTuple_Check(object)) {
    return list_from(value);
  }
  throw_type_error(fmt::format(
      "runtime info holds bool, int, float, str, lists of one of these and dicts, not {}",
      Py_TYPE(object)->tp_name));
}

// --- the map

bp::object get(const RtMap& self, const bp::object& key) {
  const auto name = name_from(key);
  const auto info = self.read();
  const auto found = info.entries.find(name);
  if (found == info.entries.end()) {
    self.write(name, {});  // as OpenVINO does it
    return leaf_to_python({});
  }
  return tree_to_python(found->second, leaf_to_python);
}

void set(const RtMap& self, const bp::object& key, const bp::object& value) {
  auto name = name_from(key);
  if (!PyUnicode_Check(value.ptr()) && !PyIndex_Check(value.ptr())) {
    throw_type_error(
        fmt::format("runtime info is set to str or int, not to {}; "
                    "Model.set_rt_info and Node.set_rt_info take more",
                    Py_TYPE(value.ptr())->tp_name));
  }
  self.write(name, PyBool_Check(value.ptr()) ? RtInfo{std::int64_t{value.ptr() == Py_True}, {}, {}}
                                             : note_from_python(value));
}

void erase(const RtMap& self, const bp::object& key) {
  const auto name = name_from(key);
  if (!self.erase(name)) {
    PyErr_SetObject(PyExc_KeyError, key.ptr());
    throw bridge::PythonError{};
  }
}

std::size_t size(const RtMap& self) { return self.read().entries.size(); }
bool filled(const RtMap& self) { return !self.read().entries.empty(); }
bool contains(const RtMap& self, const bp::object& key) {
  return self.read().entries.contains(name_from(key));
}

template <class Item>
bp::object iterate(const RtMap& self, Item item) {
  bp::list list;
  for (const auto& [name, note] : self.read().entries) {
    list.append(item(name, note));
  }
  return list.attr("__iter__")();
}

bp::object keys(const RtMap& self) {
  return iterate(self, [](const std::string& name, const RtInfo&) { return bp::object{name}; });
}
bp::object values(const RtMap& self) {
  return iterate(self, [](const std::string&, const RtInfo& note) {
    return tree_to_python(note, leaf_to_python);
  });
}
/// With values instead of OVAny.
bp::object plain_tree(const RtMap& self) {
  const auto info = self.read();
  return info.entries.empty() ? bp::object{bp::dict{}} : tree_to_python(info, plain);
}

bp::object equal(const RtMap& self, const bp::object& other) {
  const bp::extract<const RtMap&> that{other};
  if (!that.check() && !PyDict_Check(other.ptr())) {
    return bp::object{bp::handle<>(bp::borrowed(Py_NotImplemented))};
  }
  return plain_tree(self) == (that.check() ? plain_tree(that()) : other);
}

std::string show(const RtMap& self) {
  return fmt::format("RTMap({})", bp::extract<std::string>(bp::str(plain_tree(self)))());
}

bp::object items(const RtMap& self) {
  return iterate(self, [](const std::string& name, const RtInfo& note) {
    return bp::make_tuple(name, tree_to_python(note, leaf_to_python));
  });
}

RtMap map_of(std::shared_ptr<RtInfo> info) {
  return {[info] { return *info; },
          [info](const std::string& name, RtInfo note) {
            info->entries.insert_or_assign(name, std::move(note));
          },
          [info](const std::string& name) { return info->entries.erase(name) != 0; }};
}

/// By identity, as OpenVINO has it.
std::intptr_t hash(const RtMap& self) { return reinterpret_cast<std::intptr_t>(&self) >> 4; }

void initialise(const bp::object& self) { install_value(self, map_of(std::make_shared<RtInfo>())); }

}  // namespace

bp::object note_to_python(const RtInfo& note) {
  return note.entries.empty() ? leaf_to_python(note) : any_class()(tree_to_python(note, plain));
}

RtInfo note_from_python(const bp::object& value) {
  if (PyObject_IsInstance(value.ptr(), any_class().ptr()) == 1) {
    const bool attribute = bp::extract<bool>(value.attr("_attribute"));
    auto note = note_from_python(bp::object{value.attr("_value")});
    note.attribute = attribute;
    return note;
  }
  RtInfo note;
  if (!PyDict_Check(value.ptr())) {
    note.value = value_from(value);
    return note;
  }
  const bp::list entries = bp::dict{value}.items();
  for (bp::ssize_t i = 0; i < bp::len(entries); ++i) {
    note.entries.insert_or_assign(name_from(bp::object{entries[i][0]}),
                                  note_from_python(bp::object{entries[i][1]}));
  }
  return note;
}

bp::object wrap_rt_info(const Model& model) {
  return bp::object{RtMap{[model] { return model.rt_info(); },
                          [model](const std::string& name, RtInfo note) {
                            auto handle = model;
                            handle.set_rt_info(std::array{name}, std::move(note));
                          },
                          [model](const std::string& name) {
                            auto handle = model;
                            return handle.erase_rt_info(name);
                          }}};
}

bp::object wrap_rt_info(const Node& node, NotesPlace place) {
  return bp::object{RtMap{
      [=] { return node.rt_info(place); },
      [=](const std::string& name, RtInfo note) { node.set_rt_info(name, std::move(note), place); },
      [=](const std::string& name) { return node.erase_rt_info(name, place); }}};
}

bp::object wrap_rt_info(std::shared_ptr<RtInfo> info) {
  return bp::object{map_of(std::move(info))};
}

void register_rt_info() {
  bp::class_<RtMap>(
      "RTMap",
      "Runtime info of a model, node or port: notes by name, which change nothing that is "
      "computed. Values are coinfer.OVAny, or a\ndict of them for a tree. It shows what is there "
      "now. `RTMap()` is one of its own.\n\nThread safety: as for Model; reading a name that is "
      "not there adds it.",
      bp::no_init)
      .def("__init__", &initialise)
      .def("__len__", &size)
      .def("__bool__", &filled)
      .def("__contains__", &contains)
      .def("__getitem__", &get)
      .def("__setitem__", &set)
      .def("__delitem__", &erase)
      .def("__iter__", &keys)
      .def("keys", &keys, "An iterator over the names, in their order.")
      .def("values", &values, "An iterator over the values, in the order of their names.")
      .def("items", &items, "An iterator over tuples (name, value), in the order of the names.")
      .def("__eq__", &equal)
      .def("__hash__", &hash)
      .def("__repr__", &show);
}

}  // namespace coinfer::python
