#include "coinfer/version.hpp"

namespace coinfer {

std::string_view version() noexcept { return COINFER_VERSION; }

}  // namespace coinfer
