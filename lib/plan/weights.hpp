#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "coinfer/tensor.hpp"

namespace coinfer::plan {

/// The packed constants of one compiled model: each constant once per distinct memory descriptor,
/// shared by all plans and streams. *Thread safety*: shared objects: safe.
class Weights {
 public:
  Weights();
  ~Weights();
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  std::size_t bytes() const;
  /// How often something was packed, not found done.
  std::size_t packings() const noexcept;

  /// Called with each constant that was packed, which is hardly read again. Set it before use.
  using Packed = void (*)(std::span<const std::byte> constant);
  void on_packed(Packed call);

  /// A packed constant as it is kept outside: layouts as texts, which only their equals match.
  struct Stored {
    Tensor constant;
    std::int64_t offset = 0;
    std::string from;
    std::string to;
    std::string kind;  ///< what else tells it apart; `from` and `to` may be empty then
    MemoryRef memory;
  };
  /// What was packed of the constants that are still alive.
  std::vector<Stored> packed() const;
  /// Packing finds these done; what never matches is only held.
  void preload(std::vector<Stored> stored);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace coinfer::plan
