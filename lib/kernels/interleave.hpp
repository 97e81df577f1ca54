#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace coinfer::kernels {

/// Makes one array of several: their first elements one after another, then their second ones…, as
/// a shuffle of channels does. Elements have 2 or 4 bytes.
class Interleave {
 public:
  static constexpr std::int64_t most_arrays = 8;

  /// The machine has the instructions, and there are as few arrays as it is quick for.
  static bool fits(std::int64_t arrays, std::size_t width);

  Interleave() = default;
  Interleave(std::int64_t arrays, std::size_t width);

  explicit operator bool() const { return arrays_ > 0; }

  /// dst[i * arrays + k] = src[i + k * stride] for i < count; `stride` in elements.
  void operator()(const void* src, std::int64_t stride, void* dst, std::int64_t count) const {
    run_(*this, src, stride, dst, count);
  }

 private:
  template <class T>
  struct Run;
  using Function = void (*)(const Interleave&, const void*, std::int64_t, void*, std::int64_t);

  Function run_ = nullptr;
  std::int64_t arrays_ = 0;
  /// Of vector v of the result: its lanes' indices in the arrays, and which are of array k.
  alignas(64) std::array<std::array<std::byte, 64>, most_arrays> lanes_{};
  std::array<std::array<std::uint32_t, most_arrays>, most_arrays> masks_{};
};

}  // namespace coinfer::kernels
