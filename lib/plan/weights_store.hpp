#pragma once

#include <atomic>
#include <dnnl.hpp>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "coinfer/tensor.hpp"
#include "plan/weights.hpp"
#include "tensor/weight_memory.hpp"

namespace coinfer::plan {

struct Weights::Impl {
  /// The constant as seen through `from` (its extents and strides from byte `offset` on), packed as
  /// `to`. The first caller reorders; the others get the same memory. `kind` tells what of the
  /// layout oneDNN does not: see `Lowering::packed`.
  MemoryRef pack(const Tensor& constant, std::int64_t offset, const dnnl::memory::desc& from,
                 const dnnl::memory::desc& to, const std::string& kind = {});
  /// The layouts that this view of the constant was packed in so far.
  std::vector<dnnl::memory::desc> layouts(const Tensor& constant, std::int64_t offset,
                                          const dnnl::memory::desc& from) const;
  /// Memory of `bytes` bytes that belongs to the constant, made by `fill` on first use; `kind`
  /// tells different ones of one constant apart, and names all that their layout depends on.
  MemoryRef derive(const Tensor& constant, const std::string& kind, std::size_t size,
                   const std::function<void(void*)>& fill);

  struct Packed {
    std::weak_ptr<const Memory> source;  // a freed constant's address may be used again
    std::int64_t offset;
    dnnl::memory::desc from;
    dnnl::memory::desc to;
    std::string kind;
    MemoryRef memory;
  };
  MemoryRef find(const Tensor& constant, const Packed& wanted, std::size_t size) const;
  /// The memory of a preloaded one; null when none matches.
  MemoryRef find_stored(const Tensor& constant, const Packed& wanted, std::size_t bytes) const;
  MemoryRef make(const Tensor& constant, Packed entry, std::size_t size,
                 const std::function<void(void*)>& fill);
  MemoryRef insert(const Tensor& constant, Packed packed);

  Weights::Packed on_packed = nullptr;
  std::atomic<std::size_t> packings{0};

  WeightMemory memory;
  mutable std::mutex mutex;
  std::unordered_multimap<const void*, Packed> packed;
  std::unordered_multimap<const void*, Stored> stored;  ///< preloaded, by their constants' data
  std::size_t bytes = 0;
};

}  // namespace coinfer::plan
