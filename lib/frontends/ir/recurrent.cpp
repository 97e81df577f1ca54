#include <cmath>

#include "frontends/ir/writer.hpp"

/// Recurrent cells and sequences. Batches come first here, which is layout 1 of ONNX; a cell is a
/// sequence of one step.
namespace coinfer::frontends::ir {
namespace {

using Values = std::vector<ValueId>;
using Attributes = std::vector<Writer::Attribute>;

enum class Cell : std::uint8_t { rnn, gru, lstm };

std::size_t activations_of(Cell cell) { return cell == Cell::rnn ? 1 : cell == Cell::gru ? 2 : 3; }

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (c == ',') {
      words.push_back(std::exchange(word, {}));
    } else if (c != ' ') {
      word += c;
    }
  }
  if (!word.empty()) {
    words.push_back(std::move(word));
  }
  return words;
}

/// OpenVINO lists the activations of one direction, ONNX those of all. OpenVINO's CPU plugin has no
/// others than these, none of which has parameters.
std::vector<std::string> activations(Writer& w, Cell cell, std::size_t directions) {
  auto names = split(w.text("activations", ""));
  const auto count = activations_of(cell);
  if (names.empty()) {
    names.assign(count, "tanh");
    if (cell != Cell::rnn) {
      names[0] = "sigmoid";
    }
  }
  if (names.size() != count) {
    w.fail(fmt::format("it has {} activations; {} were expected", names.size(), count));
  }
  std::vector<std::string> all;
  for (std::size_t i = 0; i < directions * count; ++i) {
    const auto& name = names[i % count];
    if (name != "sigmoid" && name != "tanh" && name != "relu") {
      w.unsupported(fmt::format("the activation '{}' is not supported", name));
    }
    all.push_back(name);
  }
  return all;
}

/// `value` (directions, gates * hidden, …) with the gates in the order of `order`.
ValueId ordered(Writer& w, ValueId value, const std::vector<std::size_t>& order) {
  const auto gates = w.nodes(
      "Split", {value}, order.size(),
      {{"axis", std::int64_t{1}}, {"num_outputs", static_cast<std::int64_t>(order.size())}});
  Values sorted;
  for (const auto gate : order) {
    sorted.push_back(gates[gate]);
  }
  return w.node("Concat", sorted, {{"axis", std::int64_t{1}}});
}

ValueId zeros_like(Writer& w, ValueId value) {
  return w.node("Expand", {w.scalar(0, value), w.node("Shape", {value})});
}

/// One bias a gate becomes two, of the input and of the state; the second is zero but for the reset
/// gate's product, which has a bias of its own.
ValueId doubled_bias(Writer& w, Cell cell, ValueId bias, bool reset_after) {
  const auto join = [&](Values parts) {
    return w.node("Concat", std::move(parts), {{"axis", std::int64_t{1}}});
  };
  if (cell != Cell::gru || !reset_after) {
    return join({bias, zeros_like(w, bias)});
  }
  const auto parts =
      w.nodes("Split", {bias}, 4, {{"axis", std::int64_t{1}}, {"num_outputs", std::int64_t{4}}});
  const auto zeros = zeros_like(w, parts[0]);
  return join({parts[0], parts[1], parts[2], zeros, zeros, parts[3]});
}

/// The inputs of a cell or a sequence, with axes of time and directions throughout.
struct Inputs {
  ValueId x, lengths, weights, recurrence, bias;
  Values states;
};

/// The graph's operators compute in f32.
void widen(Writer& w, Inputs& in) {
  const auto cast = [&](ValueId& value) {
    value = value ? w.cast(value, ElementType::f32) : value;
  };
  for (auto* value : {&in.x, &in.weights, &in.recurrence, &in.bias}) {
    cast(*value);
  }
  std::for_each(in.states.begin(), in.states.end(), cast);
}

