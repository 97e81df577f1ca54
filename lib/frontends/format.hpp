#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace coinfer::frontends {

/// "it looks like a zip archive, not an ONNX model" when the first bytes show another format (or
/// there are none), else empty: ONNX itself has no signature.
std::string describe_other_format(std::span<const std::byte> bytes);

/// Bytes of the UTF-8 character that `text` starts with; 0 when it starts with none.
std::size_t utf8_length(std::string_view text);

}  // namespace coinfer::frontends
