#include "kernels/copy.hpp"

#include <cstring>

#include "kernels/parallel.hpp"

namespace coinfer::kernels {
namespace {

/// Extents in the order of the destination's memory, merged where both sides run on.
struct Walk {
  Dims dims;
  Dims src;
  Dims dst;
};

Walk walk_of(const Shape& dims, const Dims& src, const Dims& dst) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != 1) {
      order.push_back(i);
    }
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair{dst[b], a} < std::pair{dst[a], b};
  });
  Walk walk;
  for (const auto i : order) {
    if (!walk.dims.empty() && walk.src.back() == src[i] * dims[i] &&
        walk.dst.back() == dst[i] * dims[i]) {
      walk.dims.back() *= dims[i];
      walk.src.back() = src[i];
      walk.dst.back() = dst[i];
    } else {
      walk.dims.push_back(dims[i]);
      walk.src.push_back(src[i]);
      walk.dst.push_back(dst[i]);
    }
  }
  if (walk.dims.empty()) {
    walk.dims.push_back(1);
    walk.src.push_back(1);
    walk.dst.push_back(1);
  }
  return walk;
}

template <class T>
void copy_row(const T* src, T* dst, std::int64_t count, std::int64_t src_step,
              std::int64_t dst_step) {
  if (src_step == 1 && dst_step == 1) {
    std::memcpy(dst, src, static_cast<std::size_t>(count) * sizeof(T));
  } else if (dst_step == 1) {
    for (std::int64_t i = 0; i < count; ++i) {
      dst[i] = src[i * src_step];
    }
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      dst[i * dst_step] = src[i * src_step];
    }
  }
}

/// The two innermost extents in tiles, so that both sides stay in cache when the one runs across.
template <class T>
void copy_plane(const T* src, T* dst, std::int64_t rows, std::int64_t columns, std::int64_t src_row,
                std::int64_t src_column, std::int64_t dst_row, std::int64_t dst_column) {
  if (src_column == 1 || dst_column != 1 || rows < 8) {
    for (std::int64_t r = 0; r < rows; ++r) {
      copy_row(src + r * src_row, dst + r * dst_row, columns, src_column, dst_column);
    }
    return;
  }
  constexpr std::int64_t tile = 16;
  for (std::int64_t r0 = 0; r0 < rows; r0 += tile) {
    const auto r1 = std::min(rows, r0 + tile);
    for (std::int64_t c0 = 0; c0 < columns; c0 += tile) {
      const auto c1 = std::min(columns, c0 + tile);
      for (auto r = r0; r < r1; ++r) {
        for (auto c = c0; c < c1; ++c) {
          dst[r * dst_row + c] = src[r * src_row + c * src_column];
        }
      }
    }
  }
}

template <class T>
ops::Kernel kernel_of(Walk walk, int threads) {
  const auto rank = walk.dims.size();
  if (rank == 1) {
    walk.dims.insert(walk.dims.begin(), 1);
    walk.src.insert(walk.src.begin(), 0);
    walk.dst.insert(walk.dst.begin(), 0);
  }
  // Work is shared out in runs of rows of the second innermost extent.
  return [walk, threads](const void* const* src, void* const* dst) {
    const auto inner = walk.dims.size() - 1;
    const auto row = inner - 1;
    const auto columns = walk.dims[inner];
    std::int64_t rows = 1;
    for (std::size_t i = 0; i < inner; ++i) {
      rows *= walk.dims[i];
    }
    const auto split_columns = rows == 1;
    const auto count = split_columns ? columns : rows;
    const auto grain = split_columns
                           ? std::int64_t{32768}
                           : std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(columns, 1));
    const auto* from = static_cast<const T*>(src[0]);
    auto* to = static_cast<T*>(dst[0]);
    parallel(count, grain, threads, [&](std::int64_t begin, std::int64_t end) {
      if (split_columns) {
        copy_row(from + begin * walk.src[inner], to + begin * walk.dst[inner], end - begin,
                 walk.src[inner], walk.dst[inner]);
        return;
      }
      for (auto at = begin; at < end;) {
        const auto in_plane = at % walk.dims[row];
        const auto now = std::min(end - at, walk.dims[row] - in_plane);
        auto rest = at / walk.dims[row];
        auto src_at = in_plane * walk.src[row];
        auto dst_at = in_plane * walk.dst[row];
        for (auto i = row; i-- > 0;) {
          src_at += rest % walk.dims[i] * walk.src[i];
          dst_at += rest % walk.dims[i] * walk.dst[i];
          rest /= walk.dims[i];
        }
        copy_plane(from + src_at, to + dst_at, now, columns, walk.src[row], walk.src[inner],
                   walk.dst[row], walk.dst[inner]);
        at += now;
      }
    });
  };
}

}  // namespace

ops::Kernel strided_copy(std::size_t width, const Shape& dims, const Dims& src, const Dims& dst,
                         int threads) {
  auto walk = walk_of(dims, src, dst);
  switch (width) {
    case 1:
      return kernel_of<std::uint8_t>(std::move(walk), threads);
    case 2:
      return kernel_of<std::uint16_t>(std::move(walk), threads);
    case 4:
      return kernel_of<std::uint32_t>(std::move(walk), threads);
    case 8:
      return kernel_of<std::uint64_t>(std::move(walk), threads);
    default:
      throw Error(fmt::format("elements of {} bytes cannot be copied", width));
  }
}

}  // namespace coinfer::kernels
