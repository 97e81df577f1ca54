#include "asyncio_bridge/channel.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <bit>
#include <unordered_map>

#include "asyncio_bridge/loop_waker.hpp"

namespace coinfer::bridge {

namespace {

constexpr const char* capsule_name = "coinfer.channel";

PyObject* get_running_loop = nullptr;  // asyncio.events._get_running_loop
PyObject* name_add_reader = nullptr;
PyObject* name_call_soon_threadsafe = nullptr;
PyObject* name_call_soon = nullptr;
PyMethodDef drain_method{};
PyMethodDef look_method{};
PyMethodDef drain_once_method{};
PyMethodDef forget_method{};

// An asyncio loop that is closed while another thread wakes it closes the socket that this one
// sends to; both calls are CPython's, and its answer to the failure is to ignore it.
#if __has_feature(thread_sanitizer)
extern "C" void AnnotateIgnoreReadsBegin(const char* file, int line);
extern "C" void AnnotateIgnoreReadsEnd(const char* file, int line);
#else
void AnnotateIgnoreReadsBegin(const char*, int) {}
void AnnotateIgnoreReadsEnd(const char*, int) {}
#endif

/// A new reference, or null with an exception set.
PyObject* call_soon_threadsafe(PyObject* loop, PyObject* callback) {
  PyObject* const arguments[] = {loop, callback};
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  auto* called = PyObject_VectorcallMethod(name_call_soon_threadsafe, arguments, 2, nullptr);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  return called;
}

}  // namespace

/// Channels by loop. Under the GIL, as all of Channel.
struct ChannelPool {
  std::unordered_map<PyObject*, Channel*> by_loop;
  Channel* free = nullptr;
  PyObject* last_loop = nullptr;
  Channel* last = nullptr;

  static ChannelPool& instance() {
    static auto* const pool = new ChannelPool;
    return *pool;
  }

  Channel* take() {
    if (free == nullptr) {
      return new Channel;
    }
    auto* channel = free;
    free = channel->next_free_;
    return channel;
  }

  static void destroy_capsule(PyObject* capsule) {
    auto* channel = static_cast<Channel*>(PyCapsule_GetPointer(capsule, capsule_name));
    channel->disconnect();
  }

  /// The weak reference to a loop without reader has died.
  static PyObject* forget(PyObject* capsule, PyObject*) {
    destroy_capsule(capsule);
    Py_RETURN_NONE;
  }

  /// One call of a loop without reader. Its capsule's context is the channel's generation.
  static PyObject* drain_once(PyObject* capsule, PyObject*) {
    const Entered entered;
    auto* channel = channel_of_call(capsule);
    PyCapsule_SetDestructor(capsule, nullptr);
    if (channel != nullptr && !channel->drain()) {
      return nullptr;
    }
    Py_RETURN_NONE;
  }

  /// The loop was closed before it made the call, or refused it: nobody will open the letters.
  static void destroy_call(PyObject* capsule) {
    if (auto* channel = channel_of_call(capsule)) {
      channel->disconnect();
    }
  }

  /// Null when the channel serves another loop by now, or none.
  static Channel* channel_of_call(PyObject* capsule) {
    auto* channel = static_cast<Channel*>(PyCapsule_GetPointer(capsule, capsule_name));
    const auto generation = reinterpret_cast<std::uintptr_t>(PyCapsule_GetContext(capsule));
    return channel->loop_ != nullptr && channel->generation_ == generation ? channel : nullptr;
  }

  /// The capsule's context is the channel's generation.
  static PyObject* look(PyObject* capsule, PyObject*) {
    const Entered entered;
    auto* channel = channel_of_call(capsule);
    if (channel != nullptr && !channel->drain_traced(&Channel::look)) {
      return nullptr;
    }
    Py_RETURN_NONE;
  }

