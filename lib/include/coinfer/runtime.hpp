#pragma once

#include <cstdint>

namespace coinfer {

/// Closes admissions, lets running inferences stop at their next step, and joins all threads. Later
/// starts throw Error. Called at interpreter exit; a C++ program may call it before `main` ends.
void shutdown() noexcept;

/// Native objects alive now; each is 0 when everything was released.
struct LiveObjects {
  std::int64_t operations = 0;
  std::int64_t requests = 0;
  std::int64_t compiled_models = 0;
};
LiveObjects live_objects() noexcept;

}  // namespace coinfer
