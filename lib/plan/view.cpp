#include "plan/view.hpp"

namespace coinfer::plan {

Dims plain_strides(std::span<const std::int64_t> dims) {
  Dims strides(dims.size());
  std::int64_t step = 1;
  for (auto i = dims.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<std::int64_t>(dims[i], 1);
  }
  return strides;
}

Dims channels_last_strides(std::span<const std::int64_t> dims) {
  if (dims.size() < 3) {
    return plain_strides(dims);
  }
  Dims strides(dims.size());
  strides[1] = 1;
  auto step = std::max<std::int64_t>(dims[1], 1);
  for (auto i = dims.size(); i-- > 2;) {
    strides[i] = step;
    step *= std::max<std::int64_t>(dims[i], 1);
  }
  strides[0] = step;
  return strides;
}

bool same_strides(std::span<const std::int64_t> dims, const Dims& a, const Dims& b) {
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != 1 && a[i] != b[i]) {
      return false;
    }
  }
  return true;
}

std::int64_t View::extent_bytes() const {
  std::int64_t last = 0;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0) {
      return 0;
    }
    last += (dims[i] - 1) * strides[i];
  }
  return (last + 1) * static_cast<std::int64_t>(size_of(type));
}

bool View::is_plain() const { return same_strides(dims, strides, plain_strides(dims)); }

bool View::is_channels_last() const {
  return dims.size() >= 3 && dims.size() <= 5 &&
         same_strides(dims, strides, channels_last_strides(dims));
}

bool View::is_dense() const {
  std::int64_t last = 0;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (strides[i] <= 0 && dims[i] > 1) {
      return false;
    }
    last += (dims[i] - 1) * strides[i];
  }
  return last + 1 == elements();
}

std::optional<View> reshaped(const View& view, const Shape& dims) {
  View result = view;
  result.dims = dims;
  result.strides.assign(dims.size(), 1);
  if (view.elements() == 0) {
    result.strides = plain_strides(dims);
    return result;
  }
  // Groups of old and new extents with equal products; within a group the old ones must be
  // mergeable.
  Dims old_dims;
  Dims old_strides;
  for (std::size_t i = 0; i < view.dims.size(); ++i) {
    if (view.dims[i] != 1) {
      old_dims.push_back(view.dims[i]);
      old_strides.push_back(view.strides[i]);
    }
  }
  std::size_t from = 0;
  std::size_t to = 0;
  while (from < old_dims.size() && to < dims.size()) {
    auto old_product = old_dims[from];
    auto new_product = dims[to];
    auto old_end = from + 1;
    auto new_end = to + 1;
    while (old_product != new_product) {
      if (old_product < new_product) {
        if (old_end == old_dims.size()) {
          return std::nullopt;
        }
        old_product *= old_dims[old_end++];
      } else {
        if (new_end == dims.size()) {
          return std::nullopt;
        }
        new_product *= dims[new_end++];
      }
    }
    for (auto i = from; i + 1 < old_end; ++i) {
      if (old_strides[i] != old_strides[i + 1] * old_dims[i + 1]) {
        return std::nullopt;
      }
    }
    auto step = old_strides[old_end - 1];
    for (auto i = new_end; i-- > to;) {
      result.strides[i] = step;
      step *= dims[i];
    }
    from = old_end;
    to = new_end;
  }
  return result;
}

View transposed(const View& view, std::span<const std::int64_t> order) {
  View result = view;
  for (std::size_t i = 0; i < order.size(); ++i) {
    result.dims[i] = view.dims[static_cast<std::size_t>(order[i])];
    result.strides[i] = view.strides[static_cast<std::size_t>(order[i])];
  }
  return result;
}

View padded(const View& view, std::size_t rank) {
  View result = view;
  const auto step = view.dims.empty() ? 1 : view.dims[0] * view.strides[0];
  while (result.dims.size() < rank) {
    result.dims.insert(result.dims.begin(), 1);
    result.strides.insert(result.strides.begin(), step);
  }
  return result;
}

}  // namespace coinfer::plan
