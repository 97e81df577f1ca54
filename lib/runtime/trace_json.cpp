#include <algorithm>
#include <iterator>

#include "runtime/trace.hpp"

namespace coinfer::trace {
namespace {

const char* title(Group group) {
  switch (group) {
    case Group::streams:
      return "streams";
    case Group::queue:
      return "queue";
    case Group::loops:
      return "event loops";
    case Group::callbacks:
      return "callbacks";
    case Group::callers:
      return "callers";
  }
  return "";
}

/// Length of the UTF-8 sequence that starts here, 0 when it is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::size_t length = 0;
  std::uint32_t code = 0;
  std::uint32_t least = 0;
  if (byte(0) < 0x80) {
    return 1;
  }
  if ((byte(0) & 0xE0U) == 0xC0) {
    length = 2, code = byte(0) & 0x1FU, least = 0x80;
  } else if ((byte(0) & 0xF0U) == 0xE0) {
    length = 3, code = byte(0) & 0x0FU, least = 0x800;
  } else if ((byte(0) & 0xF8U) == 0xF0) {
    length = 4, code = byte(0) & 0x07U, least = 0x10000;
  }
  if (length == 0 || length > text.size()) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) {
      return 0;
    }
    code = code << 6U | (byte(i) & 0x3FU);
  }
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return code < least || code > 0x10FFFF || surrogate ? 0 : length;
}

class Writer {
 public:
  explicit Writer(Time begin) : begin_{begin} {
    text_ = R"({"displayTimeUnit":"ns","traceEvents":[)";
  }

  void add_name(const char* what, unsigned group, Track track, std::string_view name) {
    separate();
    fmt::format_to(out(), R"({{"ph":"M","name":"{}","pid":{},"tid":{},"args":{{"name":{}}}}})",
                   what, group, track, json_string(name));
  }

  void add_order(unsigned group) {
    separate();
    fmt::format_to(
        out(), R"({{"ph":"M","name":"process_sort_index","pid":{0},"args":{{"sort_index":{0}}}}})",
        group);
  }

  void add(const Event& event, Group group) {
    switch (event.kind) {
      case Event::Kind::span:
        open("X", event, group, event.begin);
        fmt::format_to(out(), R"(,"dur":{})",
                       microseconds(event.end - std::max(event.begin, begin_)));
        close(event);
        break;
      case Event::Kind::instant:
        open("i", event, group, event.begin);
        text_ += R"(,"s":"t")";
        close(event);
        break;
      case Event::Kind::waited:
        for (const auto* phase : {"b", "e"}) {
          open(phase, event, group, *phase == 'b' ? event.begin : event.end);
          fmt::format_to(out(), R"(,"cat":"queue","id":"{:#x}")", event.run);
          close(event);
        }
        break;
    }
  }

  std::string finish(std::uint64_t dropped) {
    fmt::format_to(out(), "],\"otherData\":{{\"dropped_events\":{}}}}}\n", dropped);
    return std::move(text_);
  }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

  void separate() {
    text_ += first_ ? "\n" : ",\n";
    first_ = false;
  }

  static std::string microseconds(Time::duration duration) {
    const auto ns = std::max<std::int64_t>(duration / std::chrono::nanoseconds{1}, 0);
    return fmt::format("{}.{:03}", ns / 1000, ns % 1000);
  }

  void open(const char* phase, const Event& event, Group group, Time at) {
    separate();
    fmt::format_to(out(), R"({{"ph":"{}","name":{},"pid":{},"tid":{},"ts":{})", phase,
                   json_string(event.text->name), static_cast<unsigned>(group), event.track,
                   microseconds(at - begin_));
  }

  void close(const Event& event) {
    text_ += R"(,"args":{)";
    text_ += event.text->arguments;
    if (event.run != 0) {
      fmt::format_to(out(), R"({}"run":{})", event.text->arguments.empty() ? "" : ",", event.run);
    }
    text_ += "}}";
  }

  Time begin_;
  std::string text_;
  bool first_ = true;
};

}  // namespace

std::string json_string(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) {
    const auto length = sequence_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      result += "\\ufffd";
    } else if (byte < 0x20 || byte == 0x7F) {
      result += fmt::format("\\u{:04x}", byte);
    } else {
      if (byte == '"' || byte == '\\') {
        result += '\\';
      }
      result += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result + "\"";
}

std::string to_json(std::vector<Event> events, std::span<const TrackInfo> tracks, Time begin,
                    std::uint64_t dropped) {
  std::erase_if(events, [&](const Event& event) { return event.end < begin; });
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  std::vector<bool> used(tracks.size());
  for (const auto& event : events) {
    used[event.track] = true;
  }
  Writer writer{begin};
  for (const auto group :
       {Group::streams, Group::queue, Group::loops, Group::callbacks, Group::callers}) {
    const auto number = static_cast<unsigned>(group);
    writer.add_name("process_name", number, 0, title(group));
    writer.add_order(number);
    for (Track track = 0; track < tracks.size(); ++track) {
      if (used[track] && tracks[track].group == group) {
        writer.add_name("thread_name", number, track, tracks[track].name);
      }
    }
  }
  for (const auto& event : events) {
    writer.add(event, tracks[event.track].group);
  }
  return writer.finish(dropped);
}

}  // namespace coinfer::trace
