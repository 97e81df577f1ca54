// Where kernels/panel_conv is quicker than oneDNN's convolutions, and kernels/winograd than both:
// one thread, weights that are in no cache of a core, as they are in a network. ops/panels.cpp and
// ops/winograd.cpp have the rules that follow.
//   panel_bench [--seconds 0.02] of each measurement
#include <fmt/format.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <dnnl.hpp>
#include <iostream>
#include <limits>
#include <string_view>
#include <vector>

#include "kernels/panel_conv.hpp"
#include "kernels/parts.hpp"
#include "kernels/winograd.hpp"
#include "plan/onednn.hpp"

using namespace coinfer;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t out_of_caches = std::size_t{48} << 20;

struct Measured {
  double panels = std::numeric_limits<double>::infinity();  // without AVX-512
  double onednn = 0;
  double winograd = 0;
};

/// The best of all calls, in microseconds; each call reads the next copy of the weights.
template <class Call>
double best_of(double seconds, std::size_t copies, const Call& call) {
  double best = 1e9;
  const auto start = Clock::now();
  for (std::size_t i = 0;
       i < 3 || std::chrono::duration<double>(Clock::now() - start).count() < seconds; ++i) {
    const auto before = Clock::now();
    call(i % copies);
    best = std::min(best, std::chrono::duration<double, std::micro>(Clock::now() - before).count());
  }
  return best;
}

struct Extents {
  std::int64_t height, width;
};

