// libFuzzer: any bytes give a model or a coinfer::Error. Run it on the zoo's networks:
//   cmake --preset fuzz && cmake --build --preset fuzz
//   mkdir -p build/fuzz/corpus
//   build/fuzz/tests/fuzz/coinfer_onnx_fuzzer -max_total_time=300 -rss_limit_mb=4096 -timeout=20
//       build/fuzz/corpus .venv/lib/python3.11/site-packages/onnx/backend/test/data/light
#include <string>

#include "coinfer/error.hpp"
#include "frontends/frontend.hpp"
#include "passes/passes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = std::make_shared<std::string>(reinterpret_cast<const char*>(data), size);
  try {
    const auto graph = coinfer::frontends::read_bytes(std::as_bytes(std::span{*bytes}), bytes);
    coinfer::passes::optimise(*graph);
  } catch (const coinfer::Error&) {
  }
  return 0;
}
