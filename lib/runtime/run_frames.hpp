#pragma once

#include <memory>
#include <vector>

#include "runtime/short_mutex.hpp"

namespace coinfer::runtime {

struct RunFrame;

/// Frames of a model's runs that are over, with the memory of their lists, for its next runs: most
/// are made by one thread and freed by another.
/// *Thread safety*: shared objects: safe.
class RunFrames {
 public:
  RunFrames();
  ~RunFrames();

  std::unique_ptr<RunFrame> take();
  /// Of a run that is over, so that it holds no tensors.
  void give_back(std::unique_ptr<RunFrame> frame) noexcept;

 private:
  ShortMutex mutex_;
  std::vector<std::unique_ptr<RunFrame>> free_;
};

}  // namespace coinfer::runtime
