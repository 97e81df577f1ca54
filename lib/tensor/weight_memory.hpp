#pragma once

#include <cstddef>
#include <memory>
#include <mutex>

#include "coinfer/tensor.hpp"

namespace coinfer {

/// Memory for what is read over and over as long as a model lives. Pieces lie beside one another,
/// in pages of 2 MiB where the system gives them: going through megabytes of weights takes an
/// address translation for each page. *Thread safety*: shared objects: safe; pieces may outlive it.
class WeightMemory {
 public:
  /// 64-byte aligned. Throws Error when there is none.
  MemoryRef allocate(std::size_t bytes);

 private:
  class Chunk;
  std::mutex mutex_;
  std::shared_ptr<Chunk> chunk_;  ///< the one that pieces are taken from
};

}  // namespace coinfer
