#pragma once

#include <cstdint>

/// One step of recurrent cells with their usual activations (sigmoid, tanh), for `n` numbers of
/// hidden state. Gates lie one after the other, before their activation.
namespace coinfer::kernels {

/// Gates in the order input, output, forget, cell.
void lstm_gates(const float* gates, float* h, float* c, std::int64_t n);

/// `gates`: update, reset; `from_x` and `from_h` add up to the hidden gate, the latter reset first.
void gru_gates(const float* gates, const float* from_x, const float* from_h, float* h,
               std::int64_t n);

/// The first half of a GRU that resets h before it is multiplied: reset_h = sigmoid(reset) * h.
void gru_reset(const float* gates, const float* h, float* reset_h, std::int64_t n);

/// The other half; `hidden` is the sum of what x and the reset h add.
void gru_finish(const float* gates, const float* hidden, float* h, std::int64_t n);

}  // namespace coinfer::kernels
