#include "coinfer/tensor.hpp"

#include <new>

#include "coinfer/error.hpp"
#include "tensor/block_pool.hpp"
#include "tensor/pages.hpp"

namespace coinfer {
namespace {

/// Memory of our own.
struct OwnMemory : Memory {
  using Memory::Memory;
  OwnMemory(const OwnMemory&) = delete;
  OwnMemory& operator=(const OwnMemory&) = delete;
  ~OwnMemory() { block_pool::give_back(data(), bytes()); }
};

Dims dense_strides(const Shape& shape, ElementType type) {
  Dims strides(shape.size());
  auto step = static_cast<std::int64_t>(size_of(type));
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<std::int64_t>(shape[i], 1);
  }
  return strides;
}

std::size_t bytes_of(ElementType type, const Shape& shape) {
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(shape.elements(), static_cast<std::int64_t>(size_of(type)), &bytes)) {
    throw Error(
        fmt::format("a {} tensor of shape {} is too large", name_of(type), shape.to_string()));
  }
  return static_cast<std::size_t>(bytes);
}

template <class Visit>
void for_each_row(const Shape& shape, const Dims& a, const Dims& b, Visit visit) {
  if (shape.empty()) {
    visit(0, 0, 1);
    return;
  }
  if (shape.elements() == 0) {
    return;
  }
  Shape index(shape.size(), 0);
  const auto last = shape.size() - 1;
  std::int64_t offset_a = 0;
  std::int64_t offset_b = 0;
  for (;;) {
    visit(offset_a, offset_b, shape[last]);
    auto dim = last;
    for (;;) {
      if (dim == 0) {
        return;
      }
      --dim;
      offset_a += a[dim];
      offset_b += b[dim];
      if (++index[dim] < shape[dim]) {
        break;
      }
      offset_a -= a[dim] * shape[dim];
      offset_b -= b[dim] * shape[dim];
      index[dim] = 0;
    }
  }
}

}  // namespace

MemoryRef Memory::allocate(std::size_t bytes, ElementType type) {
  // More than the machine has is refused at once: the kernel grants it, then ends the process.
  if (bytes > machine_memory()) {
    throw Error(fmt::format("a tensor of {} bytes is needed; the machine has {} in all", bytes,
                            machine_memory()));
  }
  void* data = block_pool::take(bytes);
  if (data == nullptr) {
    throw Error(fmt::format("there is no memory for a tensor of {} bytes", bytes));
  }
  if (type != ElementType::string) {
    return block_pool::make_shared<const OwnMemory>(data, bytes, nullptr, false);
  }
  const auto count = bytes / sizeof(std::string);
  auto* strings = static_cast<std::string*>(data);
  std::uninitialized_default_construct_n(strings, count);
  return std::make_shared<const Memory>(
      data, bytes,
      std::shared_ptr<void>(data,
                            [count, bytes](void* block) {
                              std::destroy_n(static_cast<std::string*>(block), count);
                              block_pool::give_back(block, bytes);
                            }),
      false);
}

MemoryRef Memory::wrap(void* data, std::size_t bytes, std::shared_ptr<void> owner, bool read_only) {
  return block_pool::make_shared<const Memory>(data, bytes, std::move(owner), read_only);
}

Tensor::Tensor(ElementType type, Shape shape) {
  if (type == ElementType::dynamic) {
    throw Error("a tensor needs an element type; 'dynamic' is none");
  }
  auto memory = Memory::allocate(bytes_of(type, shape), type);
  const auto elements = shape.elements();
  void* data = memory->data();
  impl_ = block_pool::make_shared<Impl>(
      Impl{type, std::move(shape), {}, elements, std::move(memory), data, true});
}

Tensor::Tensor(ElementType type, Shape shape, MemoryRef memory, std::size_t offset, Dims strides) {
  if (strides.empty()) {
    const auto needed = bytes_of(type, shape);
    if (offset > memory->bytes() || needed > memory->bytes() - offset) {
      throw Error(fmt::format("a {} tensor of shape {} needs {} bytes; the memory given has {}",
                              name_of(type), shape.to_string(), needed,
                              memory->bytes() - std::min(offset, memory->bytes())));
    }
  } else if (strides.size() != shape.size()) {
    throw Error(
        fmt::format("{} strides were given for the shape {}", strides.size(), shape.to_string()));
  } else if (strides == dense_strides(shape, type)) {
    strides.clear();
  }
  const auto elements = shape.elements();
  void* data = memory->data() + offset;
  impl_ = block_pool::make_shared<Impl>(
      Impl{type, std::move(shape), std::move(strides), elements, std::move(memory), data, false});
}

