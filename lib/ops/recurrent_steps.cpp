// The arithmetic of recurrent operators, as ONNX defines it.
#include <dnnl.h>

#include <cmath>

#include "coinfer/error.hpp"
#include "kernels/gates.hpp"
#include "kernels/parallel.hpp"
#include "kernels/thin_product.hpp"
#include "ops/recurrent.hpp"

namespace coinfer::ops {
namespace {

/// c = a b^T + beta c, row-major: a is [m, k], b is [n, k].
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b,
              float beta, float* c, std::int64_t row_of_c) {
  if (m == 0 || n == 0) {
    return;
  }
  if (dnnl_sgemm('N', 'T', m, n, k, 1.0F, a, std::max<std::int64_t>(k, 1), b,
                 std::max<std::int64_t>(k, 1), beta, c, row_of_c) != dnnl_success) {
    throw Error("oneDNN could not multiply the matrices");
  }
}

/// With more rows oneDNN's product, which reads the weights as they lie, is as quick.
constexpr std::int64_t thin_rows = 8;

/// One direction of a recurrent node.
class Direction {
 public:
  Direction(const RecurrentForm& form, const RecurrentData& data, std::int64_t number)
      : form_{form},
        data_{data},
        number_{number},
        backwards_{form.backwards || number == 1},
        hidden_{form.hidden},
        width_{form.gates() * form.hidden},
        weights_{data.weights + number * width_ * form.input},
        recurrence_{data.recurrence + number * width_ * hidden_},
        bias_{data.bias != nullptr ? data.bias + number * 2 * width_ : nullptr},
        peepholes_{data.peepholes != nullptr ? data.peepholes + number * 3 * hidden_ : nullptr},
        activations_{form.activations.data() + static_cast<std::size_t>(number) *
                                                   form.activations.size() /
                                                   static_cast<std::size_t>(form.directions)},
        usual_{form.usual(number) && peepholes_ == nullptr} {
    auto* scratch = data.scratch + number * form.scratch_floats() / form.directions;
    const auto take = [&](std::int64_t floats) { return std::exchange(scratch, scratch + floats); };
    own_from_x_ = take(form.given ? 0 : form.time * form.batch * width_);
    from_x_ = form.given ? data.from_x + number * width_ : own_from_x_;
    row_of_from_x_ = form.given ? form.directions * width_ : width_;
    gates_ = take(form.batch * width_);
    h_ = take(form.batch * hidden_);
    c_ = take(form.batch * hidden_);
    reset_h_ = take(form.batch * hidden_);
    auto* const packed = take(form.packs() ? form.packed_numbers() : 0);
    if (data.packed != nullptr) {
      packed_ = static_cast<const std::byte*>(data.packed) + number * form.packed_bytes();
    } else if (form.packs()) {
      pack_recurrence(form, recurrence_, packed);
      packed_ = packed;
    }
  }

  /// The initial states, and what all inputs add to the gates.
  void prepare() {
    start();
    const auto rows = form_.time * form_.batch;
    if (form_.given || rows == 0) {
      return;
    }
    biases(form_, bias_, own_from_x_);
    for (std::int64_t row = 1; row < rows; ++row) {
      std::copy_n(own_from_x_, width_, own_from_x_ + row * width_);
    }
    multiply(rows, width_, form_.input, data_.x, weights_, 1.0F, own_from_x_, width_);
  }

  /// Of one direction. GRU's hidden gate has a bias of its own for h when it is reset afterwards.
  static void biases(const RecurrentForm& form, const float* bias, float* to) {
    const auto width = form.gates() * form.hidden;
    for (std::int64_t i = 0; i < width; ++i) {
      const bool with_h = form.cell == Cell::gru && form.reset_after && i / form.hidden == 2;
      const auto own = bias == nullptr || with_h ? 0.0F : bias[width + i];
      to[i] = (bias == nullptr ? 0.0F : bias[i]) + own;
    }
  }

  void run() {
    for (std::int64_t step = 0; step < form_.time; ++step) {
      add_up_gates(step);
      for (std::int64_t b = 0; b < form_.batch; ++b) {
        advance(step, b);
      }
      if (form_.cell == Cell::gru && !form_.reset_after) {
        finish_gru(step);
      }
    }
    write_last(data_.y_h, h_);
    write_last(data_.y_c, c_);
  }

