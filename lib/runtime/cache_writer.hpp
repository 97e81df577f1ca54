#pragma once

#include <deque>
#include <memory>

#include "runtime/compiled.hpp"
#include "runtime/model_cache.hpp"
#include "runtime/timed_thread.hpp"

namespace coinfer::runtime {

/// The process's one thread that writes cached models anew, when their first run has packed weights
/// that could not be packed before. What waits when it is stopped is still written.
class CacheWriter final : public TimedThread {
 public:
  /// Made at first use and never destroyed; a process that just ends waits for what is being
  /// written.
  static CacheWriter& instance();

  /// Later, and only where the model's file still is. Not when the writer was stopped.
  void write(std::shared_ptr<const Compiled> compiled, ModelCache cache) noexcept;

 private:
  struct Entry {
    std::shared_ptr<const Compiled> compiled;
    ModelCache cache;
  };

  CacheWriter() : TimedThread{"coinfer-cache", AtStop::tell} {}
  ~CacheWriter() = default;  // never called
  std::optional<Time> earliest() const override;
  void tell_first(std::unique_lock<std::mutex>& lock) override;

  std::deque<Entry> entries_;
};

}  // namespace coinfer::runtime
