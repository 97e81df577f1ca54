#include "tensor/weight_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "tensor/pages.hpp"
#include "tensor/sanitized.hpp"

namespace coinfer {
namespace {

constexpr std::size_t large_page = std::size_t{2} << 20;
/// Addresses, not memory: pages are there once they are touched.
constexpr std::size_t chunk_bytes = std::size_t{64} << 20;
constexpr std::size_t alignment = 64;

/// Less is not worth a place among weights: a model of small ones would take a large page for them.
constexpr std::size_t least_bytes = is_sanitized ? SIZE_MAX : std::size_t{512} << 10;

constexpr std::size_t round_up(std::size_t bytes, std::size_t to) {
  return (bytes + to - 1) / to * to;
}

}  // namespace

/// A range of addresses that pieces are taken from, one behind the other.
class WeightMemory::Chunk {
 public:
  /// Null when the system refuses.
  static std::shared_ptr<Chunk> make(std::size_t bytes) {
    bytes = round_up(bytes, large_page);
    const auto total = bytes + large_page;
    void* const start = ::mmap(nullptr, total, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) {
      return nullptr;
    }
    auto* const first = static_cast<std::byte*>(start);
    const auto before = round_up(reinterpret_cast<std::uintptr_t>(first), large_page) -
                        reinterpret_cast<std::uintptr_t>(first);
    if (before != 0) {
      ::munmap(first, before);
    }
    ::munmap(first + before + bytes, large_page - before);
#ifdef MADV_HUGEPAGE
    // Refused where the system has none: then these are pages as all others.
    const auto error = errno;
    ::madvise(first + before, bytes, MADV_HUGEPAGE);
    errno = error;
#endif
    return std::make_shared<Chunk>(first + before, bytes);
  }

  Chunk(std::byte* data, std::size_t bytes) : data_{data}, bytes_{bytes} {}
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;
  ~Chunk() { ::munmap(data_, bytes_); }

  /// Null when the rest is too small.
  std::byte* take(std::size_t bytes) {
    bytes = round_up(bytes, alignment);
    if (bytes > bytes_ - taken_) {
      return nullptr;
    }
    auto* const piece = data_ + taken_;
    taken_ += bytes;
    return piece;
  }

 private:
  std::byte* data_;
  std::size_t bytes_;
  std::size_t taken_ = 0;
};

MemoryRef WeightMemory::allocate(std::size_t bytes) {
  if (bytes < least_bytes || bytes > machine_memory()) {
    return Memory::allocate(bytes);
  }
  std::byte* piece = nullptr;
  std::shared_ptr<Chunk> chunk;
  {
    const std::lock_guard lock{mutex_};
    piece = chunk_ ? chunk_->take(bytes) : nullptr;
    if (piece == nullptr && bytes < chunk_bytes / 2) {
      chunk_ = Chunk::make(chunk_bytes);
      piece = chunk_ ? chunk_->take(bytes) : nullptr;
    }
    chunk = chunk_;
  }
  // Large ones have ranges of their own, so that small ones stay beside one another.
  if (piece == nullptr && bytes >= chunk_bytes / 2) {
    chunk = Chunk::make(bytes);
    piece = chunk ? chunk->take(bytes) : nullptr;
  }
  if (piece == nullptr) {
    return Memory::allocate(bytes);
  }
  std::shared_ptr<void> owner{piece, [chunk = std::move(chunk), bytes](void* memory) {
                                drop_whole_pages({static_cast<std::byte*>(memory), bytes});
                              }};
  return Memory::wrap(piece, bytes, std::move(owner), false);
}

}  // namespace coinfer
