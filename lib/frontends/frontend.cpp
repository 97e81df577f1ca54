#include "frontends/frontend.hpp"

#include <new>

#include "coinfer/error.hpp"
#include "frontends/format.hpp"
#include "frontends/ir/reader.hpp"
#include "frontends/mapped_file.hpp"
#include "frontends/onnx/reader.hpp"

namespace coinfer::frontends {
namespace {

/// Error texts reach Python as UTF-8: bytes of a hostile file must not break them.
std::string printable(std::string_view text) {
  constexpr std::size_t limit = 2000;
  std::string result;
  for (std::size_t i = 0; i < text.size() && result.size() < limit;) {
    const auto length = utf8_length(text.substr(i));
    if (length == 0 || static_cast<unsigned char>(text[i]) < 0x20) {
      result += '?';
      ++i;
      continue;
    }
    result += text.substr(i, length);
    i += length;
  }
  if (result.size() >= limit) {
    result += "…";
  }
  return result;
}

template <class Read>
std::shared_ptr<graph::Graph> named(const std::string& source, Read read) {
  const auto text = [&](std::string_view what) {
    return printable(fmt::format("cannot read the model {}: {}", source, what));
  };
  try {
    return read();
  } catch (const Unsupported& error) {
    throw Unsupported(text(error.what()));
  } catch (const Error& error) {
    throw ModelFileError(text(error.what()));
  } catch (const std::bad_alloc&) {
    throw ModelFileError(text("it needs more memory than there is"));
  } catch (const std::length_error&) {
    throw ModelFileError(text("it declares a size that is too large"));
  }
}

void refuse_weights(bool given) {
  if (given) {
    throw Unsupported("weights apart from the model belong to an OpenVINO IR, which this is not");
  }
}

std::shared_ptr<graph::Graph> read_memory(const MemoryRef& memory, onnx::ExternalData external) {
  const auto bytes = bytes_of(memory);
  if (const auto other = describe_other_format(bytes); !other.empty()) {
    throw ModelFileError(other);
  }
  return onnx::read(memory, std::move(external));
}

}  // namespace

std::shared_ptr<graph::Graph> read_file(const std::filesystem::path& path,
                                        const std::filesystem::path& weights, bool map) {
  return named(fmt::format("'{}'", path.string()), [&] {
    const auto memory = load_file(path, map);
    if (ir::is_ir(bytes_of(memory))) {
      auto beside = path;
      beside.replace_extension(".bin");
      const bool given = !weights.empty();
      // A network without constants may have no .bin.
      const bool exists = given || std::filesystem::exists(beside);
      return ir::read(bytes_of(memory),
                      exists ? load_file(given ? weights : beside, map) : MemoryRef{});
    }
    refuse_weights(!weights.empty());
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
    return read_memory(memory, onnx::ExternalData{folder});
  });
}

std::shared_ptr<graph::Graph> read_bytes(std::span<const std::byte> bytes,
                                         std::shared_ptr<void> owner, MemoryRef weights) {
  return named(fmt::format("of {} bytes", bytes.size()), [&] {
    if (ir::is_ir(bytes)) {
      return ir::read(bytes, weights);
    }
    refuse_weights(weights && weights->bytes() != 0);
    // The memory is marked read-only: no one writes through this pointer.
    auto* data = const_cast<std::byte*>(bytes.data());
    return read_memory(Memory::wrap(data, bytes.size(), std::move(owner), true), {});
  });
}

}  // namespace coinfer::frontends
