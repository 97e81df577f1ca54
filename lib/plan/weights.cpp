#include "plan/onednn.hpp"
#include "plan/weights_store.hpp"

namespace coinfer::plan {

Weights::Weights() : impl_{std::make_unique<Impl>()} {}
Weights::~Weights() = default;

std::size_t Weights::bytes() const {
  const std::lock_guard lock{impl_->mutex};
  return impl_->bytes;
}

MemoryRef Weights::Impl::find(const Tensor& constant, const Packed& wanted) const {
  const auto [begin, end] = packed.equal_range(constant.data());
  for (auto i = begin; i != end; ++i) {
    const auto& entry = i->second;
    if (entry.offset == wanted.offset && entry.kind == wanted.kind && entry.from == wanted.from &&
        entry.to == wanted.to && entry.source.lock() == constant.memory()) {
      return entry.memory;
    }
  }
  return nullptr;
}

MemoryRef Weights::Impl::insert(const Tensor& constant, Packed entry) {
  const std::lock_guard lock{mutex};
  // Packing ran without the lock (it may run other tasks of the arena): another plan may have won.
  if (auto winner = find(constant, entry)) {
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
                              const dnnl::memory::desc& from, const dnnl::memory::desc& to) {
  Packed entry{constant.memory(), offset, from, to, {}, nullptr};
  {
    const std::lock_guard lock{mutex};
    if (auto memory = find(constant, entry)) {
      return memory;
    }
  }
  entry.memory = Memory::allocate(to.get_size());
  dnnl::memory src{from, engine(), static_cast<std::byte*>(constant.data()) + offset};
  dnnl::memory dst{to, engine(), entry.memory->data()};
  dnnl::stream stream{engine()};
  dnnl::reorder{src, dst}.execute(stream, src, dst);
  stream.wait();
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

MemoryRef Weights::Impl::derive(const Tensor& constant, const std::string& kind, std::size_t bytes,
                                const std::function<void(void*)>& fill) {
  Packed entry{constant.memory(), 0, {}, {}, kind, nullptr};
  {
    const std::lock_guard lock{mutex};
    if (auto memory = find(constant, entry)) {
      return memory;
    }
  }
  entry.memory = Memory::allocate(bytes);
  fill(entry.memory->data());
  return insert(constant, std::move(entry));
}

}  // namespace coinfer::plan
