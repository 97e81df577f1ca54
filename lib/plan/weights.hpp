#pragma once

#include <cstddef>
#include <memory>

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

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace coinfer::plan
