// The arithmetic of recurrent operators, as ONNX defines it.
#include <dnnl.h>

#include <cmath>

#include "coinfer/error.hpp"
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
                                                   static_cast<std::size_t>(form.directions)} {
    auto* scratch = data.scratch;
    const auto take = [&](std::int64_t floats) { return std::exchange(scratch, scratch + floats); };
    from_x_ = take(form.time * form.batch * width_);
    from_h_ = take(form.batch * width_);
    h_ = take(form.batch * hidden_);
    c_ = take(form.batch * hidden_);
    reset_h_ = take(form.batch * hidden_);
  }

  void run() {
    start();
    multiply(form_.time * form_.batch, width_, form_.input, data_.x, weights_, 1.0F, from_x_,
             width_);
    for (std::int64_t step = 0; step < form_.time; ++step) {
      multiply_by_h();
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
  /// GRU's hidden gate has a bias of its own for h when it is reset afterwards.
  bool adds_bias_to_h(std::int64_t gate) const {
    return form_.cell == Cell::gru && form_.reset_after && gate == 2;
  }

  void start() {
    for (std::int64_t b = 0; b < form_.batch; ++b) {
      const auto length = length_of(b);
      if (length < 0 || length > form_.time) {
        throw Error(
            fmt::format("a sequence has the length {}; the data has {} steps", length, form_.time));
      }
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
    for (std::int64_t row = 0; row < form_.time * form_.batch; ++row) {
      for (std::int64_t i = 0; i < width_; ++i) {
        const auto own = bias_ == nullptr || adds_bias_to_h(i / hidden_) ? 0.0F : bias_[width_ + i];
        from_x_[row * width_ + i] = (bias_ == nullptr ? 0.0F : bias_[i]) + own;
      }
    }
  }

  void multiply_by_h() {
    if (form_.cell == Cell::gru && !form_.reset_after) {
      multiply(form_.batch, 2 * hidden_, hidden_, h_, recurrence_, 0.0F, from_h_, width_);
      return;
    }
    multiply(form_.batch, width_, hidden_, h_, recurrence_, 0.0F, from_h_, width_);
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
    const auto* const x = from_x_ + row_of(time, b) * width_;
    auto* const r = from_h_ + b * width_;
    switch (form_.cell) {
      case Cell::rnn:
        for (std::int64_t i = 0; i < hidden_; ++i) {
          h[i] = activations_[0](clipped(x[i] + r[i]));
        }
        break;
      case Cell::lstm:
        lstm(x, r, h, c_ + b * hidden_);
        break;
      case Cell::gru:
        gru(x, r, h, b);
        break;
    }
    if (data_.y != nullptr && (form_.cell != Cell::gru || form_.reset_after)) {
      std::copy_n(h, hidden_, result_at(time, b));
    }
  }

  /// Gates in the order input, output, forget, cell; peepholes input, output, forget.
  void lstm(const float* x, const float* r, float* h, float* c) const {
    const auto gate = [&](std::int64_t number, std::int64_t i) {
      return x[number * hidden_ + i] + r[number * hidden_ + i];
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
  void gru(const float* x, float* r, float* h, std::int64_t b) const {
    for (std::int64_t i = 0; i < hidden_; ++i) {
      const auto update = activations_[0](clipped(x[i] + r[i]));
      const auto reset = activations_[0](clipped(x[hidden_ + i] + r[hidden_ + i]));
      if (form_.reset_after) {
        const auto bias = bias_ != nullptr ? bias_[width_ + 2 * hidden_ + i] : 0.0F;
        const auto next =
            activations_[1](clipped(x[2 * hidden_ + i] + reset * (r[2 * hidden_ + i] + bias)));
        h[i] = (1.0F - update) * next + update * h[i];
      } else {
        r[i] = update;
        reset_h_[b * hidden_ + i] = reset * h[i];
      }
    }
  }

  void finish_gru(std::int64_t step) {
    multiply(form_.batch, hidden_, hidden_, reset_h_, recurrence_ + 2 * hidden_ * hidden_, 0.0F,
             from_h_ + 2 * hidden_, width_);
    for (std::int64_t b = 0; b < form_.batch; ++b) {
      if (step >= length_of(b)) {
        continue;
      }
      const auto time = time_of(step, b);
      const auto* const x = from_x_ + row_of(time, b) * width_;
      const auto* const r = from_h_ + b * width_;
      auto* const h = h_ + b * hidden_;
      for (std::int64_t i = 0; i < hidden_; ++i) {
        const auto next = activations_[1](clipped(x[2 * hidden_ + i] + r[2 * hidden_ + i]));
        h[i] = (1.0F - r[i]) * next + r[i] * h[i];
      }
      if (data_.y != nullptr) {
        std::copy_n(h, hidden_, result_at(time, b));
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
  float* from_x_;   // [time and batch, gates, hidden]: what the input adds to the gates
  float* from_h_;   // [batch, gates, hidden]: what the last state adds
  float* h_;        // [batch, hidden]
  float* c_;        // [batch, hidden]
  float* reset_h_;  // [batch, hidden], of a GRU
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

std::int64_t RecurrentForm::scratch_floats() const {
  return (time + 1) * batch * gates() * hidden + 3 * batch * hidden;
}

void run_recurrent(const RecurrentForm& form, const RecurrentData& data) {
  for (std::int64_t number = 0; number < form.directions; ++number) {
    Direction{form, data, number}.run();
  }
}

}  // namespace coinfer::ops
