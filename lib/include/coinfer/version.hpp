#pragma once

#include <string_view>

namespace coinfer {

/// This library's version: "1.2.3".
std::string_view version() noexcept;

}  // namespace coinfer
