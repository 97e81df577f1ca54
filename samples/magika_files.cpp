// Tells what kind of content is in files, with the Magika network and one coroutine per request.
//
//   magika_files FOLDER FILE...
//
// FOLDER holds model.onnx, config.min.json and content_types_kb.min.json of the magika wheel;
// `python -m samples.magika.network` fetches them and prints where they are.

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/src.hpp>  // header-only use of Boost.JSON
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "coinfer/core.hpp"

namespace {

namespace asio = boost::asio;
namespace json = boost::json;

json::object read_json(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) {
    throw std::runtime_error{"cannot read " + path.string()};
  }
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  return json::parse(text).as_object();
}

/// What belongs to the network: sizes of its input, names of its outputs, when to believe it.
struct Network {
  explicit Network(const std::filesystem::path& folder)
      : config{read_json(folder / "config.min.json")},
        head_size{size("beg_size")},
        tail_size{size("end_size")},
        block_size{size("block_size")},
        minimum{size("min_file_size_for_dl")},
        padding{config.at("padding_token").to_number<std::int32_t>()} {
    for (const auto& [name, kind] : read_json(folder / "content_types_kb.min.json")) {
      if (kind.at("is_text").as_bool()) {
        text_types.insert(std::string{name});
      }
    }
  }

  /// The best label if the network is sure enough of it, else "txt" or "unknown".
  std::string label(std::span<const float> scores) const {
    const auto best = std::ranges::max_element(scores) - scores.begin();
    const auto& names = config.at("target_labels_space").as_array();
    std::string name{names.at(static_cast<std::size_t>(best)).as_string()};
    const auto& thresholds = config.at("thresholds").as_object();
    const auto* own = thresholds.if_contains(name);
    const double threshold = own != nullptr
                                 ? own->to_number<double>()
                                 : config.at("medium_confidence_threshold").to_number<double>();
    const bool sure = static_cast<double>(scores[static_cast<std::size_t>(best)]) >= threshold;
    if (const auto* other = config.at("overwrite_map").as_object().if_contains(name)) {
      name = other->as_string();
    }
    if (sure) {
      return name;
    }
    return text_types.contains(name) ? "txt" : "unknown";
  }

  std::size_t size(const char* key) const { return config.at(key).to_number<std::size_t>(); }

  json::object config;
  std::set<std::string> text_types;
  std::size_t head_size;
  std::size_t tail_size;
  std::size_t block_size;
  std::size_t minimum;
  std::int32_t padding;
};

/// At most one block from each end of a file.
struct Ends {
  std::size_t size = 0;
  std::string head;
  std::string tail;
};

Ends read_ends(const std::filesystem::path& path, std::size_t block) {
  std::ifstream file{path, std::ios::binary};
  if (!file) {
    throw std::runtime_error{"cannot read " + path.string()};
  }
  Ends ends{.size = std::filesystem::file_size(path), .head = {}, .tail = {}};
  ends.head.resize(std::min(ends.size, block));
  file.read(ends.head.data(), static_cast<std::streamsize>(ends.head.size()));
  ends.tail.resize(ends.head.size());
  file.seekg(static_cast<std::streamoff>(ends.size - ends.tail.size()));
  file.read(ends.tail.data(), static_cast<std::streamsize>(ends.tail.size()));
  return ends;
}

constexpr std::string_view white_space = " \t\n\r\v\f";

std::string_view head_of(const Ends& ends, const Network& network) {
  const auto begin = std::min(ends.head.find_first_not_of(white_space), ends.head.size());
  return std::string_view{ends.head}.substr(begin, network.head_size);
}

std::string_view tail_of(const Ends& ends, const Network& network) {
  const auto end = ends.tail.find_last_not_of(white_space) + 1;  // npos + 1 is 0
  const auto text = std::string_view{ends.tail}.substr(0, end);
  return text.substr(text.size() - std::min(text.size(), network.tail_size));
}

/// Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const int more = lead < 0x80   ? 0
                     : lead < 0xC2 ? -1
                     : lead < 0xE0 ? 1
                     : lead < 0xF0 ? 2
                     : lead < 0xF5 ? 3
                                   : -1;
    if (more < 0 || text.size() - i < static_cast<std::size_t>(more)) {
      return false;
    }
    for (int k = 0; k < more; ++k) {
      const auto byte = static_cast<unsigned char>(text[i++]);
      const unsigned low = k > 0 ? 0x80 : lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
      const unsigned high = k > 0 ? 0xBF : lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
      if (byte < low || byte > high) {
        return false;
      }
    }
  }
  return true;
}

/// Writes the network's input; false when there are too few bytes to ask it.
bool write_features(const Ends& ends, const Network& network, std::span<std::int32_t> row) {
  const auto head = head_of(ends, network);
  const auto tail = tail_of(ends, network);
  if (ends.size < network.minimum || head.size() < network.minimum) {
    return false;
  }
  const auto to_int = [](char byte) { return std::int32_t{static_cast<unsigned char>(byte)}; };
  std::ranges::fill(row, network.padding);
  std::ranges::transform(head, row.begin(), to_int);
  std::ranges::transform(tail, row.end() - static_cast<std::ptrdiff_t>(tail.size()), to_int);
  return true;
}

/// The files, shared by the coroutines of one thread.
struct Job {
  const Network& network;
  std::span<char*> files;
  std::vector<std::string> labels{};
  std::size_t next = 0;
};

asio::awaitable<void> identify(Job& job, coinfer::InferRequest request) {
  const coinfer::Shape shape{
      1, static_cast<std::int64_t>(job.network.head_size + job.network.tail_size)};
  coinfer::Tensor input = request.own_input_tensor(0, shape);
  const std::span row{input.data<std::int32_t>(), job.network.head_size + job.network.tail_size};
  while (job.next < job.files.size()) {
    const std::size_t index = job.next++;
    const Ends ends = read_ends(job.files[index], job.network.block_size);
    if (!write_features(ends, job.network, row)) {
      job.labels[index] = ends.size == 0 ? "empty" : is_utf8(ends.head) ? "txt" : "unknown";
      continue;
    }
    co_await request.async_infer(asio::use_awaitable);
    const coinfer::Tensor scores = request.output_tensor(0);
    job.labels[index] =
        job.network.label({scores.data<float>(), static_cast<std::size_t>(scores.size())});
  }
}

int run(const std::filesystem::path& folder, std::span<char*> files) {
  constexpr int requests = 16;
  const Network network{folder};
  const coinfer::Core core;
  const auto compiled =
      core.compile_model(folder / "model.onnx", "CPU",
                         {{"PERFORMANCE_HINT", "THROUGHPUT"}, {"INFERENCE_PRECISION_HINT", "f32"}});

  Job job{.network = network, .files = files};
  job.labels.resize(files.size());
  asio::io_context context{1};
  std::exception_ptr failure;
  // The first failure ends the job, but what is in flight must come home before the context goes.
  const auto finished = [&](std::exception_ptr error) {
    if (error && !failure) {
      failure = error;
      job.next = files.size();
    }
  };
  for (int i = 0; i < requests; ++i) {
    asio::co_spawn(context, identify(job, compiled.create_infer_request()), finished);
  }
  context.run();
  if (failure) {
    std::rethrow_exception(failure);
  }

  for (std::size_t i = 0; i < files.size(); ++i) {
    std::cout << files[i] << ": " << job.labels[i] << '\n';
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: magika_files FOLDER FILE...\n";
    return 2;
  }
  try {
    return run(argv[1], {argv + 2, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "magika_files: " << error.what() << '\n';
    return 1;
  }
}
