#include "frontends/format.hpp"

namespace coinfer::frontends {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view bytes;
  std::string_view name;
};

constexpr std::array<Signature, 13> signatures{{
    {"PK\x03\x04"sv, "a zip archive (a PyTorch file?)"sv},
    {"\x1f\x8b"sv, "a gzip file"sv},
    {"\x89HDF\r\n\x1a\n"sv, "an HDF5 file (a Keras model?)"sv},
    {"GGUF"sv, "a GGUF file"sv},
    {"\x7f"
     "ELF"sv,
     "an ELF program or library"sv},
    {"%PDF"sv, "a PDF document"sv},
    {"\x80\x02"sv, "a Python pickle"sv},
    {"\x80\x04"sv, "a Python pickle"sv},
    {"\x93NUMPY"sv, "a numpy array"sv},
    {"version https://git-lfs"sv, "a git-lfs pointer: fetch the file itself with git lfs pull"sv},
    {"ORTM"sv, "an ONNX Runtime (ORT) file"sv},
    {"\xff\xfe<"sv, "a text in UTF-16 (OpenVINO IR is read in UTF-8)"sv},
    {"\xfe\xff"sv, "a text in UTF-16 (OpenVINO IR is read in UTF-8)"sv},
}};

std::string_view text_format(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) {
    text.remove_prefix(3);
  }
  const auto start = text.find_first_not_of(" \n\r\t");
  if (start == std::string_view::npos) {
    return {};
  }
  const auto body = text.substr(start, 4096);
  if (body.starts_with("<?xml") || body.starts_with("<net")) {
    return "an XML file";
  }
  if (body.starts_with("<!DOCTYPE") || body.starts_with("<html")) {
    return "an HTML page";
  }
  if (body.starts_with('{') || body.starts_with('[')) {
    const auto next = body.substr(1).find_first_not_of(" \n\r\t");
    const auto after = next == std::string_view::npos ? '\0' : body[next + 1];
    if (after == '"' || after == '{' || after == '[' || after == '}' || after == ']' ||
        (after >= '0' && after <= '9')) {
      return "a JSON file";
    }
  }
  return {};
}

}  // namespace

std::string describe_other_format(std::span<const std::byte> bytes) {
  if (bytes.empty()) {
    return "it is empty";
  }
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  for (const auto& signature : signatures) {
    if (text.starts_with(signature.bytes)) {
      return fmt::format("it looks like {}, not an ONNX model", signature.name);
    }
  }
  // FlatBuffers carry their identifier at byte 4.
  if (text.size() >= 8 && text.substr(4, 4) == "TFL3") {
    return "it looks like a TensorFlow Lite model, not an ONNX model";
  }
  if (const auto name = text_format(text); !name.empty()) {
    return fmt::format("it looks like {}, not an ONNX model", name);
  }
  return {};
}

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) {
    return 1;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) {
    return 0;
  }
  auto code = static_cast<std::uint32_t>(first & (0xff >> (length + 1)));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) {
      return 0;
    }
    code = code << 6 | (next & 0x3f);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return overlong || surrogate || code > 0x10ffff ? 0 : length;
}

}  // namespace coinfer::frontends
