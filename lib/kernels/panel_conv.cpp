#include "kernels/panel_conv.hpp"

#include "kernels/gelu.hpp"
#include "kernels/panel_product.hpp"

namespace coinfer::kernels {
namespace {

constexpr int vectors = panel_vectors;
/// Rows whose sums are kept in registers: 24 of 32.
constexpr std::int64_t most_rows = 6;
/// So many numbers of each row are multiplied at once. Few rows read weights that have just come:
/// those in use and those that are next stay in the first cache. For more rows it is worth to keep
/// their sums in registers, and to read the weights from the second cache.
constexpr std::int64_t depth_for(std::int64_t rows) { return rows < 32 ? 48 : 384; }

template <int V, int Ahead>
COINFER_INLINE void some_rows(std::int64_t count, const float* src, const std::int64_t* sources,
                              float* dst, const std::int64_t* rows, const float* weights,
                              std::int64_t k, const char* ahead, std::int64_t step) {
  const auto source = [&](int r) { return src + sources[r]; };
  const auto place = [&](int r) { return dst + rows[r] * panel; };
  switch (count) {
    case 6:
      return multiply_rows<6, V, Ahead>(source, place, weights, k, ahead, step);
    case 5:
      return multiply_rows<5, V, Ahead>(source, place, weights, k, ahead, step);
    case 4:
      return multiply_rows<4, V, Ahead>(source, place, weights, k, ahead, step);
    case 3:
      return multiply_rows<3, V, Ahead>(source, place, weights, k, ahead, step);
    case 2:
      return multiply_rows<2, V, Ahead>(source, place, weights, k, ahead, step);
    default:
      return multiply_rows<1, V, Ahead>(source, place, weights, k, ahead, step);
  }
}

/// All rows of a tap with `k` numbers of each. As many weights as these need are fetched meanwhile,
/// evenly, from `wanted` on, unless that is null.
COINFER_AVX512 void multiply_avx512(const float* src, const std::int64_t* sources, float* dst,
                                    const std::int64_t* rows, std::int64_t count,
                                    const float* weights, std::int64_t k, const float* wanted) {
  const auto groups = (count + most_rows - 1) / most_rows;
  const auto* const next = reinterpret_cast<const char*>(wanted);
  constexpr std::int64_t step_bytes = panel * sizeof(float);
  for (std::int64_t g = 0; g < groups; ++g) {
    const auto first = count * g / groups;
    const auto size = count * (g + 1) / groups - first;
    const auto* const from = sources + first;
    const auto* const to = rows + first;
    const auto* const ahead = next == nullptr ? nullptr : next + k * step_bytes * g / groups;
    if (next == nullptr) {
      some_rows<vectors, 0>(size, src, from, dst, to, weights, k, ahead, 0);
    } else if (groups >= 4) {
      some_rows<vectors, 1>(size, src, from, dst, to, weights, k, ahead,
                            (step_bytes + groups - 1) / groups);
    } else if (groups >= 2) {
      some_rows<vectors, 2>(size, src, from, dst, to, weights, k, ahead,
                            (step_bytes / 2 + groups - 1) / groups);
    } else {
      some_rows<vectors, 4>(size, src, from, dst, to, weights, k, ahead, 64);
    }
  }
}

/// The same for the last panel, which has fewer columns.
COINFER_AVX512 void multiply_some_avx512(const float* src, const std::int64_t* sources, float* dst,
                                         const std::int64_t* rows, std::int64_t count,
                                         const float* weights, std::int64_t k,
                                         std::int64_t columns) {
  const auto groups = (count + most_rows - 1) / most_rows;
  for (std::int64_t g = 0; g < groups; ++g) {
    const auto first = count * g / groups;
    const auto size = count * (g + 1) / groups - first;
    const auto* const from = sources + first;
    const auto* const to = rows + first;
    if (columns <= lanes) {
      some_rows<1, 0>(size, src, from, dst, to, weights, k, nullptr, 0);
    } else if (columns <= 2 * lanes) {
      some_rows<2, 0>(size, src, from, dst, to, weights, k, nullptr, 0);
    } else {
      some_rows<3, 0>(size, src, from, dst, to, weights, k, nullptr, 0);
    }
  }
}

/// Rows [0, rows) of a panel's sums begin as what is added to them.
COINFER_AVX512 void begin_avx512(float* sums, std::int64_t rows, const float* bias,
                                 const float* added, std::int64_t stride, std::int64_t columns) {
  for (std::int64_t r = 0; r < rows; ++r, sums += panel) {
    for (int v = 0; v < vectors; ++v) {
      Floats x = {};
      if (bias != nullptr) {
        load_some(x, bias + v * lanes, columns - v * lanes);
      }
      if (added != nullptr) {
        Floats y = {};
        load_some(y, added + r * stride + v * lanes, columns - v * lanes);
        x += y;
      }
      store(sums + v * lanes, x);
    }
  }
}

COINFER_AVX512 void end_avx512(const float* sums, std::int64_t rows, const PanelConv::Form& form,
                               float* dst, std::int64_t stride, std::int64_t columns) {
  for (std::int64_t r = 0; r < rows; ++r, sums += panel, dst += stride) {
    for (int v = 0; v < vectors; ++v) {
      Floats x;
      load(x, sums + v * lanes);
      if (form.relu) {
        x = x < 0.0F ? Floats{} : x;
      } else if (form.gelu) {
        gelu_avx512(x);
      }
      store_some(dst + v * lanes, x, columns - v * lanes);
    }
  }
}

}  // namespace

PanelConv::PanelConv(const Form& form)
    : form_{form}, rows_{form.batch * form.out_height * form.out_width} {
  form_.weights_in = std::max(form.weights_in, form.in);
  for (std::int64_t ky = 0; ky < form.kernel_height; ++ky) {
    for (std::int64_t kx = 0; kx < form.kernel_width; ++kx) {
      auto& tap = taps_.emplace_back();
      for (std::int64_t row = 0; row < rows_; ++row) {
        const auto n = row / (form.out_height * form.out_width);
        const auto y = row / form.out_width % form.out_height * form.stride_y - form.pad_top +
                       ky * form.dilation_y;
        const auto x = row % form.out_width * form.stride_x - form.pad_left + kx * form.dilation_x;
        if (y >= 0 && y < form.height && x >= 0 && x < form.width) {
          tap.sources.push_back(((n * form.height + y) * form.width + x) * form.in);
          tap.rows.push_back(row);
        }
      }
    }
  }
}

std::int64_t PanelConv::scratch_floats(int threads) const {
  return std::max(threads, 1) * rows_ * panel;
}

void PanelConv::run(const Pointers& memory, float* sums, Place begin, Place end,
                    const float* wanted) const {
  const auto of_tap = form_.weights_in * panel;
  const auto of_panel = static_cast<std::int64_t>(taps_.size()) * of_tap;
  const auto depth = depth_for(rows_);
  for (auto p = begin.panel; p < end.panel || (p == end.panel && end.row > 0); ++p) {
    const auto first = p == begin.panel ? begin.row : 0;
    const auto last = p == end.panel ? end.row : rows_;
    const bool is_last = p + 1 > end.panel || (p + 1 == end.panel && end.row == 0);
    const auto at = p * panel;
    const auto columns = std::min(panel, form_.out - at);
    const auto origin = first * form_.out + at;
    begin_avx512(sums + first * panel, last - first,
                 memory.bias == nullptr ? nullptr : memory.bias + at,
                 memory.sum == nullptr ? nullptr : memory.sum + origin, form_.out, columns);
    const auto* weights = memory.weights + p * of_panel;
    for (const auto& tap : taps_) {
      const auto from = std::lower_bound(tap.rows.begin(), tap.rows.end(), first);
      const auto to = std::lower_bound(from, tap.rows.end(), last);
      const auto* const sources = tap.sources.data() + (from - tap.rows.begin());
      const auto* const rows = tap.rows.data() + (from - tap.rows.begin());
      const bool last_tap = is_last && &tap == &taps_.back();
      for (std::int64_t k = 0; k < form_.in; k += depth) {
        const auto now = std::min(depth, form_.in - k);
        const auto* const used = weights + k * panel;
        if (columns > panel - lanes) {
          multiply_avx512(memory.src + k, sources, sums, rows, to - from, used, now,
                          last_tap && k + now == form_.in ? wanted : used + now * panel);
        } else {
          multiply_some_avx512(memory.src + k, sources, sums, rows, to - from, used, now, columns);
        }
      }
      weights += of_tap;
    }
    end_avx512(sums + first * panel, last - first, form_, memory.dst + origin, form_.out, columns);
  }
}

PanelReads PanelConv::reads() const {
  return {(form_.out + panel - 1) / panel,
          static_cast<std::int64_t>(taps_.size()) * form_.weights_in * panel};
}

std::vector<std::pair<std::int64_t, std::int64_t>> PanelConv::channels(int threads) const {
  const auto panels = reads().panels;
  const std::int64_t parts = std::max(threads, 1);
  std::vector<std::pair<std::int64_t, std::int64_t>> channels;
  if (panels % parts == 0) {
    for (std::int64_t part = 0; part < parts; ++part) {
      channels.emplace_back(panels / parts * part * panel,
                            std::min(form_.out, panels / parts * (part + 1) * panel));
    }
  }
  return channels;
}

ops::Parts PanelConv::parts(int threads, std::shared_ptr<const PanelReads> next) const {
  const auto panels = reads().panels;
  const std::int64_t parts = std::max(threads, 1);
  const auto run = [conv = *this, next = std::move(next), panels, parts](
                       const void* const* src, void* const* dst, std::int64_t part) {
    const auto& form = conv.form_;
    const auto* const weights_of_next =
        next != nullptr && next->panels > 0
            ? static_cast<const float*>(src[2 + (form.bias ? 1 : 0) + (form.sum ? 1 : 0)])
            : nullptr;
    const Pointers memory{
        static_cast<const float*>(src[0]) + part * form.src_copy, static_cast<const float*>(src[1]),
        form.bias ? static_cast<const float*>(src[2]) : nullptr,
        form.sum ? static_cast<const float*>(src[form.bias ? 3 : 2]) + part * form.sum_copy
                 : nullptr,
        static_cast<float*>(dst[0])};
    // Equal parts; one that ends within a panel ends at a row.
    const auto place = [&](std::int64_t of) {
      const auto at = panels * of;
      return Place{at / parts, conv.rows_ * (at % parts) / parts};
    };
    auto* const sums = static_cast<float*>(dst[1]) + part * conv.rows_ * panel;
    // Where this part of the next one begins.
    const auto* const wanted =
        weights_of_next == nullptr
            ? nullptr
            : weights_of_next + next->panels * part / parts * next->panel_floats;
    conv.run(memory, sums, place(part), place(part + 1), wanted);
  };
  return {parts, run};
}

bool has_panel_conv() { return isa() == Isa::avx512; }

}  // namespace coinfer::kernels
