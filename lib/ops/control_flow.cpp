#include "ops/control_flow.hpp"

#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

[[noreturn]] void fail(const graph::Node& node, const std::string& text) {
  throw Error(fmt::format("{} ({})", text, graph::describe(node)));
}

std::shared_ptr<graph::Graph> body_of(const graph::Node& node, const char* name) {
  auto body = node.attributes.graph(name);
  if (body == nullptr) {
    fail(node, fmt::format("the attribute '{}' is missing", name));
  }
  return body;
}

void add_captures(const graph::Node& node, LoopForm& form) {
  const auto inputs = static_cast<int>(form.body->inputs.size());
  const auto captures = static_cast<int>(form.body->captures);
  for (int i = 0; i < captures; ++i) {
    form.wholes.push_back(
        {static_cast<int>(node.inputs.size()) - captures + i, inputs - captures + i});
  }
}

void check_counts(const graph::Node& node, std::size_t inputs, std::size_t body_inputs,
                  std::size_t body_outputs, const LoopForm& form) {
  const auto& body = *form.body;
  const auto check = [&](const char* what, std::size_t came, std::size_t expected) {
    if (came != expected) {
      fail(node, fmt::format("{} {}; {} were expected", came, what, expected));
    }
  };
  check("inputs were given", node.inputs.size() - std::min(node.inputs.size(), body.captures),
        inputs);
  check("inputs has its body", body.inputs.size() - body.captures, body_inputs);
  check("outputs has its body", body.outputs.size(), body_outputs);
}

/// ONNX Loop: (count, condition, v...) with a body (number, condition, v...) -> (condition, v...,
/// stacked...).
LoopForm form_of_loop(const graph::Node& node) {
  LoopForm form;
  form.body = body_of(node, "body");
  const auto& body = *form.body;
  const auto given = static_cast<int>(body.inputs.size() - body.captures);
  if (given < 2) {
    fail(node, fmt::format("its body has {} inputs; at least 2 were expected", given));
  }
  const int carried = given - 2;
  check_counts(node, static_cast<std::size_t>(given), static_cast<std::size_t>(given),
               std::max(body.outputs.size(), static_cast<std::size_t>(carried + 1)), form);
  form.trip_count = node.has_input(0) ? 0 : -1;
  form.condition = node.has_input(1) ? 1 : -1;
  form.iteration = 0;
  form.condition_in = 1;
  form.condition_out = 0;
  for (int i = 0; i < carried; ++i) {
    form.carried.push_back({2 + i, 2 + i, 1 + i});
    form.lasts.push_back({1 + i, i});
  }
  for (int i = carried; i + 1 < static_cast<int>(body.outputs.size()); ++i) {
    form.stacks.push_back({1 + i, i, {}});
  }
  add_captures(node, form);
  return form;
}

/// ONNX Scan: (state..., scanned...) with a body of the same inputs -> (state..., stacked...).
LoopForm form_of_scan(const graph::Node& node) {
  LoopForm form;
  form.body = body_of(node, "body");
  const auto& body = *form.body;
  const auto inputs = static_cast<int>(body.inputs.size() - body.captures);
  const auto outputs = static_cast<int>(body.outputs.size());
  const auto given = node.attributes.integer("num_scan_inputs", 0);
  if (given < 1 || given > inputs) {
    fail(node, fmt::format("num_scan_inputs is {}; its body has {} inputs", given, inputs));
  }
  const auto scanned = static_cast<int>(given);
  const int carried = inputs - scanned;
  if (outputs < carried) {
    fail(node, fmt::format("its body has {} outputs; at least {} were expected", outputs, carried));
  }
  check_counts(node, static_cast<std::size_t>(inputs), static_cast<std::size_t>(inputs),
               static_cast<std::size_t>(outputs), form);
  const auto list = [&](const char* name, int count) {
    auto values = node.attributes.integers(name).value_or(
        std::vector<std::int64_t>(static_cast<std::size_t>(count), 0));
    if (values.size() != static_cast<std::size_t>(count)) {
      fail(node, fmt::format("{} has {} numbers; {} were expected", name, values.size(), count));
    }
    return values;
  };
  const auto walk = [](std::int64_t axis, std::int64_t direction) {
    return direction == 0 ? Walk{.axis = axis}
                          : Walk{.axis = axis, .start = -1, .end = 0, .stride = -1};
  };
  const auto in_axes = list("scan_input_axes", scanned);
  const auto in_directions = list("scan_input_directions", scanned);
  const auto out_axes = list("scan_output_axes", outputs - carried);
  const auto out_directions = list("scan_output_directions", outputs - carried);
  for (int i = 0; i < carried; ++i) {
    form.carried.push_back({i, i, i});
    form.lasts.push_back({i, i});
  }
  for (int i = 0; i < scanned; ++i) {
    const auto at = static_cast<std::size_t>(i);
    form.slices.push_back({carried + i, carried + i, walk(in_axes[at], in_directions[at])});
  }
  for (int i = carried; i < outputs; ++i) {
    const auto at = static_cast<std::size_t>(i - carried);
    form.stacks.push_back({i, i, walk(out_axes[at], out_directions[at])});
  }
  add_captures(node, form);
  return form;
}