Measured measure(std::int64_t in, std::int64_t out, const Extents& image, const Extents& window,
                 double seconds) {
  using Tag = dnnl::memory::format_tag;
  const auto type = dnnl::memory::data_type::f32;
  const auto& engine = plan::engine();
  const Extents pad{window.height / 2, window.width / 2};
  const dnnl::memory::desc src_desc{{1, in, image.height, image.width}, type, Tag::nhwc};
  const dnnl::memory::desc dst_desc{{1, out, image.height, image.width}, type, Tag::nhwc};
  const dnnl::memory::desc bias_desc{{out}, type, Tag::a};
  const dnnl::memory::desc any{{out, in, window.height, window.width}, type, Tag::any};
  const dnnl::memory::desc panels{{out, in, window.height, window.width}, type, Tag::Acdb64a};
  const dnnl::convolution_forward::primitive_desc desc{engine,
                                                       dnnl::prop_kind::forward_inference,
                                                       dnnl::algorithm::convolution_direct,
                                                       src_desc,
                                                       any,
                                                       bias_desc,
                                                       dst_desc,
                                                       {1, 1},
                                                       {pad.height, pad.width},
                                                       {pad.height, pad.width},
                                                       plan::attributes()};
  kernels::Winograd::Form transformed{.in = in, .out = out, .bias = true};
  transformed.height = transformed.out_height = image.height;
  transformed.width = transformed.out_width = image.width;
  transformed.pad_top = pad.height;
  transformed.pad_left = pad.width;
  transformed.line = window.height == 1 ? window.width : 0;
  const bool filtered = window.width >= 3;
  const auto bytes = std::max(
      {panels.get_size(), desc.weights_desc().get_size(),
       filtered ? static_cast<std::size_t>(transformed.packed_floats()) * sizeof(float) : 0});
  const auto copies = std::clamp<std::size_t>(out_of_caches / bytes, 1, 64);
  std::vector<float> weights(copies * bytes / sizeof(float), 0.01F);
  std::vector<float> src(src_desc.get_size() / sizeof(float), 1.0F);
  std::vector<float> dst(dst_desc.get_size() / sizeof(float));
  std::vector<float> bias(static_cast<std::size_t>(out));
  const auto copy = [&](std::size_t i) { return weights.data() + i * bytes / sizeof(float); };

  const dnnl::convolution_forward convolution{desc};
  dnnl::memory src_memory{src_desc, engine, src.data()};
  dnnl::memory dst_memory{dst_desc, engine, dst.data()};
  dnnl::memory bias_memory{bias_desc, engine, bias.data()};
  dnnl::memory scratchpad{desc.scratchpad_desc(), engine};
  dnnl::memory weights_memory{desc.weights_desc(), engine, weights.data()};
  dnnl::stream stream{engine};
  Measured result;
  result.onednn = best_of(seconds, copies, [&](std::size_t i) {
    weights_memory.set_data_handle(copy(i));
    convolution.execute(stream, {{DNNL_ARG_SRC, src_memory},
                                 {DNNL_ARG_WEIGHTS, weights_memory},
                                 {DNNL_ARG_BIAS, bias_memory},
                                 {DNNL_ARG_DST, dst_memory},
                                 {DNNL_ARG_SCRATCHPAD, scratchpad}});
    stream.wait();
  });
  kernels::PanelConv::Form form{.in = in, .out = out};
  form.height = form.out_height = image.height;
  form.width = form.out_width = image.width;
  form.kernel_height = window.height;
  form.kernel_width = window.width;
  form.pad_top = pad.height;
  form.pad_left = pad.width;
  form.bias = true;
  std::vector<float> scratch;
  const auto measure_own = [&](std::int64_t scratch_floats, const ops::Kernel& call) {
    scratch.resize(static_cast<std::size_t>(scratch_floats));
    return best_of(seconds, copies, [&](std::size_t i) {
      const void* const from[] = {src.data(), copy(i), bias.data()};
      void* const to[] = {dst.data(), scratch.data()};
      call(from, to);
    });
  };
  if (kernels::has_panel_conv()) {
    const kernels::PanelConv own{form};
    result.panels = measure_own(own.scratch_floats(1), kernels::together(own.parts(1)));
  }
  if (filtered) {
    const kernels::Winograd own{transformed, 1};
    result.winograd = measure_own(own.scratch_floats(), own.kernel());
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 0.02;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string_view{argv[i]} == "--seconds") {
      seconds = std::atof(argv[i + 1]);
    }
  }
  if (!kernels::has_winograd()) {
    std::cerr << "this machine has no AVX2\n";
    return 1;
  }
  const auto print = [&](const char* title, const Extents& window, auto ratio,
                         std::initializer_list<std::pair<std::int64_t, std::int64_t>> channels) {
    std::cout << title << ", by pixels; windows of " << window.height << "x" << window.width
              << "\n   in    out";
    std::vector<Extents> images;
    for (const std::int64_t side : {1, 2, 3, 4, 5, 7, 8, 10, 14, 20, 28, 56}) {
      images.push_back(window.height < window.width ? Extents{1, side * side}
                                                    : Extents{side, side});
    }
    for (const auto& image : images) {
      std::cout << fmt::format("  {:>5}", fmt::format("{}x{}", image.height, image.width));
    }
    std::cout << "\n";
    tbb::task_arena arena{1};
    for (const auto& [in, out] : channels) {
      std::cout << fmt::format("{:>5}  {:>5}", in, out);
      for (const auto& image : images) {
        Measured measured;
        arena.execute([&] { measured = measure(in, out, image, window, seconds); });
        std::cout << fmt::format("  {:>5.2f}", ratio(measured)) << std::flush;
      }
      std::cout << "\n";
    }
  };
  const auto panels = [](const Measured& measured) { return measured.panels / measured.onednn; };
  print("time of kernels/panel_conv over oneDNN's", {1, 1}, panels,
        {{32, 64},
         {64, 64},
         {64, 256},
         {128, 32},
         {128, 96},
         {128, 128},
         {128, 512},
         {256, 160},
         {256, 256},
         {256, 1024},
         {512, 48},
         {512, 128},
         {512, 512},
         {832, 384},
         {1024, 256},
         {512, 2048},
         {2048, 512}});
  const auto small_windows = {std::pair<std::int64_t, std::int64_t>{8, 16},
                              {16, 16},
                              {16, 64},
                              {32, 32},
                              {32, 64},
                              {48, 192},
                              {64, 64},
                              {64, 256},
                              {128, 32},
                              {128, 96},
                              {128, 128},
                              {256, 160},
                              {256, 256},
                              {512, 48},
                              {512, 128},
                              {512, 512}};
  print("time of kernels/panel_conv over oneDNN's", {3, 3}, panels, small_windows);
  const auto filtered = [](const Measured& measured) {
    return measured.winograd / std::min(measured.onednn, measured.panels);
  };
  for (const auto& window : {Extents{3, 3}, {1, 3}, {1, 5}}) {
    print("time of kernels/winograd over the better one's", window, filtered, small_windows);
  }
}