 private:
  std::int64_t length_of(std::int64_t b) const {
    return data_.lengths != nullptr ? data_.lengths[b] : form_.time;
  }
  /// The time that a step of a sequence reads and writes.
  std::int64_t time_of(std::int64_t step, std::int64_t b) const {
    return backwards_ && step < length_of(b) ? length_of(b) - 1 - step : step;
  }
  std::int64_t row_of(std::int64_t time, std::int64_t b) const {
    return form_.batch_first ? b * form_.time + time : time * form_.batch + b;
  }
  float* result_at(std::int64_t time, std::int64_t b) const {
    return data_.y + (form_.batch_first ? (b * form_.time + time) * form_.directions + number_
                                        : (time * form_.directions + number_) * form_.batch + b) *
                         hidden_;
  }
  /// Row of sequence b in initial and last states.
  std::int64_t state_row(std::int64_t b) const {
    return form_.batch_first ? b * form_.directions + number_ : number_ * form_.batch + b;
  }
  void start() {
    for (std::int64_t b = 0; b < form_.batch; ++b) {
      const auto load = [&](const float* initial, float* to) {
        if (initial != nullptr) {
          std::copy_n(initial + state_row(b) * hidden_, hidden_, to + b * hidden_);
        } else {
          std::fill_n(to + b * hidden_, hidden_, 0.0F);
        }
      };
      load(data_.initial_h, h_);
      load(data_.initial_c, c_);
    }
  }

  /// c += a w^T for the rows [first, first + n) of the recurrent weights, whose packed form begins
  /// `packed_at` numbers in.
  void multiply_state(const float* a, std::int64_t first, std::int64_t n, std::int64_t packed_at,
                      float* c) {
    if (packed_ != nullptr && form_.halves) {
      const auto* const halves = static_cast<const std::uint16_t*>(packed_) + packed_at;
      kernels::multiply_packed(form_.batch, n, hidden_, a, halves, c, width_);
    } else if (packed_ != nullptr) {
      const auto* const floats = static_cast<const float*>(packed_) + packed_at;
      kernels::multiply_packed(form_.batch, n, hidden_, a, floats, c, width_);
    } else {
      multiply(form_.batch, n, hidden_, a, recurrence_ + first * hidden_, 1.0F, c, width_);
    }
  }

  /// What the input and the last state add to the gates, in `gates_`. GRU's hidden gate has there
  /// only what the state adds, and is left to `finish_gru` when that is reset first.
  void add_up_gates(std::int64_t step) {
    const auto summed = form_.summed_gates() * hidden_;
    for (std::int64_t b = 0; b < form_.batch; ++b) {
      auto* const to = gates_ + b * width_;
      std::copy_n(from_x_ + row_of(time_of(step, b), b) * row_of_from_x_, summed, to);
      if (form_.cell != Cell::gru) {
        continue;
      }
      if (bias_ != nullptr && form_.reset_after) {
        std::copy_n(bias_ + width_ + summed, hidden_, to + summed);
      } else {
        std::fill_n(to + summed, hidden_, 0.0F);
      }
    }
    multiply_state(h_, 0, summed, 0, gates_);
    if (form_.cell == Cell::gru && form_.reset_after) {
      multiply_state(h_, summed, hidden_, kernels::packed_numbers(summed, hidden_),
                     gates_ + summed);
    }
  }

  float clipped(float x) const {
    return form_.clip > 0 ? std::clamp(x, -form_.clip, form_.clip) : x;
  }

  void advance(std::int64_t step, std::int64_t b) {
    const auto time = time_of(step, b);
    auto* const h = h_ + b * hidden_;
    if (step >= length_of(b)) {
      if (data_.y != nullptr) {
        std::fill_n(result_at(time, b), hidden_, 0.0F);
      }
      return;
    }
    auto* const gates = gates_ + b * width_;
    switch (form_.cell) {
      case Cell::rnn:
        for (std::int64_t i = 0; i < hidden_; ++i) {
          h[i] = activations_[0](clipped(gates[i]));
        }
        break;
      case Cell::lstm:
        if (usual_) {
          kernels::lstm_gates(gates, h, c_ + b * hidden_, hidden_);
        } else {
          lstm(gates, h, c_ + b * hidden_);
        }
        break;
      case Cell::gru:
        gru(from_x_ + row_of(time, b) * row_of_from_x_, gates, h, b);
        break;
    }
    if (data_.y != nullptr && (form_.cell != Cell::gru || form_.reset_after)) {
      std::copy_n(h, hidden_, result_at(time, b));
    }
  }

