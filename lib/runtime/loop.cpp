#include "runtime/loop.hpp"

#include "coinfer/error.hpp"
#include "kernels/strided_copy.hpp"

namespace coinfer::runtime {
namespace {

/// Parts that a stack has room for at first, at most, in bytes: a count may be any number.
constexpr std::size_t first_stack_bytes = std::size_t{1} << 20U;

[[noreturn]] void fail(const graph::Node& node, const std::string& text) {
  throw Error(fmt::format("{} ({})", text, graph::describe(node)));
}

std::int64_t count_of(const Tensor& tensor, const graph::Node& node) {
  if (tensor.size() == 1 && tensor.type() == ElementType::i64) {
    return *tensor.data<std::int64_t>();
  }
  if (tensor.size() == 1 && tensor.type() == ElementType::i32) {
    return *tensor.data<std::int32_t>();
  }
  fail(node, fmt::format("its trip count is a {} tensor of shape {}; one i32 or i64 was expected",
                         name_of(tensor.type()), tensor.shape().to_string()));
}

Tensor dense(Tensor tensor) {
  if (tensor.is_continuous()) {
    return tensor;
  }
  Tensor copy{tensor.type(), tensor.shape()};
  tensor.copy_to(copy);
  return copy;
}

/// [part, outer, ...] out of [outer, part, ...], so that each part is dense.
LoopState::Slices slices_of(const Tensor& tensor, const ops::Walk& walk, std::int64_t count) {
  LoopState::Slices slices;
  slices.source = dense(tensor);
  const auto& whole = slices.source.shape();
  const auto axis = ops::axis_of(walk, whole.rank());
  const auto width = static_cast<std::int64_t>(size_of(tensor.type()));
  slices.part = ops::part_shape(walk, whole);
  if (count == 0) {
    return slices;
  }
  const auto steps = kernels::strides_of(whole);
  const auto first = ops::first_of(walk, whole[axis]) * steps[axis];
  const auto step = walk.stride * steps[axis];
  const bool is_outermost =
      std::all_of(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(axis),
                  [](std::int64_t extent) { return extent == 1; });
  if (is_outermost) {
    slices.first = slices.source.data<std::byte>() + first * width;
    slices.step = step * width;
    return slices;
  }
  Shape order{count};
  order.insert(order.end(), slices.part.begin(), slices.part.end());
  Dims from{step};
  from.insert(from.end(), steps.begin(), steps.end());
  if (!walk.keeps_axis) {
    from.erase(from.begin() + 1 + static_cast<std::ptrdiff_t>(axis));
  }
  Tensor parts{tensor.type(), order};
  kernels::StridedCopy{tensor.type(), order, from, kernels::strides_of(order), first}(
      slices.source.data(), parts.data());
  slices.source = parts;
  slices.first = parts.data<std::byte>();
  slices.step = slices.part.elements() * width;
  return slices;
}

void refuse_strings(const Tensor& tensor, const graph::Node& node) {
  if (tensor.type() == ElementType::string) {
    throw Unsupported(
        fmt::format("strings in a loop are not supported ({})", graph::describe(node)));
  }
}

/// All parts of a stacked output along its axis.
Tensor stacked(const LoopState::Stack& stack, const ops::Walk& walk, std::int64_t count) {
  const auto shape = ops::whole_shape(walk, stack.part, count);
  const auto rank = stack.part.rank() + (walk.keeps_axis ? 0 : 1);
  const auto axis = ops::axis_of(walk, rank);
  const bool backwards = walk.stride < 0;
  const bool is_outermost =
      std::all_of(stack.part.begin(), stack.part.begin() + static_cast<std::ptrdiff_t>(axis),
                  [](std::int64_t extent) { return extent == 1; });
  if (count == 0 || shape.elements() == 0) {
    return Tensor{stack.type, shape};
  }
  if (is_outermost && !backwards) {
    return Tensor{stack.type, shape, stack.memory};
  }
  const auto part = stack.part.elements();
  auto order = stack.part;
  auto from = kernels::strides_of(stack.part);
  order.insert(order.begin() + static_cast<std::ptrdiff_t>(axis), count);
  from.insert(from.begin() + static_cast<std::ptrdiff_t>(axis), backwards ? -part : part);
  Tensor result{stack.type, shape};
  kernels::StridedCopy{stack.type, order, from, kernels::strides_of(order),
                       backwards ? (count - 1) * part : 0}(stack.memory->data(), result.data());
  return result;
}

}  // namespace

void begin_loop(LoopState& loop, const ControlNode& control, const graph::Node& node,
                const graph::Graph& body, const std::function<KnownValue(std::size_t)>& input) {
  const auto& form = control.loop;
  const auto at = [&](int port) { return input(static_cast<std::size_t>(port)); };
  loop.clear();
  loop.control = &control;
  loop.iteration = 0;
  loop.in_place = false;
  loop.limit = Dimension::unbounded;
  loop.condition = form.condition < 0 || holds(at(form.condition).tensor, node);
  if (form.trip_count >= 0) {
    const auto count = count_of(at(form.trip_count).tensor, node);
    // Without end, in OpenVINO's way of writing it.
    loop.limit = count == -1 && form.endless_below_zero ? Dimension::unbounded
                                                        : std::max<std::int64_t>(count, 0);
  }
  std::optional<std::int64_t> parts;
  for (const auto& one : form.slices) {
    const auto tensor = at(one.node_input).tensor;
    refuse_strings(tensor, node);
    const auto& shape = tensor.shape();
    const auto count = ops::parts_of(one.walk, shape[ops::axis_of(one.walk, shape.rank())]);
    if (const auto other = parts.value_or(count); other != count) {
      fail(node, fmt::format("one of its inputs has {} slices, another one {}", other, count));
    }
    parts = count;
    loop.slices.push_back(slices_of(tensor, one.walk, count));
  }
  if (parts) {
    loop.limit = std::min(loop.limit, *parts);
  }
  for (const auto& one : form.carried) {
    auto tensor = dense(at(one.node_input).tensor);
    refuse_strings(tensor, node);
    loop.carried.push_back(std::move(tensor));
  }
  loop.spare.resize(loop.carried.size());
  loop.stacks.resize(form.stacks.size());
  const auto scalar = [&](int port, ElementType type) {
    const auto& value = body[body.inputs[static_cast<std::size_t>(port)]];
    return Tensor{type, value.shape.is_static() ? value.shape.to_shape() : Shape{}};
  };
  if (form.iteration >= 0) {
    const auto type = body[body.inputs[static_cast<std::size_t>(form.iteration)]].type;
    loop.number = scalar(form.iteration, type == ElementType::i32 ? type : ElementType::i64);
  }
  if (form.condition_in >= 0) {
    loop.condition_in = scalar(form.condition_in, ElementType::boolean);
    std::fill_n(loop.condition_in.data<bool>(), loop.condition_in.size(), true);
  }
  for (std::size_t i = 0; i < control.feeds.size(); ++i) {
    const auto& feed = control.feeds[i];
    using Kind = ControlNode::Feed::Kind;
    KnownValue known;
    switch (feed.kind) {
      case Kind::iteration:
        known.tensor = loop.number;
        break;
      case Kind::condition:
        known.tensor = loop.condition_in;
        break;
      case Kind::whole:
        known = at(form.wholes[feed.index].node_input);
        known.tensor = dense(known.tensor);
        break;
      case Kind::carried:
        known.tensor = loop.carried[feed.index];
        break;
      case Kind::slice: {
        auto& slices = loop.slices[feed.index];
        const auto bytes =
            static_cast<std::size_t>(slices.part.elements()) * size_of(slices.source.type());
        known.tensor = Tensor{slices.source.type(), slices.part,
                              Memory::wrap(slices.first, bytes, nullptr, true)};
        break;
      }
    }
    known.value = body.inputs[i];
    loop.known.push_back(std::move(known));
  }
}

void set_iteration(LoopState& loop) {
  if (!loop.number) {
    return;
  }
  if (loop.number.type() == ElementType::i32) {
    std::fill_n(loop.number.data<std::int32_t>(), loop.number.size(),
                static_cast<std::int32_t>(loop.iteration));
  } else {
    std::fill_n(loop.number.data<std::int64_t>(), loop.number.size(), loop.iteration);
  }
}

std::byte* slice_at(const LoopState& loop, std::size_t slice) {
  return loop.slices[slice].first + loop.iteration * loop.slices[slice].step;
}

bool holds(const Tensor& condition, const graph::Node& node) {
  if (condition.type() != ElementType::boolean || condition.size() != 1) {
    fail(node, fmt::format("its condition is a {} tensor of shape {}; one boolean was expected",
                           name_of(condition.type()), condition.shape().to_string()));
  }
  return *condition.data<bool>();
}

std::byte* room_in_stack(LoopState& loop, std::size_t index, ElementType type, const Shape& part,
                         const graph::Node& node) {
  auto& stack = loop.stacks[index];
  const auto count = static_cast<std::size_t>(loop.iteration);
  if (!stack.memory) {
    if (type == ElementType::string) {
      throw Unsupported(
          fmt::format("strings in a loop are not supported ({})", graph::describe(node)));
    }
    stack.type = type;
    stack.part = part;
    stack.part_bytes = static_cast<std::size_t>(part.elements()) * size_of(type);
    const auto wanted = static_cast<std::size_t>(loop.limit);
    const auto most = first_stack_bytes / std::max<std::size_t>(stack.part_bytes, 1) + 1;
    stack.capacity = std::min(wanted, most);
    stack.memory = Memory::allocate(stack.capacity * stack.part_bytes);
  } else if (type != stack.type || part != stack.part) {
    fail(node, fmt::format("the iteration {} made a part of shape {}; those before had {}", count,
                           part.to_string(), stack.part.to_string()));
  }
  if (count == stack.capacity) {
    const auto wanted = std::min(static_cast<std::size_t>(loop.limit), stack.capacity * 2);
    auto more = Memory::allocate(wanted * stack.part_bytes);
    std::memcpy(more->data(), stack.memory->data(), count * stack.part_bytes);
    stack.memory = std::move(more);
    stack.capacity = wanted;
  }
  return stack.memory->data() + count * stack.part_bytes;
}

std::vector<Tensor> end_loop(LoopState& loop, const graph::Node& node, const graph::Graph& body,
                             std::span<const Tensor> last) {
  const auto& form = loop.control->loop;
  std::vector<Tensor> results(node.outputs.size());
  const auto value_of = [&](int output) -> const graph::Value& {
    return body[body.outputs[static_cast<std::size_t>(output)]];
  };
  for (const auto& one : form.lasts) {
    auto& result = results[static_cast<std::size_t>(one.node_output)];
    if (const auto* carried = form.carried_as(one.body_output)) {
      result = loop.carried[static_cast<std::size_t>(carried - form.carried.data())];
    } else if (loop.iteration > 0) {
      result = last[static_cast<std::size_t>(one.body_output)];
    } else {
      const auto& value = value_of(one.body_output);
      result = Tensor{value.type, value.shape.has_rank() ? value.shape.min_shape() : Shape{0}};
      std::memset(result.data(), 0, result.byte_size());
    }
  }
  for (std::size_t i = 0; i < form.stacks.size(); ++i) {
    const auto& one = form.stacks[i];
    auto& stack = loop.stacks[i];
    if (loop.iteration == 0) {
      const auto& value = value_of(one.body_output);
      stack.type = value.type;
      stack.part = value.shape.has_rank() ? value.shape.min_shape() : Shape{};
    }
    results[static_cast<std::size_t>(one.node_output)] = stacked(stack, one.walk, loop.iteration);
  }
  return results;
}

}  // namespace coinfer::runtime
