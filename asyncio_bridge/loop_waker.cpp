#include "asyncio_bridge/loop_waker.hpp"

#include <condition_variable>
#include <mutex>
#include <vector>

#include "asyncio_bridge/channel.hpp"
#include "asyncio_bridge/gil.hpp"
#include "asyncio_bridge/python_thread.hpp"

namespace coinfer::bridge::loop_waker {

namespace {

/// Channels whose loops are to be woken.
struct Bell {
  std::mutex mutex;
  std::condition_variable rung;
  std::vector<Channel*> channels;
  bool stopped = false;

  static Bell& instance() {
    static auto* const bell = new Bell;
    return *bell;
  }

  /// Blocks without the GIL; false when it was stopped.
  bool wait(std::vector<Channel*>& woken) {
    std::unique_lock lock{mutex};
    rung.wait(lock, [this] { return !channels.empty() || stopped; });
    woken.clear();
    woken.swap(channels);
    return !stopped;
  }
};

PyObject* wake_all(PyObject*, PyObject*) {
  std::vector<Channel*> woken;
  for (;;) {
    bool go_on = false;
    {
      const GilReleased released;
      go_on = Bell::instance().wait(woken);
    }
    if (!go_on) {
      Py_RETURN_NONE;
    }
    for (auto* channel : woken) {
      channel->call_loop();
    }
    empty_garbage();
  }
}

PyMethodDef body{"wake_loops", wake_all, METH_NOARGS, nullptr};
PythonThread thread{body, "coinfer-loops"};

}  // namespace

int start() { return thread.start(); }

void wake(Channel& channel) noexcept {
  auto& bell = Bell::instance();
  {
    const std::lock_guard lock{bell.mutex};
    bell.channels.push_back(&channel);
  }
  bell.rung.notify_one();
}

void stop() noexcept {
  auto& bell = Bell::instance();
  {
    const std::lock_guard lock{bell.mutex};
    bell.stopped = true;
  }
  bell.rung.notify_one();
  thread.join(5);
}

}  // namespace coinfer::bridge::loop_waker