  /// Gates in the order input, output, forget, cell; peepholes input, output, forget.
  void lstm(const float* gates, float* h, float* c) const {
    const auto gate = [&](std::int64_t number, std::int64_t i) {
      return gates[number * hidden_ + i];
    };
    const auto peep = [&](std::int64_t number, std::int64_t i) {
      return peepholes_ != nullptr ? peepholes_[number * hidden_ + i] : 0.0F;
    };
    for (std::int64_t i = 0; i < hidden_; ++i) {
      const auto in = activations_[0](clipped(gate(0, i) + peep(0, i) * c[i]));
      const auto forget = form_.couple_forget
                              ? 1.0F - in
                              : activations_[0](clipped(gate(2, i) + peep(2, i) * c[i]));
      c[i] = forget * c[i] + in * activations_[1](clipped(gate(3, i)));
      const auto out = activations_[0](clipped(gate(1, i) + peep(1, i) * c[i]));
      h[i] = out * activations_[2](c[i]);
    }
  }

  /// Gates in the order update, reset, hidden. When h is reset before it is multiplied the step is
  /// ended by `finish_gru`.
  void gru(const float* x, float* gates, float* h, std::int64_t b) const {
    auto* const hidden = gates + 2 * hidden_;
    auto* const reset_h = reset_h_ + b * hidden_;
    if (usual_) {
      if (form_.reset_after) {
        kernels::gru_gates(gates, x + 2 * hidden_, hidden, h, hidden_);
      } else {
        kernels::gru_reset(gates, h, reset_h, hidden_);
      }
      return;
    }
    for (std::int64_t i = 0; i < hidden_; ++i) {
      const auto reset = activations_[0](clipped(gates[hidden_ + i]));
      if (form_.reset_after) {
        const auto update = activations_[0](clipped(gates[i]));
        const auto next = activations_[1](clipped(x[2 * hidden_ + i] + reset * hidden[i]));
        h[i] = (1.0F - update) * next + update * h[i];
      } else {
        reset_h[i] = reset * h[i];
      }
    }
  }

  void finish_gru(std::int64_t step) {
    for (std::int64_t b = 0; b < form_.batch; ++b) {
      std::copy_n(from_x_ + row_of(time_of(step, b), b) * row_of_from_x_ + 2 * hidden_, hidden_,
                  gates_ + b * width_ + 2 * hidden_);
    }
    multiply_state(reset_h_, 2 * hidden_, hidden_, kernels::packed_numbers(2 * hidden_, hidden_),
                   gates_ + 2 * hidden_);
    for (std::int64_t b = 0; b < form_.batch; ++b) {
      if (step >= length_of(b)) {
        continue;
      }
      const auto* const gates = gates_ + b * width_;
      const auto* const hidden = gates + 2 * hidden_;
      auto* const h = h_ + b * hidden_;
      if (usual_) {
        kernels::gru_finish(gates, hidden, h, hidden_);
      } else {
        for (std::int64_t i = 0; i < hidden_; ++i) {
          const auto update = activations_[0](clipped(gates[i]));
          h[i] = (1.0F - update) * activations_[1](clipped(hidden[i])) + update * h[i];
        }
      }
      if (data_.y != nullptr) {
        std::copy_n(h, hidden_, result_at(time_of(step, b), b));
      }
    }
  }

  void write_last(float* to, const float* from) const {
    for (std::int64_t b = 0; to != nullptr && b < form_.batch; ++b) {
      std::copy_n(from + b * hidden_, hidden_, to + state_row(b) * hidden_);
    }
  }

  const RecurrentForm& form_;
  const RecurrentData& data_;
  const std::int64_t number_;
  const bool backwards_;
  const std::int64_t hidden_;
  const std::int64_t width_;  // of all gates
  const float* const weights_;
  const float* const recurrence_;
  const float* const bias_;
  const float* const peepholes_;
  const GateActivation* const activations_;
  const bool usual_;  // the activations and nothing else: there are kernels for that
  const void* packed_ = nullptr;
  const float* from_x_;         // [time and batch, gates, hidden]: what the input adds to the gates
  std::int64_t row_of_from_x_;  // floats between two of its rows
  float* own_from_x_ = nullptr;  // the same in scratch memory
  float* gates_;                 // [batch, gates, hidden]: of one step, before their activations
  float* h_;                     // [batch, hidden]
  float* c_;                     // [batch, hidden]
  float* reset_h_;               // [batch, hidden], of a GRU
};

}  // namespace

