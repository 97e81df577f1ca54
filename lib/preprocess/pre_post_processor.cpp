#include "coinfer/error.hpp"
#include "passes/passes.hpp"
#include "preprocess/chain.hpp"

namespace coinfer::preprocess {
namespace {

using graph::Graph;
using graph::ValueId;

std::string title_of(const Port& port) {
  return fmt::format("preprocessing of {} '{}'", port.is_output ? "output" : "input",
                     port.names.empty() ? std::to_string(port.index) : port.names.front());
}

/// The model's dimensions that a tensor of lower rank has too.
PartialShape named_part(const Goal& goal, const Layout& layout) {
  std::int64_t rank = 0;
  while (rank < goal.shape.rank() && !layout.allows_rank(rank)) {
    ++rank;
  }
  PartialShape::Dimensions dims;
  for (const auto& name : layout.names(rank)) {
    dims.push_back(
        goal.shape[static_cast<std::size_t>(goal.layout.index_of(name, goal.shape.rank()))]);
  }
  return PartialShape{std::move(dims)};
}

/// Any names, of dimensions that have none.
Layout numbered(std::int64_t rank) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < rank; ++i) {
    names.push_back(fmt::format("D{}", i));
  }
  return Layout{fmt::format("[{}]", fmt::join(names, ","))};
}

/// The shape that the caller's tensor has, from the model's.
PartialShape tensor_shape(const InputTensorInfo& tensor, const Layout& layout, const Goal& goal,
                          const std::string& title) {
  auto shape = tensor.shape.value_or(goal.shape);
  const bool from_layouts =
      !tensor.shape && !layout.empty() && !goal.layout.empty() && goal.shape.has_rank();
  if (from_layouts && !layout.allows_rank(goal.shape.rank())) {
    shape = named_part(goal, layout);
  } else if (from_layouts) {
    const auto order = permutation(goal.layout, layout, goal.shape.rank());
    for (std::size_t i = 0; i < order.size(); ++i) {
      shape[i] = goal.shape[static_cast<std::size_t>(order[i])];
    }
  }
  if (!shape.has_rank()) {
    return shape;
  }
  const auto at = [&](std::string_view name) -> Dimension& {
    if (!layout.has_name(name)) {
      throw Error(fmt::format("{}: the tensor's layout {} does not say where {} is", title,
                              layout.to_string(), name));
    }
    return shape[static_cast<std::size_t>(layout.index_of(name, shape.rank()))];
  };
  if (!tensor.shape) {
    if (const auto channels = channels_of(tensor.color); channels != 0) {
      at("C") = channels;
    }
    if (tensor.spatial_shape) {
      at("H") = Dimension{tensor.spatial_shape->first};
      at("W") = Dimension{tensor.spatial_shape->second};
    }
    if (auto& rows = is_planar(tensor.color) ? at("H") : shape[0];
        is_planar(tensor.color) && rows.is_static()) {
      rows = rows.length() * 3 / 2;
    }
  }
  return shape;
}

void replace(Graph& graph, ValueId old, ValueId by) {
  for (auto& node : graph.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), old, by);
  }
  std::replace(graph.outputs.begin(), graph.outputs.end(), old, by);
  for (auto& variable : graph.variables) {
    variable.assigned = variable.assigned == old ? by : variable.assigned;
  }
}

/// Names plane `i` of an input that had these names.
void name_plane(graph::Value& plane, const InputTensorInfo& tensor, std::size_t i) {
  static constexpr std::array<const char*, 3> of_two{"Y", "UV", ""};
  static constexpr std::array<const char*, 3> of_three{"Y", "U", "V"};
  const auto names = names_of(plane);
  plane.more_names.clear();
  plane.own_name = tensor.plane_names.empty() || names.empty();
  if (plane.own_name) {
    plane.name += fmt::format("/{}", (tensors_of(tensor.color) == 2 ? of_two : of_three)[i]);
    return;
  }
  for (const auto& name : names) {
    plane.more_names.push_back(name + "/" + tensor.plane_names[i]);
  }
  plane.name = plane.more_names.front();
  plane.more_names.erase(plane.more_names.begin());
}

