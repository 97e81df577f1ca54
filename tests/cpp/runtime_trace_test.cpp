#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <thread>

#include "coinfer/error.hpp"
#include "program.hpp"
#include "runtime/trace.hpp"
#include "small_models.hpp"

using namespace coinfer;
using namespace coinfer::testing;
using namespace std::chrono_literals;

namespace {

struct TraceFile {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("coinfer_trace_" + std::to_string(getpid()) + ".json");
  ~TraceFile() { std::filesystem::remove(path); }
  std::string read() const {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(runtime_trace)

BOOST_AUTO_TEST_CASE(runs_are_recorded_between_start_and_stop) {
  const TraceFile file;
  const auto compiled = compile(slow(3, 32));
  auto request = compiled.create_infer_request();
  request.infer();
  trace::start(file.path);
  BOOST_TEST(trace::on());
  request.infer();
  request.start_async();
  request.wait();
  trace::stop();
  BOOST_TEST(!trace::on());
  request.infer();
  trace::stop();
  const auto text = file.read();
  BOOST_TEST(count(text, R"("ph":"X","name":"test")") == 2);
  BOOST_TEST(count(text, R"("ph":"b")") == 2);
  BOOST_TEST(count(text, R"("ph":"X","name":"infer")") == 1);
  BOOST_TEST(count(text, R"("node":)") == 6);
}

BOOST_AUTO_TEST_CASE(threads_may_record_while_traces_start_and_stop) {
  const TraceFile file;
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      const auto track = trace::new_track(trace::Group::callers, "recorder");
      const auto& text = trace::text("work");
      while (!over) {
        const auto now = std::chrono::steady_clock::now();
        trace::span(track, text, now, now + 1us, trace::next_run());
        trace::instant(trace::this_thread(), text, now);
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    trace::start(file.path);
    std::this_thread::sleep_for(1ms);
    trace::stop();
    const auto text = file.read();
    BOOST_TEST(text.ends_with("}}\n"));
    BOOST_TEST(count(text, "\n{") == count(text, "{\"ph\":"));
  }
  over = true;
  for (auto& thread : threads) {
    thread.join();
  }
}

BOOST_AUTO_TEST_CASE(a_buffer_is_bounded_and_says_what_it_lost) {
  trace::Buffer buffer;
  for (std::size_t i = 0; i < trace::Buffer::max_events + 5; ++i) {
    buffer.append({.run = i});
  }
  std::vector<trace::Event> events;
  buffer.copy_to(events);
  BOOST_TEST(events.size() == trace::Buffer::max_events);
  BOOST_TEST(events.back().run == trace::Buffer::max_events - 1);
  BOOST_TEST(buffer.dropped() == 5);
  BOOST_TEST(trace::to_json({}, {}, {}, 5).find(R"("dropped_events":5)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(any_name_is_valid_json) {
  BOOST_TEST(trace::json_string("a\"b\\c\n") == R"("a\"b\\c\u000a")");
  BOOST_TEST(trace::json_string("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80") ==
             "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
  // Cut short, too long for its value, a surrogate, beyond Unicode, a lone continuation.
  for (const auto* bad : {"\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80"}) {
    BOOST_TEST(trace::json_string(bad).find_first_not_of("\"\\ufd") == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_second_trace_and_a_bad_path_are_refused) {
  const TraceFile file;
  trace::start(file.path);
  BOOST_CHECK_THROW(trace::start(file.path), Error);
  trace::stop();
  BOOST_CHECK_EXCEPTION(trace::start("/nowhere/trace.json"), Error, [](const Error& error) {
    return std::string_view{error.what()}.find("'/nowhere/trace.json'") != std::string_view::npos;
  });
  BOOST_TEST(!trace::on());
}

BOOST_AUTO_TEST_CASE(without_a_trace_no_step_looks_at_the_clock_and_nothing_is_allocated) {
  BOOST_TEST(status_of("coinfer_untraced_runs") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
