#include <cmath>

#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.Inverse: the inverse of each matrix of [..., n, n]; with transposed = 1 of its
// transpose. A singular matrix gives what dividing by zero gives.

void infer_inverse(InferContext& ctx) {
  ctx.check_inputs(1, 1);
  ctx.check_rank(0, 2, 64);
  const auto& shape = ctx.shape(0);
  if (shape.has_rank()) {
    const auto last = static_cast<std::size_t>(shape.rank()) - 1;
    if (!Dimension::merge(shape[last], shape[last - 1])) {
      ctx.fail(fmt::format("matrices of shape {} are not square", shape.to_string()));
    }
  }
  ctx.output(0, ctx.type(0), shape);
}

/// Gauss and Jordan's elimination of [a | identity], rows with the largest pivot first.
void invert(std::vector<double>& a, std::vector<double>& inverse, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      inverse[i * n + k] = i == k;
    }
  }
  for (std::size_t c = 0; c < n; ++c) {
    auto pivot = c;
    for (auto r = c + 1; r < n; ++r) {
      pivot = std::abs(a[r * n + c]) > std::abs(a[pivot * n + c]) ? r : pivot;
    }
    if (pivot != c) {
      for (std::size_t k = 0; k < n; ++k) {
        std::swap(a[c * n + k], a[pivot * n + k]);
        std::swap(inverse[c * n + k], inverse[pivot * n + k]);
      }
    }
    const auto head = a[c * n + c];
    for (std::size_t k = 0; k < n; ++k) {
      a[c * n + k] /= head;
      inverse[c * n + k] /= head;
    }
    for (std::size_t r = 0; r < n; ++r) {
      const auto factor = a[r * n + c];
      if (r == c || factor == 0) {
        continue;
      }
      for (std::size_t k = 0; k < n; ++k) {
        a[r * n + k] -= factor * a[c * n + k];
        inverse[r * n + k] -= factor * inverse[c * n + k];
      }
    }
  }
}

Kernel inverse_kernel(const KernelContext& ctx) {
  const auto shape = ctx.shape(0);
  const auto n = static_cast<std::size_t>(shape.back());
  const auto elements = shape.elements();
  const auto count = elements == 0 ? 0 : elements / (shape.back() * shape.back());
  const bool transposed = ctx.attributes().integer("transposed", 0) != 0;
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          // Grow once per thread.
          thread_local std::vector<double> matrix, result;
          matrix.resize(n * n);
          result.resize(n * n);
          const auto* x = static_cast<const T*>(src[0]);
          auto* d = static_cast<T*>(dst[0]);
          for (std::int64_t m = 0; m < count; ++m) {
            for (auto& value : matrix) {
              value = static_cast<double>(static_cast<wide_of<T>>(*x++));
            }
            invert(matrix, result, n);
            for (std::size_t i = 0; i < n * n; ++i) {
              *d++ = static_cast<T>(
                  static_cast<wide_of<T>>(result[transposed ? i % n * n + i / n : i]));
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register inverse{
    {.type = "Inverse", .infer = infer_inverse, .kernel = inverse_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