/// The inputs that an image in several planes is given by: Y is of the shape of `image`.
std::vector<ValueId> add_planes(Graph& graph, const graph::Value& image,
                                const InputTensorInfo& tensor, const std::string& title) {
  const auto fail = [&](std::string_view what) {
    throw Error(fmt::format("{}: an image of the format {} {}; the tensor has the shape {}", title,
                            name_of(tensor.color), what, image.shape.to_string()));
  };
  const auto& shape = image.shape;
  if (!shape.has_rank() || shape.rank() != 4 || !shape[3].contains(1)) {
    fail("has planes of the layout NHWC with one channel first");
  }
  if (shape[1].is_dynamic() || shape[2].is_dynamic()) {
    fail("needs a fixed height and width");
  }
  if (shape[1].length() % 2 != 0 || shape[2].length() % 2 != 0) {
    fail("has an even height and width");
  }
  std::vector<ValueId> planes;
  for (std::size_t i = 0; i < tensors_of(tensor.color); ++i) {
    auto plane = image;
    if (i > 0) {
      plane.shape[1] = shape[1].length() / 2;
      plane.shape[2] = shape[2].length() / 2;
      plane.shape[3] = tensor.color == ColorFormat::nv12_two_planes ? 2 : 1;
    }
    name_plane(plane, tensor, i);
    planes.push_back(graph.add(std::move(plane)));
  }
  return planes;
}

/// The planes take the place of the input `index`, whose node had the name.
void place_planes(Graph& graph, std::size_t index, const std::string& node,
                  const std::vector<ValueId>& planes, const InputTensorInfo& tensor) {
  graph.parameter_names.resize(graph.inputs.size());
  for (std::size_t i = 0; i < planes.size(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(index + i);
    if (i > 0) {
      graph.inputs.insert(graph.inputs.begin() + at, ValueId{});
      graph.parameter_names.insert(graph.parameter_names.begin() + at, std::string{});
    }
    graph.inputs[index + i] = planes[i];
    graph.parameter_names[index + i] =
        tensor.plane_names.empty() ? std::string{} : node + "/" + tensor.plane_names[i];
  }
}

/// What a caller gives, and what the model wants.
std::vector<std::string> heading(const Graph& graph, const std::vector<ValueId>& tensors,
                                 const Layout& layout, const Goal& goal) {
  const auto of = [&](ValueId id) { return describe(graph[id].shape, layout, graph[id].type); };
  std::vector<std::string> lines;
  if (tensors.size() == 1) {
    lines.push_back("User's input tensor: " + of(tensors[0]));
  } else {
    lines.push_back(fmt::format("{} user's tensors expected for each plane:", tensors.size()));
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto names = names_of(graph[tensors[i]]);
      lines.push_back(
          fmt::format("   {}: {}{}", i, names.empty() ? "" : names.front() + " ", of(tensors[i])));
    }
  }
  lines.push_back("Model's expected tensor: " + describe(goal.shape, goal.layout, goal.type));
  return lines;
}

