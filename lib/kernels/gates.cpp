#include "kernels/gates.hpp"

#include "kernels/vector_math.hpp"

namespace coinfer::kernels {
namespace {

COINFER_INLINE void lstm(const float* gates, float* h, float* c, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += lanes) {
    const auto count = n - i;
    Floats in;
    Floats out;
    Floats forget;
    Floats cell;
    Floats state;
    load_some(in, gates + i, count);
    load_some(out, gates + n + i, count);
    load_some(forget, gates + 2 * n + i, count);
    load_some(cell, gates + 3 * n + i, count);
    load_some(state, c + i, count);
    sigmoid_of(in);
    sigmoid_of(out);
    sigmoid_of(forget);
    tanh_of(cell);
    state = forget * state + in * cell;
    store_some(c + i, state, count);
    tanh_of(state);
    store_some(h + i, out * state, count);
  }
}

COINFER_INLINE void gru(const float* gates, const float* from_x, const float* from_h, float* h,
                        std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += lanes) {
    const auto count = n - i;
    Floats update;
    Floats reset;
    Floats x;
    Floats r;
    Floats state;
    load_some(update, gates + i, count);
    load_some(reset, gates + n + i, count);
    load_some(x, from_x + i, count);
    load_some(r, from_h + i, count);
    load_some(state, h + i, count);
    sigmoid_of(update);
    sigmoid_of(reset);
    x += reset * r;
    tanh_of(x);
    store_some(h + i, x + update * (state - x), count);
  }
}

COINFER_INLINE void reset_of(const float* gates, const float* h, float* reset_h, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += lanes) {
    const auto count = n - i;
    Floats reset;
    Floats state;
    load_some(reset, gates + n + i, count);
    load_some(state, h + i, count);
    sigmoid_of(reset);
    store_some(reset_h + i, reset * state, count);
  }
}

COINFER_INLINE void finish(const float* gates, const float* hidden, float* h, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += lanes) {
    const auto count = n - i;
    Floats update;
    Floats next;
    Floats state;
    load_some(update, gates + i, count);
    load_some(next, hidden + i, count);
    load_some(state, h + i, count);
    sigmoid_of(update);
    tanh_of(next);
    store_some(h + i, next + update * (state - next), count);
  }
}

struct Gates {
  void (*lstm)(const float*, float*, float*, std::int64_t);
  void (*gru)(const float*, const float*, const float*, float*, std::int64_t);
  void (*reset)(const float*, const float*, float*, std::int64_t);
  void (*finish)(const float*, const float*, float*, std::int64_t);
};

// A function for each instruction set: the loops above are compiled into it.
// NOLINTBEGIN(bugprone-macro-parentheses): a target is an attribute, and may be nothing.
#define COINFER_GATES(suffix, target)                                                              \
  target void lstm_##suffix(const float* gates, float* h, float* c, std::int64_t n) {              \
    lstm(gates, h, c, n);                                                                          \
  }                                                                                                \
  target void gru_##suffix(const float* gates, const float* from_x, const float* from_h, float* h, \
                           std::int64_t n) {                                                       \
    gru(gates, from_x, from_h, h, n);                                                              \
  }                                                                                                \
  target void reset_##suffix(const float* gates, const float* h, float* to, std::int64_t n) {      \
    reset_of(gates, h, to, n);                                                                     \
  }                                                                                                \
  target void finish_##suffix(const float* gates, const float* hidden, float* h, std::int64_t n) { \
    finish(gates, hidden, h, n);                                                                   \
  }                                                                                                \
  constexpr Gates gates_##suffix{lstm_##suffix, gru_##suffix, reset_##suffix, finish_##suffix};

COINFER_GATES(avx512, COINFER_AVX512)
COINFER_GATES(avx2, COINFER_AVX2)
COINFER_GATES(baseline, )
#undef COINFER_GATES
// NOLINTEND(bugprone-macro-parentheses)

const Gates& best() {
  static const Gates& chosen = isa() == Isa::avx512 ? gates_avx512
                               : isa() == Isa::avx2 ? gates_avx2
                                                    : gates_baseline;
  return chosen;
}

}  // namespace

void lstm_gates(const float* gates, float* h, float* c, std::int64_t n) {
  best().lstm(gates, h, c, n);
}

void gru_gates(const float* gates, const float* from_x, const float* from_h, float* h,
               std::int64_t n) {
  best().gru(gates, from_x, from_h, h, n);
}

void gru_reset(const float* gates, const float* h, float* reset_h, std::int64_t n) {
  best().reset(gates, h, reset_h, n);
}

void gru_finish(const float* gates, const float* hidden, float* h, std::int64_t n) {
  best().finish(gates, hidden, h, n);
}

}  // namespace coinfer::kernels
