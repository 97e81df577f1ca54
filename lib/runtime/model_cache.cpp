#include "runtime/model_cache.hpp"

#include <unistd.h>

#include <dnnl.hpp>
#include <fstream>

#include "coinfer/error.hpp"
#include "coinfer/version.hpp"
#include "frontends/mapped_file.hpp"
#include "kernels/parallel.hpp"
#include "runtime/device.hpp"
#include "runtime/exported_model.hpp"
#include "serialization/checksum.hpp"
#include "serialization/graph.hpp"

namespace coinfer::runtime {
namespace {

using namespace serialization;

/// Tells contents apart: by file and place in it where they are mapped, else by checksum.
std::uint64_t identity(const Tensor& tensor) {
  Writer text;
  if (tensor.type() == ElementType::string) {
    text.list(std::span{tensor.strings(), static_cast<std::size_t>(tensor.size())});
    return checksum(text.bytes());
  }
  if (const auto place = frontends::place_in_file(tensor.data())) {
    text.put(place->file);
    text.put(place->offset);
    return checksum(text.bytes());
  }
  if (!tensor.is_continuous()) {
    Tensor dense{tensor.type(), tensor.shape()};
    tensor.copy_to(dense);
    return identity(dense);
  }
  return checksum({static_cast<const std::byte*>(tensor.data()), tensor.byte_size()});
}

std::string name_of(const Model& model, const Config& config) {
  Writer meta;
  DataWriter data;
  TensorWriter tensors{meta, data, [](const Tensor& tensor) { return identity(tensor); }};
  put_graph(tensors, model.graph());
  meta.put(version());
  meta.put(cpu_isa());
  meta.put(dnnl_version()->hash != nullptr ? std::string_view{dnnl_version()->hash}
                                           : std::string_view{});
  meta.put(config.threads_per_stream());
  meta.put(config.cache_for_speed);
  return fmt::format("{:016x}.coinfer", checksum(meta.bytes()));
}

}  // namespace

ModelCache::ModelCache(const Model& model, const Config& config)
    : model_{model},
      path_{std::filesystem::path{config.cache_directory} / name_of(model, config)},
      threads_{config.threads},
      packed_{config.cache_for_speed} {}

std::optional<Prepared> ModelCache::load() const {
  try {
    const auto memory = frontends::load_file(path_);
    std::optional<Prepared> prepared;
    kernels::Arena arena{threads_};
    std::exception_ptr error;
    arena.execute([&] {
      try {
        prepared = read_exported(memory, &model_, threads_);
      } catch (...) {
        error = std::current_exception();
      }
    });
    if (error) {
      std::rethrow_exception(error);
    }
    // The same ports, so that those of the model and of the compiled model are equal.
    prepared->inputs = model_.inputs();
    prepared->outputs = model_.outputs();
    return prepared;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void ModelCache::store(const Compiled& compiled) const noexcept {
  std::error_code ignored;
  try {
    std::filesystem::create_directories(path_.parent_path(), ignored);
    auto temporary = path_;
    temporary += fmt::format(".{}.{}", getpid(), static_cast<const void*>(this));
    std::ofstream out{temporary, std::ios::binary | std::ios::trunc};
    if (out) {
      write_exported(out, compiled, &model_, packed_);
      out.close();
    }
    if (out) {
      std::filesystem::rename(temporary, path_, ignored);
    } else {
      std::filesystem::remove(temporary, ignored);
    }
  } catch (const std::exception&) {
    // Not kept: the next compilation does the work again.
    return;
  }
}

}  // namespace coinfer::runtime