void build_input(Graph& graph, std::size_t index, const Port& port, const InputInfo& info,
                 Account* account = nullptr) {
  const auto title = title_of(port);
  const auto id = graph.inputs[index];
  const auto node = graph::parameter_name(graph, index);
  Goal goal{graph[id].type, graph[id].shape,
            info.model_layout.empty() ? Layout{graph[id].layout} : info.model_layout};
  const bool several = tensors_of(info.tensor.color) > 1;
  auto layout = info.tensor.layout;
  if (several) {
    const Layout needed{"NHWC"};
    if (!layout.empty() && !(layout == needed)) {
      throw Error(fmt::format("{}: an image of the format {} has planes of the layout NHWC, not {}",
                              title, name_of(info.tensor.color), layout.to_string()));
    }
    layout = needed;
  } else if (layout.empty() && info.tensor.color != ColorFormat::undefined) {
    layout = Layout{"NHWC"};
  }
  if (goal.layout.empty() && !layout.empty()) {
    goal.layout = info.preprocess.result_of(layout);
  } else if (layout.empty() && !goal.layout.empty()) {
    layout = info.preprocess.source_of(goal.layout);
  }
  if (goal.shape.has_rank() && !goal.layout.allows_rank(goal.shape.rank())) {
    throw Error(fmt::format("{}: the layout {} does not suit the shape {}", title,
                            goal.layout.to_string(), goal.shape.to_string()));
  }
  // The model's parameter becomes the last value of the chain; a new one takes its place.
  graph::Value fresh = graph[id];
  fresh.type = info.tensor.element_type.value_or(goal.type);
  if (layout.empty() && goal.layout.empty() && goal.shape.has_rank() &&
      !info.tensor.spatial_shape) {
    // No layout is known, but the steps may move dimensions.
    const Goal moved{goal.type, goal.shape, numbered(goal.shape.rank())};
    fresh.shape = tensor_shape(info.tensor, info.preprocess.source_of(moved.layout), moved, title);
  } else {
    fresh.shape = tensor_shape(info.tensor, layout, goal, title);
  }
  fresh.layout = layout.empty() ? std::string{} : layout.to_string();
  const auto starts = several ? add_planes(graph, fresh, info.tensor, title)
                              : std::vector{graph.add(std::move(fresh))};
  Chain chain{graph, title, starts[0], layout, info.tensor.color, goal};
  if (several) {
    chain.planes = starts;
  }
  chain.account = account;
  if (account != nullptr) {
    account->heading = heading(graph, starts, layout, goal);
  }
  for (const auto& step : info.preprocess.steps()) {
    chain.perform(step);
  }
  if (!chain.planes.empty()) {
    chain.fail(fmt::format("the image lies in {} planes; convert_color makes it one tensor",
                           chain.planes.size()));
  }
  chain.finish();
  if (!PartialShape::merge(chain.shape(), goal.shape)) {
    chain.fail(fmt::format("the result has the shape {}, the model wants {}",
                           chain.shape().to_string(), goal.shape.to_string()));
  }
  replace(graph, id, chain.current);
  graph[id].name.clear();
  graph[id].more_names.clear();
  if (several) {
    place_planes(graph, index, node, starts, info.tensor);
  } else {
    graph.inputs[index] = starts[0];
  }
  auto nodes = chain.take_nodes();
  graph.nodes.insert(graph.nodes.begin(), std::make_move_iterator(nodes.begin()),
                     std::make_move_iterator(nodes.end()));
}

void build_output(Graph& graph, std::size_t index, const Port& port, const OutputInfo& info,
                  Account* account = nullptr) {
  const auto id = graph.outputs[index];
  const auto layout = info.model_layout.empty() ? Layout{graph[id].layout} : info.model_layout;
  Goal goal{info.element_type.value_or(ElementType::dynamic), graph[id].shape, info.layout};
  Chain chain{graph, title_of(port), id, layout, ColorFormat::undefined, goal};
  chain.account = account;
  if (account != nullptr) {
    account->heading = {"Model's data tensor: " + chain.state()};
  }
  for (const auto& step : info.postprocess.steps()) {
    chain.perform(step);
  }
  chain.finish();
  if (account != nullptr) {
    account->closing = "User's output tensor: " + chain.state();
  }
  auto& last = graph[chain.current];
  last.layout = chain.layout.empty() ? std::string{} : chain.layout.to_string();
  if (chain.current == id) {
    return;
  }
  // The tensor that leaves the model has the name; an inner one of another type has none.
  last.name = std::exchange(graph[id].name, {});
  last.more_names = std::exchange(graph[id].more_names, {});
  last.own_name = graph[id].own_name;
  graph.outputs[index] = chain.current;
  auto nodes = chain.take_nodes();
  graph.nodes.insert(graph.nodes.end(), std::make_move_iterator(nodes.begin()),
                     std::make_move_iterator(nodes.end()));
}

std::string render(const Account& account, const std::string& name, bool is_output,
                   const std::string& error) {
  auto text = fmt::format("{} {}:\n", is_output ? "Output" : "Input", name);
  for (const auto& line : account.heading) {
    text += fmt::format("    {}\n", line);
  }
  for (const bool asked : {true, false}) {
    const auto count = std::count_if(account.lines.begin(), account.lines.end(),
                                     [&](const auto& line) { return line.asked == asked; });
    if (count == 0) {
      continue;
    }
    const auto* title = is_output
                            ? (asked ? "Post-processing steps" : "Post-processing implicit steps")
                            : (asked ? "Pre-processing steps" : "Implicit pre-processing steps");
    text += fmt::format("    {} ({}):\n", title, count);
    for (const auto& line : account.lines) {
      if (line.asked == asked) {
        text += line.after.empty()
                    ? fmt::format("      {}: ({})\n", line.title, line.before)
                    : fmt::format("      {}: ({}) -> ({})\n", line.title, line.before, line.after);
      }
    }
  }
  if (!error.empty()) {
    text += fmt::format("Error: {}\n", error);
  } else if (!account.closing.empty()) {
    text += fmt::format("    {}\n", account.closing);
  }
  return text;
}

