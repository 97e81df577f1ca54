#include "runtime/run_frames.hpp"

#include "runtime/process.hpp"
#include "runtime/run.hpp"

namespace coinfer::runtime {

namespace {
constexpr std::size_t most_kept = 128;
}  // namespace

// Room for all of them from the start: giving back never allocates.
RunFrames::RunFrames() { free_.reserve(most_kept); }
RunFrames::~RunFrames() = default;

std::unique_ptr<RunFrame> RunFrames::take() {
  {
    const std::lock_guard lock{mutex_};
    if (!free_.empty()) {
      auto frame = std::move(free_.back());
      free_.pop_back();
      return frame;
    }
  }
  return std::make_unique<RunFrame>();
}

void RunFrames::give_back(std::unique_ptr<RunFrame> frame) noexcept {
  if (is_forked_child()) {
    return;  // a thread that did not come along may have the lock, and nothing runs any more
  }
  frame->coroutine = nullptr;
  frame->let_go();
  frame->states = nullptr;
  frame->profile.clear();
  frame->leased = {};
  frame->paused = {};
  const std::lock_guard lock{mutex_};
  if (free_.size() < most_kept) {
    free_.push_back(std::move(frame));
  }
}

}  // namespace coinfer::runtime
