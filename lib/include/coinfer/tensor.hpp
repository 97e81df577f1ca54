#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "coinfer/element_type.hpp"
#include "coinfer/shape.hpp"

namespace coinfer {

/// A block of memory and whatever keeps it alive. Immutable once made; the bytes may change.
/// *Thread safety*: distinct and shared objects: safe (the reference count is atomic).
class Memory {
 public:
  /// 64-byte aligned, uninitialised; strings are default-constructed when `type` is string.
  static std::shared_ptr<const Memory> allocate(std::size_t bytes,
                                                ElementType type = ElementType::dynamic);
  /// Someone else's bytes; `owner` is released with the last reference.
  static std::shared_ptr<const Memory> wrap(void* data, std::size_t bytes,
                                            std::shared_ptr<void> owner, bool read_only);

  Memory(void* data, std::size_t bytes, std::shared_ptr<void> owner, bool read_only) noexcept
      : data_{static_cast<std::byte*>(data)},
        bytes_{bytes},
        owner_{std::move(owner)},
        read_only_{read_only} {}

  std::byte* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  bool read_only() const noexcept { return read_only_; }

 private:
  std::byte* data_;
  std::size_t bytes_;
  std::shared_ptr<void> owner_;
  bool read_only_;
};

using MemoryRef = std::shared_ptr<const Memory>;

/// A typed, shaped view of a Memory. Copies of a Tensor are the same tensor (a handle), so that a
/// tensor handed out by a request keeps its identity when it grows.
/// *Thread safety*: distinct tensors: safe. Shared tensors: reading is safe, `set_shape` is not.
class Tensor {
 public:
  Tensor() noexcept = default;  ///< null

  /// Newly allocated, dense, uninitialised (strings empty).
  Tensor(ElementType type, Shape shape);
  /// Over existing memory, from its byte `offset` on; `strides` in bytes, empty for dense
  /// row-major.
  Tensor(ElementType type, Shape shape, MemoryRef memory, std::size_t offset = 0,
         Dims strides = {});

  /// A rank-0 or rank-1 tensor with the values given.
  template <class T>
  static Tensor scalar(T value) {
    Tensor tensor{element_type_of<T>::value, Shape{}};
    *tensor.data<T>() = value;
    return tensor;
  }
  template <class T>
  static Tensor vector(std::span<const T> values) {
    Tensor tensor{element_type_of<T>::value, Shape{static_cast<std::int64_t>(values.size())}};
    std::copy(values.begin(), values.end(), tensor.data<T>());
    return tensor;
  }

  explicit operator bool() const noexcept { return impl_ != nullptr; }
  /// Handles of one tensor compare equal.
  friend bool operator==(const Tensor& a, const Tensor& b) noexcept { return a.impl_ == b.impl_; }

  ElementType type() const noexcept { return impl_->type; }
  const Shape& shape() const noexcept { return impl_->shape; }
  std::int64_t size() const noexcept { return impl_->elements; }
  std::size_t byte_size() const noexcept {
    return static_cast<std::size_t>(impl_->elements) * size_of(impl_->type);
  }
  /// In bytes, outermost first.
  Dims strides() const;
  /// Dense row-major?
  bool is_continuous() const noexcept { return impl_->strides.empty(); }
  bool read_only() const noexcept { return impl_->memory->read_only(); }

  void* data() const noexcept { return impl_->data; }
  template <class T>
  T* data() const noexcept {
    return static_cast<T*>(impl_->data);
  }
  std::string* strings() const noexcept { return static_cast<std::string*>(impl_->data); }
  const MemoryRef& memory() const noexcept { return impl_->memory; }

  /// Changes the shape in place. When the tensor's memory is too small it gets new memory; views of
  /// the old keep theirs alive. Throws Error for a tensor over foreign memory that would have to
  /// grow.
  void set_shape(const Shape& shape);

  /// The part [begin, end) as another tensor over the same memory.
  Tensor roi(const Shape& begin, const Shape& end) const;
  /// Copies element by element; types must be equal, shapes too (a dense destination is reshaped).
  void copy_to(Tensor& destination) const;

 private:
  struct Impl {
    ElementType type;
    Shape shape;
    Dims strides;  // empty: dense
    std::int64_t elements;
    MemoryRef memory;
    void* data;
    bool own_memory;
  };
  std::shared_ptr<Impl> impl_;
};

}  // namespace coinfer