/// coinfer.TensorIterator, any loop with its form in attributes: ports as numbers, `carried` three
/// by three, `lasts` two by two, `slices` and `stacks` seven by seven with their walk.
LoopForm form_of_iterator(const graph::Node& node) {
  LoopForm form;
  form.body = body_of(node, "body");
  const auto port = [&](const char* name) {
    return static_cast<int>(node.attributes.integer(name, -1));
  };
  form.trip_count = port("trip_count");
  form.condition = port("condition");
  form.iteration = port("iteration");
  form.condition_out = port("condition_out");
  form.endless_below_zero = true;
  const auto rows = [&](const char* name, std::size_t width) {
    const auto numbers = node.attributes.integers(name).value_or(std::vector<std::int64_t>{});
    if (numbers.size() % width != 0) {
      fail(node, fmt::format("the attribute '{}' has {} numbers, which is no multiple of {}", name,
                             numbers.size(), width));
    }
    std::vector<std::vector<std::int64_t>> result;
    for (auto at = numbers.begin(); at != numbers.end(); at += static_cast<std::ptrdiff_t>(width)) {
      result.emplace_back(at, at + static_cast<std::ptrdiff_t>(width));
    }
    return result;
  };
  const auto to_int = [](std::int64_t number) { return static_cast<int>(number); };
  const auto walk = [](const std::vector<std::int64_t>& row) {
    return Walk{.axis = row[2],
                .start = row[3],
                .end = row[4],
                .stride = row[5],
                .part = row[6],
                .keeps_axis = true};
  };
  for (const auto& row : rows("carried", 3)) {
    form.carried.push_back({to_int(row[0]), to_int(row[1]), to_int(row[2])});
  }
  for (const auto& row : rows("slices", 7)) {
    form.slices.push_back({to_int(row[0]), to_int(row[1]), walk(row)});
  }
  for (const auto& row : rows("lasts", 2)) {
    form.lasts.push_back({to_int(row[0]), to_int(row[1])});
  }
  for (const auto& row : rows("stacks", 7)) {
    form.stacks.push_back({to_int(row[0]), to_int(row[1]), walk(row)});
  }
  if (node.inputs.size() < form.body->captures) {
    fail(node, fmt::format("its body captures {} values; it has {} inputs", form.body->captures,
                           node.inputs.size()));
  }
  add_captures(node, form);
  return form;
}

const Register branch{{.type = "If", .since = 1, .control = Control::branch}};
const Register loop{
    {.type = "Loop", .since = 1, .control = Control::loop, .loop_form = form_of_loop}};
const Register iterator{{.type = "TensorIterator",
                         .since = 1,
                         .domain = "coinfer",
                         .control = Control::loop,
                         .loop_form = form_of_iterator}};
const Register scan{
    {.type = "Scan", .since = 9, .control = Control::loop, .loop_form = form_of_scan}};

}  // namespace

const LoopForm::Carried* LoopForm::carried_as(int body_output) const {
  const auto found = std::find_if(carried.begin(), carried.end(), [&](const Carried& one) {
    return one.body_output == body_output;
  });
  return found != carried.end() ? &*found : nullptr;
}

