#include "kernels/strided_copy.hpp"

namespace coinfer::kernels {

Dims strides_of(const Shape& shape) {
  Dims strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<std::int64_t>(shape[i], 1);
  }
  return strides;
}

template <class T>
void StridedCopy::copy_plane(const void* src, void* dst, const Plane& plane) {
  const auto* from = static_cast<const T*>(src);
  auto* to = static_cast<T*>(dst);
  const auto columns = plane.columns;
  if constexpr (!std::is_same_v<T, std::string>) {
    if (plane.src_column == 1 && plane.dst_column == 1) {
      for (std::int64_t row = 0; row < plane.rows; ++row) {
        std::memcpy(to + row * plane.dst_row, from + row * plane.src_row,
                    static_cast<std::size_t>(columns) * sizeof(T));
      }
      return;
    }
  }
  if (plane.src_column == 0 && plane.dst_column == 1) {
    for (std::int64_t row = 0; row < plane.rows; ++row) {
      std::fill_n(to + row * plane.dst_row, columns, from[row * plane.src_row]);
    }
    return;
  }
  for (std::int64_t row = 0; row < plane.rows; ++row) {
    const auto* a = from + row * plane.src_row;
    auto* b = to + row * plane.dst_row;
    for (std::int64_t i = 0; i < columns; ++i) {
      b[i * plane.dst_column] = a[i * plane.src_column];
    }
  }
}

StridedCopy::StridedCopy(ElementType type, const Shape& shape, const Dims& src_strides,
                         const Dims& dst_strides, std::int64_t src_offset, std::int64_t dst_offset)
    : src_offset_{src_offset},
      dst_offset_{dst_offset},
      width_{static_cast<std::int64_t>(size_of(type))} {
  for (std::size_t i = 0; i < shape.size(); ++i) {
    empty_ = empty_ || shape[i] == 0;
    if (shape[i] == 1) {
      continue;
    }
    const bool merge = !extents_.empty() && src_steps_.back() == src_strides[i] * shape[i] &&
                       dst_steps_.back() == dst_strides[i] * shape[i];
    if (merge) {
      extents_.back() *= shape[i];
      src_steps_.back() = src_strides[i];
      dst_steps_.back() = dst_strides[i];
    } else {
      extents_.push_back(shape[i]);
      src_steps_.push_back(src_strides[i]);
      dst_steps_.push_back(dst_strides[i]);
    }
  }
  const auto take = [&](std::int64_t& count, std::int64_t& src_step, std::int64_t& dst_step) {
    if (!extents_.empty()) {
      count = extents_.back();
      src_step = src_steps_.back();
      dst_step = dst_steps_.back();
      extents_.pop_back();
      src_steps_.pop_back();
      dst_steps_.pop_back();
    }
  };
  plane_.src_column = plane_.dst_column = 1;  // of a single element: one memcpy
  take(plane_.columns, plane_.src_column, plane_.dst_column);
  take(plane_.rows, plane_.src_row, plane_.dst_row);
  copy_ = with_width(type, []<class T>(std::type_identity<T>) { return &copy_plane<T>; });
}

void StridedCopy::operator()(const void* src, void* dst) const {
  if (empty_) {
    return;
  }
  const auto* from = static_cast<const std::byte*>(src) + src_offset_ * width_;
  auto* to = static_cast<std::byte*>(dst) + dst_offset_ * width_;
  Dims index(extents_.size(), 0);
  for (;;) {
    copy_(from, to, plane_);
    auto i = extents_.size();
    for (;;) {
      if (i == 0) {
        return;
      }
      --i;
      from += src_steps_[i] * width_;
      to += dst_steps_[i] * width_;
      if (++index[i] < extents_[i]) {
        break;
      }
      from -= src_steps_[i] * extents_[i] * width_;
      to -= dst_steps_[i] * extents_[i] * width_;
      index[i] = 0;
    }
  }
}

}  // namespace coinfer::kernels
