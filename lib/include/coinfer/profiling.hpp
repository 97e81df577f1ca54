#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

/// Records what the runtime does, for Perfetto (https://ui.perfetto.dev) or chrome://tracing.
///
/// Events go to a buffer of the thread that records them, without locks, at most 262,144 a thread;
/// the file is written when the trace stops, or when the process ends. Without a trace a run costs
/// one look at a flag. *Thread safety*: all functions: safe.
namespace coinfer::trace {

/// Begins to record. The environment variable COINFER_TRACE does the same at the first use of the
/// runtime; `%p` in either path stands for the process id. Throws Error when a trace is being
/// recorded already, or naming a file that cannot be written.
void start(const std::filesystem::path& path);
/// Writes the file: JSON in Chrome's trace event format. Nothing when no trace is recorded. Throws
/// Error when it cannot be written.
void stop();

namespace detail {
inline std::atomic<bool> recording{false};
}
/// Is a trace being recorded?
inline bool on() noexcept { return detail::recording.load(std::memory_order_relaxed); }

// --- for those who record

using Time = std::chrono::steady_clock::time_point;

/// Tracks of one kind are shown together.
enum class Group : std::uint8_t { streams = 1, queue, loops, callbacks, callers };
/// A row of spans that nest in one another.
using Track = std::uint32_t;
/// A new row.
Track new_track(Group group, std::string name);
/// The row of the calling thread, among the callers.
Track this_thread();

/// What events are called, and what is told of them: names and values, JSON without the braces.
struct Text {
  std::string name;
  std::string arguments;
};
/// The one Text with this content; it lives as long as the process.
const Text& text(std::string_view name, std::string_view arguments = {});
/// A string as JSON, in quotes.
std::string json_string(std::string_view text);

/// A number for the next recorded run, never 0.
std::uint64_t next_run() noexcept;

/// Something that lasted from `begin` to `end`; `run` is the run it belongs to, or 0. `text` lives
/// as long as the process.
void span(Track track, const Text& text, Time begin, Time end, std::uint64_t run = 0) noexcept;
/// Something that happened at `time`.
void instant(Track track, const Text& text, Time time, std::uint64_t run = 0) noexcept;
/// A span that overlaps others of its row: the wait of a run in its queue.
void waited(const Text& text, Time begin, Time end, std::uint64_t run) noexcept;

}  // namespace coinfer::trace
