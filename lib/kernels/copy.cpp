#include "kernels/copy.hpp"

#include <cstring>

#include "kernels/interleave.hpp"
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
    std::copy_n(src, count, dst);
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

/// Rows of a plane that interleaving its columns by vectors pays for.
constexpr std::int64_t least_interleaved = 8;

/// One part, made of runs: elements of a row when there is one row only, else rows.
template <class T>
class Copy {
 public:
  explicit Copy(Walk given) : walk_{std::move(given)} {
    if (walk_.dims.size() == 1) {
      walk_.dims.insert(walk_.dims.begin(), 1);
      walk_.src.insert(walk_.src.begin(), 0);
      walk_.dst.insert(walk_.dst.begin(), 0);
    }
    inner_ = walk_.dims.size() - 1;
    for (std::size_t i = 0; i < inner_; ++i) {
      rows_ *= walk_.dims[i];
    }
    const auto columns = walk_.dims[inner_];
    if (inner_ > 0 && walk_.src[inner_ - 1] == 1 && walk_.dst[inner_] == 1 &&
        walk_.dst[inner_ - 1] == columns && walk_.dims[inner_ - 1] >= least_interleaved &&
        Interleave::fits(columns, sizeof(T))) {
      interleave_ = Interleave{columns, sizeof(T)};
    }
  }

  std::int64_t elements() const { return rows_ * walk_.dims[inner_]; }

  /// The runs that start in [begin, end), counted in elements.
  void operator()(const T* src, T* dst, std::int64_t begin, std::int64_t end) const {
    const auto columns = walk_.dims[inner_];
    const auto src_step = walk_.src[inner_];
    const auto dst_step = walk_.dst[inner_];
    if (rows_ == 1) {
      copy_row(src + begin * src_step, dst + begin * dst_step, end - begin, src_step, dst_step);
      return;
    }
    const auto row = inner_ - 1;
    const auto last = (end + columns - 1) / columns;
    for (auto at = (begin + columns - 1) / columns; at < last;) {
      const auto in_plane = at % walk_.dims[row];
      const auto now = std::min(last - at, walk_.dims[row] - in_plane);
      auto rest = at / walk_.dims[row];
      auto src_at = in_plane * walk_.src[row];
      auto dst_at = in_plane * walk_.dst[row];
      for (auto i = row; i-- > 0;) {
        src_at += rest % walk_.dims[i] * walk_.src[i];
        dst_at += rest % walk_.dims[i] * walk_.dst[i];
        rest /= walk_.dims[i];
      }
      if (interleave_) {
        interleave_(src + src_at, src_step, dst + dst_at, now);
      } else {
        copy_plane(src + src_at, dst + dst_at, now, columns, walk_.src[row], src_step,
                   walk_.dst[row], dst_step);
      }
      at += now;
    }
  }

 private:
  Walk walk_;
  std::size_t inner_;
  std::int64_t rows_ = 1;
  Interleave interleave_;
};

template <class T>
ops::Kernel kernel_of(std::span<const CopyPart> parts, int threads) {
  std::vector<Copy<T>> copies;
  std::int64_t total = 0;
  for (const auto& part : parts) {
    copies.emplace_back(walk_of(part.dims, part.src, part.dst));
    total += copies.back().elements();
  }
  return [copies = std::move(copies), total, threads](const void* const* src, void* const* dst) {
    parallel(total, 32768, threads, [&](std::int64_t begin, std::int64_t end) {
      std::int64_t first = 0;
      for (std::size_t i = 0; i < copies.size() && first < end; ++i) {
        const auto count = copies[i].elements();
        if (begin < first + count) {
          copies[i](static_cast<const T*>(src[i]), static_cast<T*>(dst[i]),
                    std::max(begin - first, std::int64_t{0}), std::min(end - first, count));
        }
        first += count;
      }
    });
  };
}

}  // namespace

ops::Kernel strided_copies(std::size_t width, std::span<const CopyPart> parts, int threads) {
  switch (width) {
    case 1:
      return kernel_of<std::uint8_t>(parts, threads);
    case 2:
      return kernel_of<std::uint16_t>(parts, threads);
    case 4:
      return kernel_of<std::uint32_t>(parts, threads);
    case 8:
      return kernel_of<std::uint64_t>(parts, threads);
    case sizeof(std::string):
      return kernel_of<std::string>(parts, threads);
    default:
      throw Error(fmt::format("elements of {} bytes cannot be copied", width));
  }
}

}  // namespace coinfer::kernels
