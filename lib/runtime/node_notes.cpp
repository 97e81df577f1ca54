#include "coinfer/error.hpp"
#include "coinfer/node.hpp"
#include "graph/graph.hpp"

namespace coinfer {
namespace {

using Of = NotesPlace::Of;
using graph::Notes;

constexpr const char* layout_note = "layout_0";

void check_place(const Node& node, NotesPlace place) {
  const auto count = place.of == Of::input    ? node.input_size()
                     : place.of == Of::output ? node.output_size()
                                              : 1;
  if (place.port >= count) {
    throw Error(fmt::format("notes on port {} of {} '{}' were asked for; it has {}", place.port,
                            node.type_name(), node.friendly_name(), count));
  }
}

Notes::Of of(NotesPlace place) { return static_cast<Notes::Of>(place.of); }
/// A value has notes on one output: itself.
std::size_t slot(NotesPlace place) { return place.of == Of::output ? 0 : place.port; }

}  // namespace

/// Null when there are none. What an output's notes are about is its tensor, which a Result shares
/// with what it reads.
const Notes* Node::find_notes(NotesPlace place) const {
  check();
  const auto& graph = model_.graph();
  if (place.of == Of::output) {
    return &graph[value(place.port)].notes;
  }
  switch (kind_) {
    case Kind::result: {
      const auto found = graph.result_notes.find(index_);
      return found == graph.result_notes.end() ? nullptr : &found->second;
    }
    case Kind::sink:
      return &graph.variables[index_].notes;
    case Kind::operation:
      return &graph.nodes[index_].notes;
    case Kind::parameter:
    case Kind::constant:
      break;
  }
  return &graph[value(0)].notes;
}

Notes& Node::notes(NotesPlace place) const {
  check();
  auto& graph = *model_.impl_->graph;
  if (place.of == Of::output) {
    return graph[value(place.port)].notes;
  }
  switch (kind_) {
    case Kind::result:
      return graph.result_notes[index_];
    case Kind::sink:
      return graph.variables[index_].notes;
    case Kind::operation:
      return graph.nodes[index_].notes;
    case Kind::parameter:
    case Kind::constant:
      break;
  }
  return graph[value(0)].notes;
}

RtInfo Node::rt_info(NotesPlace place) const {
  check_place(*this, place);
  const auto* all = find_notes(place);
  const auto* found = all == nullptr ? nullptr : all->find(of(place), slot(place));
  auto info = found == nullptr ? RtInfo{} : *found;
  if (place.of == Of::output) {
    if (const auto& layout = model_.graph()[value(place.port)].layout; !layout.empty()) {
      info.entries.try_emplace(layout_note, RtInfo{layout, true, {}});
    }
  }
  return info;
}

void Node::set_rt_info(const std::string& name, RtInfo note, NotesPlace place) const {
  check_place(*this, place);
  notes(place).at(of(place), slot(place)).entries.insert_or_assign(name, std::move(note));
}

bool Node::erase_rt_info(const std::string& name, NotesPlace place) const {
  check_place(*this, place);
  bool erased = false;
  const auto* all = find_notes(place);
  if (all != nullptr && all->find(of(place), slot(place)) != nullptr) {
    erased = notes(place).at(of(place), slot(place)).entries.erase(name) != 0;
  }
  if (name == layout_note && place.of == Of::output) {
    auto& layout = (*model_.impl_->graph)[value(place.port)].layout;
    erased = erased || !layout.empty();
    layout.clear();
  }
  return erased;
}

}  // namespace coinfer