/// Empty when nothing was said of the port.
template <class Build>
std::string account_of(const Port& port, bool told, const std::string& suffix, const Build& build) {
  Account account;
  std::string error;
  try {
    build(account);
  } catch (const Error& failure) {
    error = failure.what();
  }
  if (account.lines.empty() && !told && error.empty()) {
    return {};
  }
  const auto name =
      port.names.empty() ? std::to_string(port.index) : fmt::format("\"{}\"", port.names.front());
  return render(account, name + suffix, port.is_output, error);
}

}  // namespace

struct PrePostProcessor::State {
  Model model;
  std::vector<InputInfo> inputs;
  std::vector<OutputInfo> outputs;
};

PrePostProcessor::PrePostProcessor(Model model) : state_{std::make_shared<State>()} {
  if (!model) {
    throw Error("a model was expected, a null one came");
  }
  state_->inputs.resize(model.inputs().size());
  state_->outputs.resize(model.outputs().size());
  state_->model = std::move(model);
}

InputInfo& PrePostProcessor::input() {
  if (state_->inputs.size() != 1) {
    throw Error(
        fmt::format("input() without a name or index is for a model with one input; this "
                    "one has {}",
                    state_->inputs.size()));
  }
  return state_->inputs[0];
}
InputInfo& PrePostProcessor::input(std::size_t index) {
  return state_->inputs[state_->model.input(index)->index];
}
InputInfo& PrePostProcessor::input(std::string_view name) {
  return state_->inputs[state_->model.input(name)->index];
}
OutputInfo& PrePostProcessor::output() {
  if (state_->outputs.size() != 1) {
    throw Error(
        fmt::format("output() without a name or index is for a model with one output; this "
                    "one has {}",
                    state_->outputs.size()));
  }
  return state_->outputs[0];
}
OutputInfo& PrePostProcessor::output(std::size_t index) {
  return state_->outputs[state_->model.output(index)->index];
}
OutputInfo& PrePostProcessor::output(std::string_view name) {
  return state_->outputs[state_->model.output(name)->index];
}

std::string PrePostProcessor::describe() const {
  const auto& model = state_->model;
  if (model.inputs().size() != state_->inputs.size() ||
      model.outputs().size() != state_->outputs.size()) {
    return {};
  }
  auto graph = model.graph();
  std::string of_outputs;
  for (std::size_t i = 0; i < state_->outputs.size(); ++i) {
    const auto& info = state_->outputs[i];
    const auto& port = *model.outputs()[i];
    const bool told = !info.layout.empty() || !info.model_layout.empty();
    of_outputs += account_of(
        port, told, "", [&](Account& account) { build_output(graph, i, port, info, &account); });
  }
  std::string of_inputs;
  for (auto i = state_->inputs.size(); i-- > 0;) {
    const auto& info = state_->inputs[i];
    const auto& port = *model.inputs()[i];
    const bool colored = info.tensor.color != ColorFormat::undefined;
    const bool told = colored || !info.tensor.layout.empty() || !info.model_layout.empty();
    const auto suffix = colored ? fmt::format(" (color {})", title_of(info.tensor.color)) : "";
    // Planes move the inputs behind them, so these come in reverse order.
    of_inputs.insert(0, account_of(port, told, suffix, [&](Account& account) {
                       build_input(graph, i, port, info, &account);
                     }));
  }
  return of_inputs + of_outputs;
}

Model PrePostProcessor::build() {
  auto& model = state_->model;
  if (model.inputs().size() != state_->inputs.size() ||
      model.outputs().size() != state_->outputs.size()) {
    throw Error("the model has other inputs or outputs than when its preprocessing was begun");
  }
  auto graph = std::make_shared<Graph>(model.graph());
  for (std::size_t i = 0; i < state_->outputs.size(); ++i) {
    build_output(*graph, i, *model.outputs()[i], state_->outputs[i]);
  }
  // From the last: planes move the inputs behind them.
  for (auto i = state_->inputs.size(); i-- > 0;) {
    build_input(*graph, i, *model.inputs()[i], state_->inputs[i]);
  }
  passes::infer(*graph, false);
  model.replace_graph(std::move(graph));
  return model;
}

}  // namespace coinfer::preprocess
