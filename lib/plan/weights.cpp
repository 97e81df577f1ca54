#include "coinfer/profiling.hpp"
#include "plan/onednn.hpp"
#include "plan/weights_store.hpp"
#include "tensor/pages.hpp"

namespace coinfer::plan {
namespace {

void trace_packing(std::chrono::steady_clock::time_point begin) {
  if (trace::on()) {
    trace::span(trace::this_thread(), trace::text("pack weights"), begin,
                std::chrono::steady_clock::now());
  }
}

/// Layouts that can be known again in another process, as texts: those of oneDNN by what it tells
/// of them, those of our own kernels by their kind alone. Null when they cannot.
struct Layouts {
  std::string from;
  std::string to;
};
std::optional<Layouts> layouts_of(const Weights::Impl::Packed& packed) {
  if (packed.to.is_zero()) {
    return Layouts{};
  }
  Layouts layouts{layout_key(packed.from), layout_key(packed.to, !packed.kind.empty())};
  return layouts.from.empty() || layouts.to.empty() ? std::nullopt : std::optional{layouts};
}

}  // namespace

Weights::Weights() : impl_{std::make_unique<Impl>()} {}
Weights::~Weights() = default;

std::size_t Weights::bytes() const {
  const std::lock_guard lock{impl_->mutex};
  return impl_->bytes;
}

std::size_t Weights::packings() const noexcept {
  return impl_->packings.load(std::memory_order_relaxed);
}

void Weights::on_packed(Packed call) { impl_->on_packed = call; }

std::vector<Weights::Stored> Weights::packed() const {
  std::vector<Stored> all;
  const std::lock_guard lock{impl_->mutex};
  for (const auto& [data, entry] : impl_->packed) {
    const auto source = entry.source.lock();
    const auto layouts = layouts_of(entry);
    if (source && layouts) {
      const auto offset =
          static_cast<std::size_t>(static_cast<const std::byte*>(data) - source->data());
      const auto bytes = static_cast<std::int64_t>(source->bytes() - offset);
      all.push_back({Tensor{ElementType::u8, Shape{bytes}, source, offset}, entry.offset,
                     layouts->from, layouts->to, entry.kind, entry.memory});
    }
  }
  return all;
}

void Weights::preload(std::vector<Stored> stored) {
  const std::lock_guard lock{impl_->mutex};
  for (auto& one : stored) {
    const auto* data = one.constant.data();
    impl_->stored.emplace(data, std::move(one));
  }
}

MemoryRef Weights::Impl::find_stored(const Tensor& constant, const Packed& wanted,
                                     std::size_t bytes) const {
  const std::lock_guard lock{mutex};
  const auto [begin, end] = stored.equal_range(constant.data());
  if (begin == end) {
    return nullptr;
  }
  const auto layouts = layouts_of(wanted);
  if (!layouts) {
    return nullptr;
  }
  for (auto i = begin; i != end; ++i) {
    const auto& one = i->second;
    if (one.offset == wanted.offset && one.kind == wanted.kind && one.from == layouts->from &&
        one.to == layouts->to && one.constant.memory() == constant.memory() &&
        one.memory->bytes() == bytes) {
      return one.memory;
    }
  }
  return nullptr;
}

MemoryRef Weights::Impl::find(const Tensor& constant, const Packed& wanted,
                              std::size_t size) const {
  const auto [begin, end] = packed.equal_range(constant.data());
  for (auto i = begin; i != end; ++i) {
    const auto& entry = i->second;
    if (entry.offset == wanted.offset && entry.kind == wanted.kind && entry.from == wanted.from &&
        entry.to == wanted.to && entry.memory->bytes() == size &&
        entry.source.lock() == constant.memory()) {
      return entry.memory;
    }
  }
  return nullptr;
}

MemoryRef Weights::Impl::insert(const Tensor& constant, Packed entry) {
  const std::lock_guard lock{mutex};
  // Packing ran without the lock (it may run other tasks of the arena): another plan may have won.
  if (auto winner = find(constant, entry, entry.memory->bytes())) {
    return winner;
  }
  const auto [begin, end] = packed.equal_range(constant.data());
  for (auto i = begin; i != end;) {
    if (i->second.source.expired()) {
      bytes -= i->second.memory->bytes();
      i = packed.erase(i);
    } else {
      ++i;
    }
  }
  bytes += entry.memory->bytes();
  return packed.emplace(constant.data(), std::move(entry))->second.memory;
}

MemoryRef Weights::Impl::pack(const Tensor& constant, std::int64_t offset,
                              const dnnl::memory::desc& from, const dnnl::memory::desc& to,
                              const std::string& kind) {
  Packed entry{constant.memory(), offset, from, to, kind, nullptr};
  {
    const std::lock_guard lock{mutex};
    if (auto found = find(constant, entry, to.get_size())) {
      return found;
    }
  }
  entry.memory = find_stored(constant, entry, to.get_size());
  if (entry.memory) {
    return insert(constant, std::move(entry));
  }
  return make(constant, std::move(entry), to.get_size(), [&](void* target) {
    dnnl::memory src{from, engine(), static_cast<std::byte*>(constant.data()) + offset};
    dnnl::memory dst{to, engine(), target};
    dnnl::stream stream{engine()};
    dnnl::reorder{src, dst}.execute(stream, src, dst);
    stream.wait();
  });
}

/// Memory that `fill` has filled, which is not there yet.
MemoryRef Weights::Impl::make(const Tensor& constant, Packed entry, std::size_t size,
                              const std::function<void(void*)>& fill) {
  const auto begin = std::chrono::steady_clock::now();
  entry.memory = memory.allocate(size);
  make_present(entry.memory->data(), size);
  fill(entry.memory->data());
  if (on_packed != nullptr && constant.is_continuous()) {
    on_packed({constant.data<const std::byte>(), constant.byte_size()});
  }
  packings.fetch_add(1, std::memory_order_relaxed);
  trace_packing(begin);
  return insert(constant, std::move(entry));
}

std::vector<dnnl::memory::desc> Weights::Impl::layouts(const Tensor& constant, std::int64_t offset,
                                                       const dnnl::memory::desc& from) const {
  std::vector<dnnl::memory::desc> found;
  const std::lock_guard lock{mutex};
  const auto [begin, end] = packed.equal_range(constant.data());
  for (auto i = begin; i != end; ++i) {
    const auto& entry = i->second;
    if (entry.offset == offset && entry.kind.empty() && entry.from == from &&
        entry.source.lock() == constant.memory()) {
      found.push_back(entry.to);
    }
  }
  return found;
}

MemoryRef Weights::Impl::derive(const Tensor& constant, const std::string& kind, std::size_t size,
                                const std::function<void(void*)>& fill) {
  Packed entry{constant.memory(), 0, {}, {}, kind, nullptr};
  {
    const std::lock_guard lock{mutex};
    if (auto found = find(constant, entry, size)) {
      return found;
    }
  }
  entry.memory = find_stored(constant, entry, size);
  if (entry.memory) {
    return insert(constant, std::move(entry));
  }
  return make(constant, std::move(entry), size, fill);
}

}  // namespace coinfer::plan
