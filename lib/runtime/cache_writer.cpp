#include "runtime/cache_writer.hpp"

#include <sys/resource.h>

#include <cstdlib>

#include "runtime/process.hpp"

namespace coinfer::runtime {
namespace {

/// Below the threads that compute, which are at 5.
constexpr int writing_nice = 15;

}  // namespace

CacheWriter& CacheWriter::instance() {
  static auto* const writer = [] {
    static_cast<void>(std::atexit([] {
      if (!is_forked_child()) {
        instance().stop(true);
      }
    }));
    return new CacheWriter;
  }();
  return *writer;
}

void CacheWriter::write(std::shared_ptr<const Compiled> compiled, ModelCache cache) noexcept {
  try {
    const std::lock_guard lock{mutex_};
    if (started()) {
      entries_.push_back({std::move(compiled), std::move(cache)});
      look_again();
    }
  } catch (const std::exception&) {
    return;  // no thread or no memory: the file stays as it is
  }
}

std::optional<CacheWriter::Time> CacheWriter::earliest() const {
  return entries_.empty() ? std::nullopt : std::optional{Time::min()};
}

void CacheWriter::tell_first(std::unique_lock<std::mutex>& lock) {
  std::optional<Entry> entry{std::move(entries_.front())};
  entries_.pop_front();
  lock.unlock();
  static_cast<void>(setpriority(PRIO_PROCESS, 0, writing_nice));  // of this thread
  if (entry->cache.exists()) {
    entry->cache.store(*entry->compiled, true);
  }
  entry.reset();  // perhaps the last owner of the model
  lock.lock();
}

}  // namespace coinfer::runtime
