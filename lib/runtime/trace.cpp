#include "runtime/trace.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <mutex>

#include "coinfer/error.hpp"

namespace coinfer::trace {
namespace {

constexpr Track queue_track = 0;

/// One trace from start to stop.
struct Session {
  std::filesystem::path path;
  int file = -1;
  pid_t process = 0;
  Time begin;
  std::vector<std::shared_ptr<Buffer>> buffers;
};

/// What all threads share, under one lock; never destroyed, since threads may outlive main.
struct Shared {
  std::mutex mutex;
  std::unique_ptr<Session> session;
  std::atomic<std::uint64_t> number{0};  // of the session; 0 while there is none
  std::uint64_t sessions = 0;
  std::vector<TrackInfo> tracks{{Group::queue, "waiting for a stream"}};
  std::map<std::pair<std::string, std::string>, Text> texts;

  static Shared& instance() {
    static auto* const shared = new Shared;
    return *shared;
  }
};

/// The calling thread's buffer in the session that it recorded for last.
struct Local {
  std::uint64_t number = 0;
  std::shared_ptr<Buffer> buffer;
  bool gone = false;
  ~Local() { gone = true; }
};
thread_local Local local;

Buffer* buffer_of_this_thread() noexcept {
  auto& shared = Shared::instance();
  if (local.gone) {
    return nullptr;
  }
  if (local.number == shared.number.load(std::memory_order_acquire)) {
    return local.buffer.get();
  }
  try {
    auto fresh = std::make_shared<Buffer>();
    const std::lock_guard lock{shared.mutex};
    local.number = shared.number.load(std::memory_order_relaxed);
    local.buffer = nullptr;
    if (shared.session) {
      shared.session->buffers.push_back(fresh);
      local.buffer = std::move(fresh);
    }
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  return local.buffer.get();
}

void record(const Event& event) noexcept {
  if (auto* buffer = buffer_of_this_thread()) {
    buffer->append(event);
  }
}

std::filesystem::path with_process_id(const std::filesystem::path& path) {
  auto text = path.string();
  for (auto at = text.find("%p"); at != std::string::npos; at = text.find("%p", at)) {
    text.replace(at, 2, std::to_string(getpid()));
  }
  return text;
}

void write_all(int file, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const auto written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      throw Error(fmt::format("the trace could not be written to {}: {}", path.string(),
                              std::strerror(errno)));
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// A forked child records nothing: the trace, and its file, are the parent's.
void in_forked_child() {
  detail::recording.store(false, std::memory_order_relaxed);
  Shared::instance().number.store(0, std::memory_order_relaxed);
}

}  // namespace

void Buffer::append(const Event& event) noexcept {
  const auto count = count_.load(std::memory_order_relaxed);
  if (count < max_events) {
    auto& chunk = chunks_[count / chunk_events];
    if (!chunk) {
      chunk.reset(new (std::nothrow) Chunk);
    }
    if (chunk) {
      (*chunk)[count % chunk_events] = event;
      count_.store(count + 1, std::memory_order_release);
      return;
    }
  }
  dropped_.fetch_add(1, std::memory_order_relaxed);
}

void Buffer::copy_to(std::vector<Event>& events) const {
  const auto count = count_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    events.push_back((*chunks_[i / chunk_events])[i % chunk_events]);
  }
}

void start(const std::filesystem::path& given) {
  auto& shared = Shared::instance();
  const std::lock_guard lock{shared.mutex};
  if (shared.session && shared.session->process == getpid()) {
    throw Error(
        fmt::format("a trace is being recorded already, to {}", shared.session->path.string()));
  }
  const auto path = with_process_id(given);
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) {
    throw Error(
        fmt::format("a trace cannot be written to '{}': {}", path.string(), std::strerror(errno)));
  }
  if (shared.sessions == 0) {
    pthread_atfork(nullptr, nullptr, in_forked_child);
    std::atexit([] { stop_at_exit(); });
  }
  shared.session = std::make_unique<Session>(
      Session{path, file, getpid(), std::chrono::steady_clock::now(), {}});
  shared.number.store(++shared.sessions, std::memory_order_release);
  detail::recording.store(true, std::memory_order_release);
}

void stop() {
  auto& shared = Shared::instance();
  std::unique_ptr<Session> session;
  std::vector<TrackInfo> tracks;
  {
    const std::lock_guard lock{shared.mutex};
    if (!shared.session || shared.session->process != getpid()) {
      return;
    }
    detail::recording.store(false, std::memory_order_release);
    shared.number.store(0, std::memory_order_release);
    session = std::move(shared.session);
  }
  std::vector<Event> events;
  std::uint64_t dropped = 0;
  for (const auto& buffer : session->buffers) {
    buffer->copy_to(events);
    dropped += buffer->dropped();
  }
  {
    // After the events: a track is older than what is recorded on it.
    const std::lock_guard lock{shared.mutex};
    tracks = shared.tracks;
  }
  try {
    write_all(session->file, to_json(std::move(events), tracks, session->begin, dropped),
              session->path);
  } catch (...) {
    close(session->file);
    throw;
  }
  close(session->file);
}

void start_from_environment() {
  const char* path = std::getenv("COINFER_TRACE");
  if (path == nullptr || *path == '\0' || on()) {
    return;
  }
  try {
    start(path);
  } catch (const Error& error) {
    throw Error(fmt::format("COINFER_TRACE: {}", error.what()));
  }
}

void stop_at_exit() noexcept {
  try {
    stop();
  } catch (const std::exception& error) {
    std::cerr << "coinfer: " << error.what() << "\n";
  }
}

Track new_track(Group group, std::string name) {
  auto& shared = Shared::instance();
  const std::lock_guard lock{shared.mutex};
  shared.tracks.push_back({group, std::move(name)});
  return static_cast<Track>(shared.tracks.size() - 1);
}

Track this_thread() {
  thread_local const Track mine = [] {
    std::array<char, 32> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    return new_track(Group::callers, fmt::format("{} {}", name.data(), gettid()));
  }();
  return mine;
}

const Text& text(std::string_view name, std::string_view arguments) {
  auto& shared = Shared::instance();
  const std::lock_guard lock{shared.mutex};
  return shared.texts
      .try_emplace({std::string{name}, std::string{arguments}},
                   Text{std::string{name}, std::string{arguments}})
      .first->second;
}

std::uint64_t next_run() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void span(Track track, const Text& text, Time begin, Time end, std::uint64_t run) noexcept {
  record({begin, end, &text, run, track, Event::Kind::span});
}

void instant(Track track, const Text& text, Time time, std::uint64_t run) noexcept {
  record({time, time, &text, run, track, Event::Kind::instant});
}

void waited(const Text& text, Time begin, Time end, std::uint64_t run) noexcept {
  record({begin, end, &text, run, queue_track, Event::Kind::waited});
}

}  // namespace coinfer::trace
