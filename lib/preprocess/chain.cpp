#include "preprocess/chain.hpp"

#include <numeric>

#include "coinfer/error.hpp"
#include "ops/op.hpp"
#include "passes/node.hpp"

namespace coinfer::preprocess {
namespace {

constexpr int opset = 18;

/// TensorProto.DataType, which Cast's attribute is of.
std::int64_t onnx_number(ElementType type) {
  static constexpr std::array<std::pair<ElementType, std::int64_t>, 14> numbers{
      {{ElementType::boolean, 9},
       {ElementType::bf16, 16},
       {ElementType::f16, 10},
       {ElementType::f32, 1},
       {ElementType::f64, 11},
       {ElementType::i8, 3},
       {ElementType::i16, 5},
       {ElementType::i32, 6},
       {ElementType::i64, 7},
       {ElementType::u8, 2},
       {ElementType::u16, 4},
       {ElementType::u32, 12},
       {ElementType::u64, 13},
       {ElementType::string, 8}}};
  for (const auto& [known, number] : numbers) {
    if (known == type) {
      return number;
    }
  }
  throw Error(fmt::format("nothing can be converted to the element type {}", name_of(type)));
}

}  // namespace

Chain::Chain(graph::Graph& graph, std::string title, graph::ValueId start, Layout layout,
             ColorFormat color, Goal goal)
    : current{start},
      layout{std::move(layout)},
      color{color},
      goal{std::move(goal)},
      graph_{graph},
      title_{std::move(title)} {}

std::string describe(const PartialShape& shape, const Layout& layout, ElementType type) {
  return fmt::format("{}, {}, {}", shape.to_string(),
                     layout.empty() ? "<no layout>" : layout.to_string(), name_of(type));
}

std::string Chain::state() const {
  auto text = describe(shape(), layout, type());
  return color == ColorFormat::undefined ? text : fmt::format("{}, {}", text, title_of(color));
}

void Chain::perform(const Step& step) {
  if (account == nullptr) {
    step.apply(*this);
    return;
  }
  account->lines.push_back({step.title, state(), {}, true});
  step.apply(*this);
  account->lines.back().after = state();
}

void Chain::finish() {
  const auto follow = [&](const std::string& title, auto change) {
    const auto before = state();
    const auto count = nodes_.size();
    change();
    if (account != nullptr && nodes_.size() != count) {
      account->lines.push_back({title, before, state(), false});
    }
  };
  if (goal.type != ElementType::dynamic) {
    follow(fmt::format("convert type ({})", name_of(goal.type)), [&] { cast(goal.type); });
  }
  if (!layout.empty() && !goal.layout.empty()) {
    follow(fmt::format("convert layout {}", goal.layout.to_string()),
           [&] { convert_layout(goal.layout); });
  }
}

void Chain::fail(const std::string& text) const {
  throw Error(fmt::format("{}: {}", title_, text));
}

std::int64_t Chain::rank() const {
  if (!shape().has_rank()) {
    fail("its rank is not known");
  }
  return shape().rank();
}

std::int64_t Chain::axis(std::string_view name, std::string_view step) const {
  if (!layout.has_name(name)) {
    fail(fmt::format("{} needs to know where {} is; the layout is {}", step, name,
                     layout.to_string()));
  }
  return layout.index_of(name, rank());
}

graph::ValueId Chain::integers(std::span<const std::int64_t> values) {
  return constant(Tensor::vector<std::int64_t>(values));
}

graph::ValueId Chain::integers(std::initializer_list<std::int64_t> values) {
  return integers(std::span{values.begin(), values.size()});
}

graph::ValueId Chain::real(std::vector<float> values, const Shape& shape) {
  Tensor tensor{ElementType::f32, shape};
  std::copy(values.begin(), values.end(), tensor.data<float>());
  const auto id = constant(tensor);
  return type() == ElementType::f32 ? id : add("Cast", {id}, {{"to", onnx_number(type())}});
}

graph::ValueId Chain::add(std::string type, std::vector<graph::ValueId> inputs,
                          std::vector<std::pair<std::string, graph::Attribute>> attributes) {
  graph::Node node;
  node.op = ops::Registry::instance().find("", type, opset);
  node.name = fmt::format("{}/{}_{}", title_, type, nodes_.size());
  node.type = std::move(type);
  node.opset = opset;
  node.inputs.assign(inputs.begin(), inputs.end());
  for (auto& [name, value] : attributes) {
    node.attributes.set(std::move(name), std::move(value));
  }
  const auto id = graph_.add({});
  node.outputs.push_back(id);
  passes::infer_node(graph_, node);
  nodes_.push_back(std::move(node));
  return id;
}

void Chain::cast(ElementType to) {
  if (to == type()) {
    return;
  }
  const auto converted = [&](graph::ValueId id) {
    return add("Cast", {id}, {{"to", onnx_number(to)}});
  };
  for (auto& plane : planes) {
    plane = converted(plane);
  }
  current = planes.empty() ? converted(current) : planes[0];
}

void Chain::check_single(std::string_view step) const {
  if (!planes.empty()) {
    fail(fmt::format(
        "{} is for an image in one tensor, not in {} planes; convert_color goes before it", step,
        planes.size()));
  }
}

void Chain::transpose(std::span<const std::int64_t> order) {
  check_single("convert_layout");
  auto sorted = std::vector<std::int64_t>(order.begin(), order.end());
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] != static_cast<std::int64_t>(i) ||
        static_cast<std::int64_t>(sorted.size()) != rank()) {
      fail(fmt::format("[{}] is no order of the {} dimensions", fmt::join(order, ","), rank()));
    }
  }
  if (!layout.empty()) {
    const auto names = layout.names(rank());
    std::vector<std::string> moved;
    for (const auto from : order) {
      moved.push_back(names[static_cast<std::size_t>(from)]);
    }
    layout = Layout{fmt::format("[{}]", fmt::join(moved, ","))};
  }
  current = add("Transpose", {current},
                {{"perm", std::vector<std::int64_t>(order.begin(), order.end())}});
}

