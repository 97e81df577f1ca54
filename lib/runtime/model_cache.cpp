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
std::uint64_t identity(const Tensor& tensor, int threads) {
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
    return identity(dense, threads);
  }
  return checksum({static_cast<const std::byte*>(tensor.data()), tensor.byte_size()}, threads);
}

/// What a compiled model depends on besides the model.
void put_environment(Writer& meta, const Config& config) {
  meta.put(version());
  meta.put(cpu_isa());
  meta.put(std::string_view{dnnl_version()->hash});
  meta.put(config.threads_per_stream());
  meta.put(config.cache_for_speed);
}

std::string name_of(const Writer& meta) {
  return fmt::format("{:016x}.coinfer", checksum(meta.bytes()));
}

/// Calls work() with that many threads to share it.
template <class Work>
void with_threads(int threads, Work work) {
  kernels::Arena arena{threads};
  std::exception_ptr error;
  arena.execute([&] {
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
  });
  if (error) {
    std::rethrow_exception(error);
  }
}

}  // namespace

ModelCache::ModelCache(const Config& config, Model model)
    : model_{std::move(model)},
      path_{config.cache_directory},
      threads_{config.threads},
      packed_{config.cache_for_speed} {}

ModelCache::ModelCache(const Model& model, const Config& config) : ModelCache{config, model} {
  Writer meta;
  DataWriter data;
  TensorWriter tensors{meta, data,
                       [&](const Tensor& tensor) { return identity(tensor, threads_); }};
  with_threads(threads_, [&] { put_graph(tensors, model.graph()); });
  put_environment(meta, config);
  path_ /= name_of(meta);
}

ModelCache::ModelCache(const std::filesystem::path& file, const Config& config)
    : ModelCache{config, {}} {
  Writer meta;
  meta.put(std::filesystem::absolute(file).string());
  meta.put(frontends::version_of(file));
  put_environment(meta, config);
  path_ /= name_of(meta);
}

std::optional<Prepared> ModelCache::load() const {
  try {
    const auto memory = frontends::load_file(path_);
    std::optional<Prepared> prepared;
    with_threads(threads_, [&] { prepared = read_exported(memory, source(), threads_); });
    for (const auto& source : prepared->sources) {
      if (frontends::version_of(source.path) != source.version) {
        return std::nullopt;
      }
    }
    if (model_) {
      // The same ports, so that those of the model and of the compiled model are equal.
      prepared->inputs = model_.inputs();
      prepared->outputs = model_.outputs();
    }
    return prepared;
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool ModelCache::exists() const noexcept {
  std::error_code ignored;
  return std::filesystem::exists(path_, ignored);
}

ModelCache ModelCache::kept() const {
  auto copy = *this;
  if (copy.model_) {
    copy.model_ = copy.model_.clone();
  }
  return copy;
}

void ModelCache::store(const Compiled& compiled, bool has_run) const noexcept {
  std::error_code ignored;
  try {
    std::filesystem::create_directories(path_.parent_path(), ignored);
    auto temporary = path_;
    temporary += fmt::format(".{}.{}", getpid(), static_cast<const void*>(this));
    std::ofstream out{temporary, std::ios::binary | std::ios::trunc};
    if (out) {
      write_exported(out, compiled,
                     {.packed = packed_, .has_run = has_run, .source = source(), .files = files_});
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