  static PyObject* drain(PyObject* capsule, PyObject*) {
    const Entered entered;
    auto* channel = static_cast<Channel*>(PyCapsule_GetPointer(capsule, capsule_name));
    if (channel == nullptr || !channel->drain()) {
      return nullptr;
    }
    Py_RETURN_NONE;
  }
};

int prepare_channels() {
  if (get_running_loop != nullptr) {
    return 0;
  }
  const auto events = PyRef::steal(PyImport_ImportModule("asyncio.events"));
  if (!events) {
    return -1;
  }
  name_add_reader = PyUnicode_InternFromString("add_reader");
  name_call_soon = PyUnicode_InternFromString("call_soon");
  get_running_loop = PyObject_GetAttrString(events.get(), "_get_running_loop");
  name_call_soon_threadsafe = PyUnicode_InternFromString("call_soon_threadsafe");
  drain_method = {"drain", ChannelPool::drain, METH_NOARGS, nullptr};
  look_method = {"look", ChannelPool::look, METH_NOARGS, nullptr};
  drain_once_method = {"drain", ChannelPool::drain_once, METH_NOARGS, nullptr};
  forget_method = {"forget", ChannelPool::forget, METH_O, nullptr};
  return name_add_reader != nullptr && name_call_soon != nullptr &&
                 name_call_soon_threadsafe != nullptr && get_running_loop != nullptr
             ? 0
             : -1;
}

Channel* Channel::of_running_loop() {
  if (get_running_loop == nullptr && prepare_channels() != 0) {
    return nullptr;
  }
  const auto loop = PyRef::steal(PyObject_CallNoArgs(get_running_loop));
  if (!loop) {
    return nullptr;
  }
  if (loop.get() == Py_None) {
    PyErr_SetString(PyExc_RuntimeError,
                    "no running event loop: awaitable inference is started inside a coroutine");
    return nullptr;
  }
  auto& pool = ChannelPool::instance();
  if (pool.last_loop == loop.get()) {
    return pool.last;
  }
  const auto found = pool.by_loop.find(loop.get());
  auto* channel = found != pool.by_loop.end() ? found->second : connect(loop.get());
  if (channel != nullptr) {
    pool.last_loop = loop.get();
    pool.last = channel;
  }
  return channel;
}

Channel* Channel::connect(PyObject* loop) {
  auto& pool = ChannelPool::instance();
  auto* channel = pool.take();
  channel->loop_ = loop;
  ++channel->generation_;
  channel->counts_ = {};
  channel->track_.reset();
  channel->expected_ = 0;
  channel->quick_runs_ = 0;
  channel->looking_ = false;
  channel->mailbox_.open_for_loop();
  pool.by_loop[loop] = channel;
  if (channel->add_reader()) {
    return channel;
  }
  if (PyErr_ExceptionMatches(PyExc_NotImplementedError) ||
      PyErr_ExceptionMatches(PyExc_AttributeError)) {
    PyErr_Clear();
    if (channel->watch_without_reader()) {
      return channel;
    }
  }
  if (channel->loop_ != nullptr) {
    channel->disconnect();
  }
  return nullptr;
}

/// The capsule owns the connection: its end, also here on an error, undoes it.
bool Channel::add_reader() {
  const auto watching =
      PyRef::steal(PyCapsule_New(this, capsule_name, ChannelPool::destroy_capsule));
  if (!watching) {
    return false;
  }
  const auto callback = PyRef::steal(PyCFunction_New(&drain_method, watching.get()));
  const auto fd = PyRef::steal(PyLong_FromLong(mailbox_.fd()));
  if (!callback || !fd) {
    return false;
  }
  PyObject* const arguments[] = {loop_, fd.get(), callback.get()};
  const auto added =
      PyRef::steal(PyObject_VectorcallMethod(name_add_reader, arguments, 3, nullptr));
  if (!added) {
    PyCapsule_SetDestructor(watching.get(), nullptr);
  }
  return static_cast<bool>(added);
}

bool Channel::watch_without_reader() {
  const auto self = PyRef::steal(PyCapsule_New(this, capsule_name, nullptr));
  if (!self || loop_waker::start() < 0) {
    return false;
  }
  const auto forget = PyRef::steal(PyCFunction_New(&forget_method, self.get()));
  if (!forget) {
    return false;
  }
  weak_loop_ = PyWeakref_NewRef(loop_, forget.get());
  mailbox_.context = this;
  mailbox_.open_for_loop(
      [](Mailbox& mailbox) noexcept { loop_waker::wake(*static_cast<Channel*>(mailbox.context)); });
  return weak_loop_ != nullptr;
}

void Channel::call_loop() noexcept {
  if (weak_loop_ == nullptr) {
    return;  // gone meanwhile
  }
  const auto loop = PyRef::borrow(PyWeakref_GetObject(weak_loop_));
  const auto call = PyRef::steal(PyCapsule_New(this, capsule_name, ChannelPool::destroy_call));
  if (!call || PyCapsule_SetContext(call.get(), std::bit_cast<void*>(generation_)) != 0) {
    PyErr_Clear();
    return;
  }
  const auto drain = PyRef::steal(PyCFunction_New(&drain_once_method, call.get()));
  const auto called = drain ? PyRef::steal(call_soon_threadsafe(loop.get(), drain.get())) : PyRef{};
  if (!called) {
    PyErr_Clear();  // closed
  }
}

void Channel::disconnect() noexcept {
  auto& pool = ChannelPool::instance();
  if (pool.last == this) {
    pool.last = nullptr;
    pool.last_loop = nullptr;
  }
  pool.by_loop.erase(loop_);
  loop_ = nullptr;
  mailbox_.close();
  while (backlog_ != nullptr) {
    auto* next = static_cast<Letter*>(backlog_->next);
    discard(backlog_);
    backlog_ = next;
  }
  next_free_ = pool.free;
  pool.free = this;
  const auto weak_loop = PyRef::steal(std::exchange(weak_loop_, nullptr));
  const auto look_call = PyRef::steal(std::exchange(look_call_, nullptr));
}

std::vector<const Channel*> open_channels() {
  std::vector<const Channel*> open;
  for (const auto& [loop, channel] : ChannelPool::instance().by_loop) {
    open.push_back(channel);
  }
  return open;
}

trace::Track Channel::track() {
  if (!track_) {
    const auto* kind = loop_ != nullptr ? Py_TYPE(loop_)->tp_name : "closed loop";
    track_ = trace::new_track(trace::Group::loops, fmt::format("{} {}", kind, gettid()));
  }
  return *track_;
}

void Channel::expect() noexcept {
  if (++expected_ > few || quick_runs_ < enough_quick_runs || looking_) {
    return;
  }
  if (look_call_ == nullptr) {
    const auto self = PyRef::steal(PyCapsule_New(this, capsule_name, nullptr));
    if (self && PyCapsule_SetContext(self.get(), std::bit_cast<void*>(generation_)) == 0) {
      look_call_ = PyCFunction_New(&look_method, self.get());
    }
  }
  PyObject* const arguments[] = {loop_, look_call_};
  if (look_call_ != nullptr &&
      PyRef::steal(PyObject_VectorcallMethod(name_call_soon, arguments, 2, nullptr))) {
    looking_ = true;
    mailbox_.watch();
  } else {
    PyErr_Clear();  // letters wake the loop
  }
}

bool Channel::look() {
  if (mailbox_.empty()) {
    const GilReleased released;
    mailbox_.await_letter(quick);
  }
  looking_ = false;
  auto* letters = mailbox_.take_watched();
  if (letters == nullptr) {
    quick_runs_ = 0;
  }
  return open(letters);
}

bool Channel::drain() { return drain_traced(&Channel::open_letters); }

bool Channel::drain_traced(bool (Channel::*what)()) {
  if (!trace::on()) {
    return (this->*what)();
  }
  static const trace::Text text{"drain", {}};
  const auto begin = std::chrono::steady_clock::now();
  const auto row = track();
  const bool go_on = (this->*what)();
  trace::span(row, text, begin, std::chrono::steady_clock::now());
  return go_on;
}

bool Channel::open_letters() { return open(mailbox_.take_all()); }

bool Channel::open(Letter* fresh) {
  empty_garbage();
  ++counts_.drains;
  if (backlog_ == nullptr) {
    backlog_ = fresh;
  } else if (fresh != nullptr) {
    auto* last = backlog_;
    while (last->next != nullptr) {
      last = static_cast<Letter*>(last->next);
    }
    last->next = fresh;
  }
  for (int opened = 0; backlog_ != nullptr; ++opened) {
    if (opened == budget) {
      mailbox_.wake();
      return true;
    }
    auto* letter = backlog_;
    backlog_ = static_cast<Letter*>(letter->next);
    ++counts_.letters;
    if (!letter->open(letter)) {
      if (backlog_ != nullptr) {
        mailbox_.wake();
      }
      return false;
    }
  }
  return true;
}

}  // namespace coinfer::bridge