void Chain::convert_layout(const Layout& to) {
  if (layout.empty()) {
    fail(fmt::format("its layout is not known, so it cannot become {}", to.to_string()));
  }
  add_missing(to);
  if (const auto order = permutation(layout, to, rank()); !order.empty()) {
    transpose(order);
  }
  layout = to;
}

void Chain::add_missing(const Layout& to) {
  constexpr std::int64_t most = 8;
  auto wanted = rank();
  while (wanted < most && !to.allows_rank(wanted)) {
    ++wanted;
  }
  if (wanted == rank() || !to.allows_rank(wanted) || !layout.allows_rank(rank())) {
    return;
  }
  std::vector<std::string> names;
  for (const auto& name : to.names(wanted)) {
    if (name != "?" && !layout.has_name(name)) {
      names.push_back(name);
    }
  }
  if (static_cast<std::int64_t>(names.size()) != wanted - rank()) {
    return;
  }
  std::vector<std::int64_t> axes(names.size());
  std::iota(axes.begin(), axes.end(), 0);
  const auto old = layout.names(rank());
  names.insert(names.end(), old.begin(), old.end());
  current = add("Unsqueeze", {current, integers(axes)});
  layout = Layout{fmt::format("[{}]", fmt::join(names, ","))};
}

graph::ValueId Chain::part(graph::ValueId from, std::int64_t axis, std::int64_t begin,
                           std::int64_t end, std::int64_t step) {
  return add("Slice",
             {from, integers({begin}), integers({end}), integers({axis}), integers({step})});
}

std::vector<std::int64_t> permutation(const Layout& from, const Layout& to, std::int64_t rank) {
  const auto before = from.names(rank);
  const auto after = to.names(rank);
  std::vector<std::int64_t> order(after.size(), -1);
  std::vector<bool> taken(before.size(), false);
  for (std::size_t i = 0; i < after.size(); ++i) {
    const auto found = std::find(before.begin(), before.end(), after[i]);
    if (after[i] != "?" && found != before.end()) {
      order[i] = found - before.begin();
      taken[static_cast<std::size_t>(order[i])] = true;
    }
  }
  // Unnamed dimensions keep their order.
  bool moves = false;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i] < 0) {
      const auto free = std::find(taken.begin(), taken.end(), false) - taken.begin();
      const auto& name = before[static_cast<std::size_t>(free)];
      if (name != "?" && after[i] != "?") {
        throw Error(fmt::format("the layout {} cannot become {}: it has no {}", from.to_string(),
                                to.to_string(), after[i]));
      }
      order[i] = free;
      taken[static_cast<std::size_t>(free)] = true;
    }
    moves = moves || order[i] != static_cast<std::int64_t>(i);
  }
  return moves ? order : std::vector<std::int64_t>{};
}

}  // namespace coinfer::preprocess