Dims Tensor::strides() const {
  return impl_->strides.empty() ? dense_strides(impl_->shape, impl_->type) : impl_->strides;
}

void Tensor::set_shape(const Shape& shape) {
  if (shape == impl_->shape) {
    return;
  }
  const auto bytes = bytes_of(impl_->type, shape);
  if (!impl_->strides.empty()) {
    throw Error(fmt::format("a tensor with strides cannot change its shape from {} to {}",
                            impl_->shape.to_string(), shape.to_string()));
  }
  const auto room =
      impl_->memory->bytes() -
      static_cast<std::size_t>(static_cast<std::byte*>(impl_->data) - impl_->memory->data());
  if (bytes > room) {
    if (!impl_->own_memory) {
      throw Error(
          fmt::format("the tensor over foreign memory of {} bytes cannot grow to {} of shape {}",
                      room, bytes, shape.to_string()));
    }
    impl_->memory = Memory::allocate(bytes, impl_->type);
    impl_->data = impl_->memory->data();
  }
  impl_->shape = shape;
  impl_->elements = shape.elements();
}

Tensor Tensor::roi(const Shape& begin, const Shape& end) const {
  if (begin.size() != shape().size() || end.size() != shape().size()) {
    throw Error(fmt::format("a region of a tensor of shape {} needs {} coordinates",
                            shape().to_string(), shape().size()));
  }
  const auto steps = strides();
  auto offset = static_cast<std::byte*>(data()) - impl_->memory->data();
  Shape part;
  for (std::size_t i = 0; i < begin.size(); ++i) {
    if (begin[i] < 0 || begin[i] > end[i] || end[i] > shape()[i]) {
      throw Error(fmt::format("the region {} to {} does not lie in the shape {}", begin.to_string(),
                              end.to_string(), shape().to_string()));
    }
    part.push_back(end[i] - begin[i]);
    offset += begin[i] * steps[i];
  }
  return Tensor{type(), std::move(part), impl_->memory, static_cast<std::size_t>(offset), steps};
}

void Tensor::copy_to(Tensor& destination) const {
  if (destination.type() != type()) {
    throw Error(fmt::format("cannot copy a {} tensor to a {} tensor", name_of(type()),
                            name_of(destination.type())));
  }
  if (destination.read_only()) {
    throw Error("cannot copy to a read-only tensor");
  }
  if (destination.shape() != shape()) {
    if (!destination.is_continuous()) {
      throw Error(fmt::format("cannot copy a tensor of shape {} to a strided one of shape {}",
                              shape().to_string(), destination.shape().to_string()));
    }
    destination.set_shape(shape());
  }
  const auto from = strides();
  const auto to = destination.strides();
  const auto* source = static_cast<const std::byte*>(data());
  auto* target = static_cast<std::byte*>(destination.data());
  if (type() == ElementType::string) {
    const std::int64_t from_step = from.empty() ? 0 : from.back();
    const std::int64_t to_step = to.empty() ? 0 : to.back();
    for_each_row(shape(), from, to, [&](std::int64_t a, std::int64_t b, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) {
        *reinterpret_cast<std::string*>(target + b + i * to_step) =
            *reinterpret_cast<const std::string*>(source + a + i * from_step);
      }
    });
    return;
  }
  if (is_continuous() && destination.is_continuous()) {
    if (byte_size() != 0) {
      std::memmove(target, source, byte_size());
    }
    return;
  }
  const auto width = size_of(type());
  const bool rows_dense =
      from.back() == static_cast<std::int64_t>(width) && to.back() == from.back();
  for_each_row(shape(), from, to, [&](std::int64_t a, std::int64_t b, std::int64_t count) {
    if (rows_dense) {
      std::memcpy(target + b, source + a, static_cast<std::size_t>(count) * width);
      return;
    }
    for (std::int64_t i = 0; i < count; ++i) {
      std::memcpy(target + b + i * to.back(), source + a + i * from.back(), width);
    }
  });
}

}  // namespace coinfer