float GateActivation::operator()(float x) const {
  switch (kind) {
    case Kind::sigmoid:
      return 1.0F / (1.0F + std::exp(-x));
    case Kind::tanh:
      return std::tanh(x);
    case Kind::relu:
      return std::max(x, 0.0F);
    case Kind::affine:
      return alpha * x + beta;
    case Kind::leaky_relu:
      return x >= 0 ? x : alpha * x;
    case Kind::thresholded_relu:
      return x >= alpha ? x : 0.0F;
    case Kind::scaled_tanh:
      return alpha * std::tanh(beta * x);
    case Kind::hard_sigmoid:
      return std::clamp(alpha * x + beta, 0.0F, 1.0F);
    case Kind::elu:
      return x >= 0 ? x : alpha * (std::exp(x) - 1.0F);
    case Kind::softsign:
      return x / (1.0F + std::fabs(x));
    default:
      return std::log1p(std::exp(x));
  }
}

bool RecurrentForm::usual(std::int64_t direction) const {
  if (cell == Cell::rnn || clip > 0 || couple_forget) {
    return false;
  }
  const auto count = activations.size() / static_cast<std::size_t>(directions);
  for (std::size_t i = 0; i < count; ++i) {
    const auto kind = activations[static_cast<std::size_t>(direction) * count + i].kind;
    if (kind != (i == 0 ? GateActivation::Kind::sigmoid : GateActivation::Kind::tanh)) {
      return false;
    }
  }
  return true;
}

bool RecurrentForm::packs() const { return batch <= thin_rows; }

std::int64_t RecurrentForm::packed_numbers() const {
  const auto summed = summed_gates() * hidden;
  return kernels::packed_numbers(summed, hidden) +
         kernels::packed_numbers(gates() * hidden - summed, hidden);
}

std::int64_t RecurrentForm::scratch_floats() const {
  const auto rows = (given ? 0 : time) + 1;
  const auto of_direction = rows * batch * gates() * hidden + 3 * batch * hidden;
  return directions * (of_direction + (packs() ? packed_numbers() : 0));
}

void add_up_biases(const RecurrentForm& form, const float* bias, float* to) {
  const auto width = form.gates() * form.hidden;
  for (std::int64_t i = 0; i < form.directions; ++i) {
    Direction::biases(form, bias == nullptr ? nullptr : bias + i * 2 * width, to + i * width);
  }
}

void pack_recurrence(const RecurrentForm& form, const float* recurrence, void* packed) {
  const auto summed = form.summed_gates() * form.hidden;
  const auto rest = form.gates() * form.hidden - summed;
  const auto pack = [&](auto* to) {
    kernels::pack_rows(recurrence, summed, form.hidden, to);
    kernels::pack_rows(recurrence + summed * form.hidden, rest, form.hidden,
                       to + kernels::packed_numbers(summed, form.hidden));
  };
  if (form.halves) {
    pack(static_cast<std::uint16_t*>(packed));
  } else {
    pack(static_cast<float*>(packed));
  }
}

void check_lengths(const RecurrentForm& form, const RecurrentData& data) {
  for (std::int64_t b = 0; data.lengths != nullptr && b < form.batch; ++b) {
    const auto length = data.lengths[b];
    if (length < 0 || length > form.time) {
      throw Error(
          fmt::format("a sequence has the length {}; the data has {} steps", length, form.time));
    }
  }
}

void run_recurrent(const RecurrentForm& form, const RecurrentData& data, int threads) {
  check_lengths(form, data);
  std::array<std::optional<Direction>, 2> directions;
  for (std::int64_t i = 0; i < form.directions; ++i) {
    directions[static_cast<std::size_t>(i)].emplace(form, data, i).prepare();
  }
  kernels::parallel(form.directions, 1, threads, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      directions[static_cast<std::size_t>(i)]->run();
    }
  });
}

}  // namespace coinfer::ops