LoopForm loop_form(const graph::Node& node) {
  auto form = node.op->loop_form(node);
  const auto& body = *form.body;
  const auto check = [&](const char* what, int index, std::size_t count) {
    if (index < 0 || static_cast<std::size_t>(index) >= count) {
      fail(node, fmt::format("it names {} {} of {}", what, index, count));
    }
  };
  std::vector<int> fed(body.inputs.size(), 0);
  const auto feed = [&](int node_input, int body_input) {
    check("the input", node_input, node.inputs.size());
    check("the input of its body", body_input, body.inputs.size());
    if (!node.has_input(static_cast<std::size_t>(node_input))) {
      fail(node, fmt::format("the input {} is missing", node_input));
    }
    ++fed[static_cast<std::size_t>(body_input)];
  };
  for (const auto& one : form.wholes) {
    feed(one.node_input, one.body_input);
  }
  for (const auto& one : form.slices) {
    feed(one.node_input, one.body_input);
    if (one.walk.part < 1 || one.walk.stride == 0 || (!one.walk.keeps_axis && one.walk.part != 1)) {
      fail(node, fmt::format("parts of {} with a stride of {} cannot be taken", one.walk.part,
                             one.walk.stride));
    }
  }
  for (const auto& one : form.carried) {
    feed(one.node_input, one.body_input);
    check("the output of its body", one.body_output, body.outputs.size());
  }
  for (const auto port : {form.trip_count, form.condition}) {
    if (port >= 0) {
      check("the input", port, node.inputs.size());
      if (!node.has_input(static_cast<std::size_t>(port))) {
        fail(node, fmt::format("the input {} is missing", port));
      }
    }
  }
  for (const auto port : {form.iteration, form.condition_in}) {
    if (port >= 0) {
      check("the input of its body", port, body.inputs.size());
      ++fed[static_cast<std::size_t>(port)];
    }
  }
  for (std::size_t i = 0; i < fed.size(); ++i) {
    if (fed[i] != 1) {
      fail(node,
           fmt::format("the input {} of its body is fed {} times instead of once", i, fed[i]));
    }
  }
  if (form.condition_out >= 0) {
    check("the output of its body", form.condition_out, body.outputs.size());
  }
  // Outputs at the end may be left out.
  std::vector<int> made(node.outputs.size(), 0);
  const auto make = [&](int body_output, int node_output) {
    check("the output of its body", body_output, body.outputs.size());
    if (node_output >= 0 && static_cast<std::size_t>(node_output) < made.size()) {
      ++made[static_cast<std::size_t>(node_output)];
      return false;
    }
    return true;
  };
  std::erase_if(form.lasts,
                [&](const auto& one) { return make(one.body_output, one.node_output); });
  std::erase_if(form.stacks,
                [&](const auto& one) { return make(one.body_output, one.node_output); });
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (made[i] != 1) {
      fail(node, fmt::format("its output {} is made {} times instead of once", i, made[i]));
    }
  }
  return form;
}

namespace {
std::int64_t from_front(std::int64_t index, std::int64_t extent) {
  return index < 0 ? index + extent : index;
}
}  // namespace

std::int64_t parts_of(const Walk& walk, std::int64_t extent) {
  if (extent == 0) {
    return 0;
  }
  const auto start = from_front(walk.start, extent);
  const auto end = from_front(walk.end, extent);
  const auto length = std::max(start, end) - std::min(start, end) + 1;
  const auto count = length / walk.part;
  const auto first = first_of(walk, extent);
  const auto last = first + (count - 1) * walk.stride;
  const bool ends_inside =
      walk.stride > 0 ? start <= end && end < extent : end <= start && end >= 0;
  if (!ends_inside || length % walk.part != 0 || std::min(first, last) < 0 ||
      std::max(first, last) + walk.part > extent) {
    throw Error(fmt::format(
        "an axis of {} elements cannot be walked from {} to {} in parts of {} with a stride of {}",
        extent, walk.start, walk.end, walk.part, walk.stride));
  }
  return count;
}

std::int64_t first_of(const Walk& walk, std::int64_t extent) {
  const auto start = from_front(walk.start, extent);
  // Backwards the first part ends where the walk starts.
  return walk.stride < 0 ? start - walk.part + 1 : start;
}

std::size_t axis_of(const Walk& walk, std::int64_t rank_of_whole) {
  const auto axis = from_front(walk.axis, rank_of_whole);
  if (axis < 0 || axis >= rank_of_whole) {
    throw Error(
        fmt::format("the axis {} does not lie in a tensor of rank {}", walk.axis, rank_of_whole));
  }
  return static_cast<std::size_t>(axis);
}

Shape part_shape(const Walk& walk, const Shape& whole) {
  auto shape = whole;
  const auto axis = axis_of(walk, whole.rank());
  if (walk.keeps_axis) {
    shape[axis] = walk.part;
  } else {
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  }
  return shape;
}

Shape whole_shape(const Walk& walk, const Shape& part, std::int64_t count) {
  auto shape = part;
  if (walk.keeps_axis) {
    shape[axis_of(walk, part.rank())] *= count;
  } else {
    shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis_of(walk, part.rank() + 1)),
                 count);
  }
  return shape;
}

bool has_bodies(const graph::Node& node) {
  return node.op != nullptr &&
         (node.op->control == Control::branch || node.op->control == Control::loop);
}

std::vector<std::pair<std::string, std::shared_ptr<graph::Graph>>> bodies_of(
    const graph::Node& node) {
  std::vector<std::pair<std::string, std::shared_ptr<graph::Graph>>> bodies;
  for (const auto& [name, value] : node.attributes) {
    if (const auto* body = std::get_if<std::shared_ptr<graph::Graph>>(&value)) {
      bodies.emplace_back(name, *body);
    }
  }
  return bodies;
}

}  // namespace coinfer::ops