/// (batch, time, input) -> (batch, directions, time, hidden) and the last states.
Values recurrent(Writer& w, Cell cell, std::string_view type, Inputs in) {
  Attributes attributes;
  const auto direction = w.text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    w.fail(fmt::format("direction='{}' is not known", direction));
  }
  attributes.emplace_back("activations",
                          activations(w, cell, direction == "bidirectional" ? 2 : 1));
  const bool reset_after = cell == Cell::gru && w.flag("linear_before_reset", false);
  attributes.emplace_back("direction", direction);
  attributes.emplace_back("layout", std::int64_t{1});
  attributes.emplace_back("hidden_size", w.integer("hidden_size", 0));
  attributes.emplace_back("linear_before_reset", std::int64_t{reset_after});
  const auto clip = w.real("clip", 0);
  if (std::isfinite(clip) && clip > 0) {
    attributes.emplace_back("clip", static_cast<float>(clip));
  }
  const auto given = w.type(in.x);
  const bool narrow = given == ElementType::f16 || given == ElementType::bf16;
  if (narrow) {
    widen(w, in);
  }
  if (cell == Cell::lstm) {
    // f i c o -> i o f c
    const std::vector<std::size_t> order{1, 3, 0, 2};
    in.weights = ordered(w, in.weights, order);
    in.recurrence = ordered(w, in.recurrence, order);
    if (in.bias) {
      in.bias = ordered(w, in.bias, order);
    }
  }
  if (in.bias) {
    in.bias = doubled_bias(w, cell, in.bias, reset_after);
  }
  Values inputs{in.x, in.weights, in.recurrence, in.bias, in.lengths};
  inputs.insert(inputs.end(), in.states.begin(), in.states.end());
  auto results = w.nodes(type, std::move(inputs), 1 + in.states.size(), std::move(attributes));
  results[0] = w.transpose(results[0], {0, 2, 1, 3});
  for (auto& result : results) {
    result = narrow ? w.cast(result, given) : result;
  }
  return results;
}

/// The old forms of LSTM have inputs and attributes that the newer ones lack.
void refuse_old_options(Writer& w, std::size_t input) {
  if (const auto order = w.text("weights_format", "fico"); order != "fico") {
    w.unsupported(fmt::format("weights_format='{}' is not supported", order));
  }
  if (w.flag("input_forget", false)) {
    w.unsupported("input_forget=true is not supported");
  }
  if (w.inputs() <= input) {
    return;
  }
  const auto& peepholes = w.graph()[w.in(input)].constant;
  const bool zero = peepholes && peepholes.type() == ElementType::f32 &&
                    std::all_of(peepholes.data<float>(), peepholes.data<float>() + peepholes.size(),
                                [](float value) { return value == 0; });
  if (!zero) {
    w.unsupported("peepholes other than zero are not supported");
  }
}

template <Cell cell, const auto& type>
Values one_step(Writer& w) {
  const std::size_t states = cell == Cell::lstm ? 2 : 1;
  if (cell == Cell::lstm) {
    refuse_old_options(w, 6);
  }
  Inputs in;
  in.x = w.unsqueeze(w.in(0), {1});
  for (std::size_t i = 0; i < states; ++i) {
    in.states.push_back(w.unsqueeze(w.in(1 + i), {1}));
  }
  in.lengths = graph::no_value;
  in.weights = w.unsqueeze(w.in(1 + states), {0});
  in.recurrence = w.unsqueeze(w.in(2 + states), {0});
  in.bias = w.inputs() > 3 + states ? w.unsqueeze(w.in(3 + states), {0}) : graph::no_value;
  auto results = recurrent(w, cell, type, std::move(in));
  Values last;
  for (std::size_t i = 0; i < states; ++i) {
    last.push_back(w.squeeze(results[1 + i], {1}));
  }
  return last;
}

template <Cell cell, const auto& type>
Values sequence(Writer& w) {
  const std::size_t states = cell == Cell::lstm ? 2 : 1;
  if (cell == Cell::lstm) {
    refuse_old_options(w, 7);
  }
  Inputs in;
  in.x = w.in(0);
  for (std::size_t i = 0; i < states; ++i) {
    in.states.push_back(w.in(1 + i));
  }
  const auto lengths = w.in(1 + states);
  in.lengths = w.type(lengths) == ElementType::i32 ? lengths : w.cast(lengths, ElementType::i32);
  in.weights = w.in(2 + states);
  in.recurrence = w.in(3 + states);
  in.bias = w.inputs() > 4 + states ? w.in(4 + states) : graph::no_value;
  return recurrent(w, cell, type, std::move(in));
}

constexpr char known[] = "no activations but sigmoid, tanh and relu";
constexpr char lstm_note[] = "no activations but sigmoid, tanh and relu; no peepholes";
constexpr char rnn[] = "RNN", gru[] = "GRU", lstm[] = "LSTM";

constexpr std::array table{
    NamedConversion{"RNNCell", one_step<Cell::rnn, rnn>, known},
    NamedConversion{"GRUCell", one_step<Cell::gru, gru>, known},
    NamedConversion{"LSTMCell", one_step<Cell::lstm, lstm>, lstm_note},
    NamedConversion{"RNNSequence", sequence<Cell::rnn, rnn>, known},
    NamedConversion{"GRUSequence", sequence<Cell::gru, gru>, known},
    NamedConversion{"LSTMSequence", sequence<Cell::lstm, lstm>, lstm_note},
};

}  // namespace

std::span<const NamedConversion> recurrent_conversions() { return table; }

}  // namespace coinfer::frontends::ir
