#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ops/op.hpp"

namespace coinfer::ops {

/// ONNX's recurrent operators.
enum class Cell : std::uint8_t { rnn, gru, lstm };

constexpr std::int64_t gates_of(Cell cell) {
  return cell == Cell::rnn ? 1 : cell == Cell::gru ? 3 : 4;
}

/// An activation of a gate, with its parameters.
struct GateActivation {
  enum class Kind : std::uint8_t {
    sigmoid,
    tanh,
    relu,
    affine,
    leaky_relu,
    thresholded_relu,
    scaled_tanh,
    hard_sigmoid,
    elu,
    softsign,
    softplus
  } kind = Kind::tanh;
  float alpha = 0;
  float beta = 0;

  float operator()(float x) const;
};

/// What a recurrent node computes, apart from its data.
struct RecurrentForm {
  Cell cell = Cell::rnn;
  std::int64_t time = 0, batch = 0, input = 0, hidden = 0, directions = 1;
  bool batch_first = false;  ///< layout 1
  bool backwards = false;    ///< the only direction
  bool reset_after = false;  ///< linear_before_reset
  bool couple_forget = false;
  bool given = false;                       ///< RecurrentData::from_x comes with the data
  bool halves = false;                      ///< RecurrentData::packed is bf16
  float clip = 0;                           ///< 0: none
  std::vector<GateActivation> activations;  ///< of the first direction, then of the second

  std::int64_t gates() const { return gates_of(cell); }
  /// Of these gates what the input and the state add is summed before anything else happens.
  std::int64_t summed_gates() const { return cell == Cell::gru ? 2 : gates(); }
  /// Nothing but ONNX's default activations.
  bool usual(std::int64_t direction) const;
  /// The batch is so small that the recurrent weights are read packed.
  bool packs() const;
  /// Numbers in the packed recurrent weights of one direction, and their bytes.
  std::int64_t packed_numbers() const;
  std::int64_t packed_bytes() const { return packed_numbers() * (halves ? 2 : 4); }
  /// Floats of scratch memory that a run needs.
  std::int64_t scratch_floats() const;
};

/// Pointers to a node's data, in ONNX's layouts; null for what is left out.
struct RecurrentData {
  const float* x = nullptr;
  const float* weights = nullptr;
  const float* recurrence = nullptr;
  const float* bias = nullptr;
  const std::int32_t* lengths = nullptr;
  const float* initial_h = nullptr;
  const float* initial_c = nullptr;
  const float* peepholes = nullptr;
  float* y = nullptr;
  float* y_h = nullptr;
  float* y_c = nullptr;
  /// [rows of x, directions, gates, hidden]: what inputs and biases add to the gates.
  const float* from_x = nullptr;
  float* scratch = nullptr;
  const void* packed = nullptr;  ///< by `pack_recurrence`, of all directions; null: not yet packed
};

/// What biases add to the gates of all directions, whatever the input: [directions, gates, hidden].
/// `bias` may be null.
void add_up_biases(const RecurrentForm& form, const float* bias, float* to);

/// The recurrent weights of one direction as steps with few rows read them: floats, or bf16.
void pack_recurrence(const RecurrentForm& form, const float* recurrence, void* packed);

/// Computes all steps of all directions, these at once on `threads` threads of the current arena.
/// Throws Error when a sequence is longer than the data.
void run_recurrent(const RecurrentForm& form, const RecurrentData& data, int threads = 1);

}  // namespace coinfer::ops
