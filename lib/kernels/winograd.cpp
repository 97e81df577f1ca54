#include "kernels/winograd.hpp"

#include <algorithm>
#include <array>

#include "kernels/panel_product.hpp"
#include "kernels/parallel.hpp"

namespace coinfer::kernels {
namespace {

constexpr std::int64_t edge = 4;  // of a patch
/// Bytes of transformed patches that stay in a core's second cache beside the weights that pass.
constexpr std::int64_t cached_bytes = std::int64_t{512} << 10;
constexpr std::int64_t most_tiles = 96;
/// Rows whose sums are kept in registers: with AVX-512 a panel of each, 24 of 32; with AVX2 sixteen
/// columns, 12 of 16.
constexpr int most_rows = 6;
/// Planes of patches or sums would lie at equal places of a cache without it.
constexpr std::int64_t skew = lanes;

/// One dimension of a patch, and of its four sums.
COINFER_INLINE void transform_patch(Floats& a, Floats& b, Floats& c, Floats& d) {
  const Floats middle = b;
  a -= c;
  d = middle - d;
  b = middle + c;
  c -= middle;
}
COINFER_INLINE void transform_sums(Floats& first, Floats& second, const Floats& a, const Floats& b,
                                   const Floats& c, const Floats& d) {
  first = a + b + c;
  second = b - c - d;
}

/// The 4x4 patch at `src`, of which rows and columns outside the image are 0, 16 channels at a
/// time; term i goes to dst + i * plane.
COINFER_INLINE void read_patch(const float* src, std::int64_t row, std::int64_t column,
                               const Winograd::Form& form, float* dst, std::int64_t plane) {
  const bool inside = row >= 0 && row + edge <= form.height && column >= 0 &&
                      column + edge <= form.width && form.in % lanes == 0;
  const auto line = form.width * form.in;
  const auto* const corner = src + row * line + column * form.in;
  for (std::int64_t c = 0; c < form.in; c += lanes) {
    Floats x[edge][edge];
    if (inside) {
      COINFER_UNROLL
      for (int i = 0; i < edge; ++i) {
        COINFER_UNROLL
        for (int j = 0; j < edge; ++j) {
          load(x[i][j], corner + i * line + j * form.in + c);
        }
      }
    } else {
      COINFER_UNROLL
      for (int i = 0; i < edge; ++i) {
        COINFER_UNROLL
        for (int j = 0; j < edge; ++j) {
          if (row + i >= 0 && row + i < form.height && column + j >= 0 && column + j < form.width) {
            load_some(x[i][j], corner + i * line + j * form.in + c, form.in - c);
          } else {
            x[i][j] = Floats{};
          }
        }
      }
    }
    COINFER_UNROLL
    for (int i = 0; i < edge; ++i) {
      transform_patch(x[i][0], x[i][1], x[i][2], x[i][3]);
    }
    COINFER_UNROLL
    for (int j = 0; j < edge; ++j) {
      transform_patch(x[0][j], x[1][j], x[2][j], x[3][j]);
    }
    COINFER_UNROLL
    for (int i = 0; i < edge; ++i) {
      COINFER_UNROLL
      for (int j = 0; j < edge; ++j) {
        store(dst + (i * edge + j) * plane + c, x[i][j]);
      }
    }
  }
}

/// One dimension of a patch of six, by the points 0, 1, -1, 2, -2 and infinity.
COINFER_INLINE void transform_six(Floats (&x)[6]) {
  const Floats last = x[1] * 4.0F - x[3] * 5.0F + x[5];
  x[0] = x[0] * 4.0F - x[2] * 5.0F + x[4];
  const Floats even = x[4] - x[2] * 4.0F;
  const Floats odd = x[3] - x[1] * 4.0F;
  const Floats even_of_two = x[4] - x[2];
  const Floats odd_of_two = (x[3] - x[1]) * 2.0F;
  x[1] = even + odd;
  x[2] = even - odd;
  x[3] = even_of_two + odd_of_two;
  x[4] = even_of_two - odd_of_two;
  x[5] = last;
}

/// The same for a line of pixels.
template <int Line>
COINFER_INLINE void read_line(const float* src, std::int64_t row, std::int64_t column,
                              const Winograd::Form& form, float* dst, std::int64_t plane) {
  constexpr int size = Line + 1;
  const auto* const corner = src + (row * form.width + column) * form.in;
  for (std::int64_t c = 0; c < form.in; c += lanes) {
    Floats x[size];
    COINFER_UNROLL
    for (int j = 0; j < size; ++j) {
      x[j] = Floats{};
      if (column + j >= 0 && column + j < form.width) {
        load_some(x[j], corner + j * form.in + c, form.in - c);
      }
    }
    if constexpr (Line == 3) {
      transform_patch(x[0], x[1], x[2], x[3]);
    } else {
      transform_six(x);
    }
    COINFER_UNROLL
    for (int j = 0; j < size; ++j) {
      store(dst + j * plane + c, x[j]);
    }
  }
}

/// Pixels of a tile that are part of the result, and where the first one is.
struct Place {
  std::int64_t offset;
  std::int64_t rows, columns;
};

/// Up to 16 channels of a pixel.
COINFER_INLINE void write_pixel(Floats y, const Winograd::Form& form, std::int64_t at,
                                const float* added, float* dst, std::int64_t columns) {
  if (added != nullptr) {
    Floats more;
    load_some(more, added + at, columns);
    y += more;
  }
  if (form.relu) {
    y = y < 0.0F ? Floats{} : y;
  }
  store_some(dst + at, y, columns);
}

/// The sums of one tile and panel, term i at sums + i * plane, become `columns` channels of up to
/// four pixels.
COINFER_INLINE void write_tile(const float* sums, std::int64_t plane, const Winograd::Form& form,
                               const Place& place, const float* bias, const float* added,
                               float* dst, std::int64_t columns) {
  for (std::int64_t v = 0; v < columns; v += lanes, sums += lanes) {
    Floats x[edge][edge];
    Floats half[2][edge];
    Floats y[2][2];
    COINFER_UNROLL
    for (int i = 0; i < edge; ++i) {
      COINFER_UNROLL
      for (int j = 0; j < edge; ++j) {
        load(x[i][j], sums + (i * edge + j) * plane);
      }
    }
    COINFER_UNROLL
    for (int j = 0; j < edge; ++j) {
      transform_sums(half[0][j], half[1][j], x[0][j], x[1][j], x[2][j], x[3][j]);
    }
    Floats begin = {};
    if (bias != nullptr) {
      load_some(begin, bias + v, columns - v);
    }
    COINFER_UNROLL
    for (int i = 0; i < 2; ++i) {
      transform_sums(y[i][0], y[i][1], half[i][0], half[i][1], half[i][2], half[i][3]);
      COINFER_UNROLL
      for (int j = 0; j < 2; ++j) {
        if (i < place.rows && j < place.columns) {
          write_pixel(y[i][j] + begin, form, place.offset + (i * form.out_width + j) * form.out + v,
                      added, dst, columns - v);
        }
      }
    }
  }
}

template <int Line>
COINFER_INLINE void write_line(const float* sums, std::int64_t plane, const Winograd::Form& form,
                               const Place& place, const float* bias, const float* added,
                               float* dst, std::int64_t columns) {
  constexpr int size = Line + 1;
  for (std::int64_t v = 0; v < columns; v += lanes, sums += lanes) {
    Floats x[size];
    COINFER_UNROLL
    for (int j = 0; j < size; ++j) {
      load(x[j], sums + j * plane);
    }
    Floats y[2];
    if constexpr (Line == 3) {
      transform_sums(y[0], y[1], x[0], x[1], x[2], x[3]);
    } else {
      y[0] = x[0] + (x[1] + x[2]) + (x[3] + x[4]);
      y[1] = (x[1] - x[2]) + (x[3] - x[4]) * 2.0F + x[5];
    }
    Floats begin = {};
    if (bias != nullptr) {
      load_some(begin, bias + v, columns - v);
    }
    COINFER_UNROLL
    for (int j = 0; j < 2; ++j) {
      if (j < place.columns) {
        write_pixel(y[j] + begin, form, place.offset + j * form.out + v, added, dst, columns - v);
      }
    }
  }
}

template <int V>
COINFER_INLINE void multiply_tiles(const float* patches, std::int64_t in, std::int64_t stride,
                                   float* sums, std::int64_t count, const float* weights) {
  const auto groups = (count + most_rows - 1) / most_rows;
  for (std::int64_t g = 0; g < groups; ++g) {
    const auto first = count * g / groups;
    const auto source = [&](int r) { return patches + (first + r) * stride; };
    const auto place = [&](int r) { return sums + (first + r) * panel; };
    switch (count * (g + 1) / groups - first) {
      case 6:
        multiply_rows<6, V, 0, true>(source, place, weights, in);
        break;
      case 5:
        multiply_rows<5, V, 0, true>(source, place, weights, in);
        break;
      case 4:
        multiply_rows<4, V, 0, true>(source, place, weights, in);
        break;
      case 3:
        multiply_rows<3, V, 0, true>(source, place, weights, in);
        break;
      case 2:
        multiply_rows<2, V, 0, true>(source, place, weights, in);
        break;
      default:
        multiply_rows<1, V, 0, true>(source, place, weights, in);
    }
  }
}

/// g w g', with halves where the transform has them, of 16 columns' windows.
COINFER_INLINE void transform_weights(const float* windows, float* dst, std::int64_t stride) {
  Floats x[3][3];
  COINFER_UNROLL
  for (int i = 0; i < 3; ++i) {
    COINFER_UNROLL
    for (int j = 0; j < 3; ++j) {
      load(x[i][j], windows + (i * 3 + j) * lanes);
    }
  }
  Floats rows[edge][3];
  COINFER_UNROLL
  for (int j = 0; j < 3; ++j) {
    rows[0][j] = x[0][j];
    rows[1][j] = (x[0][j] + x[1][j] + x[2][j]) * 0.5F;
    rows[2][j] = (x[0][j] - x[1][j] + x[2][j]) * 0.5F;
    rows[3][j] = x[2][j];
  }
  COINFER_UNROLL
  for (int i = 0; i < edge; ++i) {
    auto* const to = dst + i * edge * stride;
    store(to, rows[i][0]);
    store(to + stride, (rows[i][0] + rows[i][1] + rows[i][2]) * 0.5F);
    store(to + 2 * stride, (rows[i][0] - rows[i][1] + rows[i][2]) * 0.5F);
    store(to + 3 * stride, rows[i][2]);
  }
}

/// The same of windows of one row.
template <int Line>
COINFER_INLINE void transform_line(const float* windows, float* dst, std::int64_t stride) {
  Floats x[Line];
  COINFER_UNROLL
  for (int j = 0; j < Line; ++j) {
    load(x[j], windows + j * lanes);
  }
  if constexpr (Line == 3) {
    store(dst, x[0]);
    store(dst + stride, (x[0] + x[1] + x[2]) * 0.5F);
    store(dst + 2 * stride, (x[0] - x[1] + x[2]) * 0.5F);
    store(dst + 3 * stride, x[2]);
  } else {
    const Floats even = x[0] + x[2] + x[4];
    const Floats odd = x[1] + x[3];
    const Floats even_of_two = x[0] + x[2] * 4.0F + x[4] * 16.0F;
    const Floats odd_of_two = x[1] * 2.0F + x[3] * 8.0F;
    store(dst, x[0] * 0.25F);
    store(dst + stride, (even + odd) * (-1.0F / 6));
    store(dst + 2 * stride, (even - odd) * (-1.0F / 6));
    store(dst + 3 * stride, (even_of_two + odd_of_two) * (1.0F / 24));
    store(dst + 4 * stride, (even_of_two - odd_of_two) * (1.0F / 24));
    store(dst + 5 * stride, x[4]);
  }
}

/// What is compiled for an instruction set. `multiply`: `count` transformed patches, `stride`
/// floats apart, by the weights of one term and panel.
struct Functions {
  decltype(&read_patch) read;
  void (*multiply)(const float* patches, std::int64_t in, std::int64_t stride, float* sums,
                   std::int64_t count, const float* weights, std::int64_t columns);
  decltype(&write_tile) write;
  decltype(&transform_weights) transform;
};

template <int Line>
COINFER_AVX512 void read_avx512(const float* src, std::int64_t row, std::int64_t column,
                                const Winograd::Form& form, float* dst, std::int64_t plane) {
  if constexpr (Line == 0) {
    read_patch(src, row, column, form, dst, plane);
  } else {
    read_line<Line>(src, row, column, form, dst, plane);
  }
}
COINFER_AVX512 void multiply_avx512(const float* patches, std::int64_t in, std::int64_t stride,
                                    float* sums, std::int64_t count, const float* weights,
                                    std::int64_t columns) {
  if (columns > 3 * lanes) {
    multiply_tiles<4>(patches, in, stride, sums, count, weights);
  } else if (columns > 2 * lanes) {
    multiply_tiles<3>(patches, in, stride, sums, count, weights);
  } else if (columns > lanes) {
    multiply_tiles<2>(patches, in, stride, sums, count, weights);
  } else {
    multiply_tiles<1>(patches, in, stride, sums, count, weights);
  }
}
template <int Line>
COINFER_AVX512 void write_avx512(const float* sums, std::int64_t plane, const Winograd::Form& form,
                                 const Place& place, const float* bias, const float* added,
                                 float* dst, std::int64_t columns) {
  if constexpr (Line == 0) {
    write_tile(sums, plane, form, place, bias, added, dst, columns);
  } else {
    write_line<Line>(sums, plane, form, place, bias, added, dst, columns);
  }
}
template <int Line>
COINFER_AVX512 void transform_avx512(const float* windows, float* dst, std::int64_t stride) {
  if constexpr (Line == 0) {
    transform_weights(windows, dst, stride);
  } else {
    transform_line<Line>(windows, dst, stride);
  }
}

template <int Line>
COINFER_AVX2 void read_avx2(const float* src, std::int64_t row, std::int64_t column,
                            const Winograd::Form& form, float* dst, std::int64_t plane) {
  if constexpr (Line == 0) {
    read_patch(src, row, column, form, dst, plane);
  } else {
    read_line<Line>(src, row, column, form, dst, plane);
  }
}
COINFER_AVX2 void multiply_avx2(const float* patches, std::int64_t in, std::int64_t stride,
                                float* sums, std::int64_t count, const float* weights,
                                std::int64_t columns) {
  for (std::int64_t v = 0; v < columns; v += lanes) {
    multiply_tiles<1>(patches, in, stride, sums + v, count, weights + v);
  }
}
template <int Line>
COINFER_AVX2 void write_avx2(const float* sums, std::int64_t plane, const Winograd::Form& form,
                             const Place& place, const float* bias, const float* added, float* dst,
                             std::int64_t columns) {
  if constexpr (Line == 0) {
    write_tile(sums, plane, form, place, bias, added, dst, columns);
  } else {
    write_line<Line>(sums, plane, form, place, bias, added, dst, columns);
  }
}
template <int Line>
COINFER_AVX2 void transform_avx2(const float* windows, float* dst, std::int64_t stride) {
  if constexpr (Line == 0) {
    transform_weights(windows, dst, stride);
  } else {
    transform_line<Line>(windows, dst, stride);
  }
}

template <int Line>
const Functions& functions_of() {
  static constexpr Functions of_avx512{read_avx512<Line>, multiply_avx512, write_avx512<Line>,
                                       transform_avx512<Line>};
  static constexpr Functions of_avx2{read_avx2<Line>, multiply_avx2, write_avx2<Line>,
                                     transform_avx2<Line>};
  return isa() == Isa::avx512 ? of_avx512 : of_avx2;
}

const Functions& functions(const Winograd::Form& form) {
  return form.line == 0   ? functions_of<0>()
         : form.line == 3 ? functions_of<3>()
                          : functions_of<5>();
}

std::int64_t up_to(std::int64_t multiple, std::int64_t count) {
  return (count + multiple - 1) / multiple * multiple;
}

}  // namespace

std::int64_t Winograd::Form::packed_floats() const { return up_to(panel, out) * terms() * in; }

Winograd::Winograd(const Form& form, int threads) : form_{form}, threads_{std::max(threads, 1)} {
  const auto most = std::clamp<std::int64_t>(
      cached_bytes / (form.terms() * padded_in() * static_cast<std::int64_t>(sizeof(float))),
      most_rows, most_tiles);
  const auto tiles = form.tiles();
  blocks_ = std::min(up_to(threads_, (tiles + most - 1) / most), tiles);
  most_ = (tiles + blocks_ - 1) / blocks_;
}

std::int64_t Winograd::padded_in() const { return up_to(lanes, form_.in); }

std::int64_t Winograd::scratch_of_thread() const {
  return form_.terms() * (most_ * padded_in() + skew + most_ * panel + skew);
}

void Winograd::run(const Pointers& memory, float* scratch, std::int64_t first,
                   std::int64_t count) const {
  const auto& form = form_;
  const auto terms = form.terms();
  const auto stride = padded_in();
  const auto plane = most_ * stride + skew;
  const auto sums_plane = most_ * panel + skew;
  auto* const sums = scratch + terms * plane;
  const auto tile_rows = form.tile_rows();
  const auto tile_columns = form.tile_columns();
  const auto& make = functions(form);
  std::array<Place, most_tiles> places;
  for (std::int64_t t = 0; t < count; ++t) {
    const auto tile = first + t;
    const auto n = tile / (tile_rows * tile_columns);
    const auto y = tile / tile_columns % tile_rows * form.tile_height();
    const auto x = tile % tile_columns * 2;
    make.read(memory.src + n * form.height * form.width * form.in, y - form.pad_top,
              x - form.pad_left, form, scratch + t * stride, plane);
    places[static_cast<std::size_t>(t)] = {
        ((n * form.out_height + y) * form.out_width + x) * form.out,
        std::min(form.out_height - y, form.tile_height()),
        std::min<std::int64_t>(form.out_width - x, 2)};
  }
  for (std::int64_t at = 0; at < form.out; at += panel) {
    const auto columns = std::min(panel, form.out - at);
    const auto* weights = memory.weights + at * terms * form.in;
    for (std::int64_t term = 0; term < terms; ++term, weights += form.in * panel) {
      make.multiply(scratch + term * plane, form.in, stride, sums + term * sums_plane, count,
                    weights, columns);
    }
    for (std::int64_t t = 0; t < count; ++t) {
      make.write(sums + t * panel, sums_plane, form, places[static_cast<std::size_t>(t)],
                 memory.bias == nullptr ? nullptr : memory.bias + at,
                 memory.sum == nullptr ? nullptr : memory.sum + at, memory.dst + at, columns);
    }
  }
}

ops::Kernel Winograd::kernel() const {
  return [conv = *this](const void* const* src, void* const* dst) {
    const auto& form = conv.form_;
    const Pointers memory{static_cast<const float*>(src[0]), static_cast<const float*>(src[1]),
                          form.bias ? static_cast<const float*>(src[2]) : nullptr,
                          form.sum ? static_cast<const float*>(src[form.bias ? 3 : 2]) : nullptr,
                          static_cast<float*>(dst[0])};
    const auto tiles = form.tiles();
    const auto parts = std::min(conv.threads_, conv.blocks_);
    parallel(parts, 1, static_cast<int>(conv.threads_), [&](std::int64_t begin, std::int64_t end) {
      auto* const scratch = static_cast<float*>(dst[1]) + begin * conv.scratch_of_thread();
      for (auto block = conv.blocks_ * begin / parts; block < conv.blocks_ * end / parts; ++block) {
        const auto first = tiles * block / conv.blocks_;
        conv.run(memory, scratch, first, tiles * (block + 1) / conv.blocks_ - first);
      }
    });
  };
}

void pack_winograd_weights(const Winograd::Form& form, const float* weights, float* packed) {
  const auto& make = functions(form);
  const auto taps = form.taps();
  const auto terms = form.terms();
  for (std::int64_t at = 0; at < form.out; at += panel) {
    for (std::int64_t i = 0; i < form.in; ++i) {
      for (std::int64_t v = 0; v < panel; v += lanes) {
        float windows[9 * lanes] = {};
        const auto columns = std::min(lanes, form.out - at - v);
        for (std::int64_t o = 0; o < columns; ++o) {
          const auto* const window = weights + ((at + v + o) * form.in + i) * taps;
          for (std::int64_t k = 0; k < taps; ++k) {
            windows[k * lanes + o] = window[k];
          }
        }
        make.transform(windows, packed + at * terms * form.in + i * panel + v, form.in * panel);
      }
    }
  }
}

bool has_winograd() { return isa() != Isa::baseline; }

}  // namespace coinfer::kernels
