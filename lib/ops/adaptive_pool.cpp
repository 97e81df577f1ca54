#include <limits>

#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.AdaptivePool: an image [N, C, …] pooled to the extents that input 1 gives. The window of
// element i of n covers the elements floor(i * extent / n) to ceil((i + 1) * extent / n). Mode
// "max" also tells where in its plane each largest element lies (i64).

void infer_adaptive(InferContext& ctx) {
  ctx.check_inputs(2, 2);
  ctx.check_rank(0, 3, 5);
  const auto wanted = ctx.integers(1);
  const auto& from = ctx.shape(0);
  auto shape = from.has_rank() ? PartialShape::dynamic(from.rank()) : PartialShape::dynamic();
  if (from.has_rank()) {
    shape[0] = from[0];
    shape[1] = from[1];
    if (wanted) {
      if (static_cast<std::int64_t>(wanted->size()) != from.rank() - 2) {
        ctx.fail(fmt::format("{} extents were given for an image of shape {}", wanted->size(),
                             from.to_string()));
      }
      for (std::size_t i = 0; i < wanted->size(); ++i) {
        if ((*wanted)[i] < 1 || (*wanted)[i] > std::int64_t{1} << 31) {
          ctx.fail(fmt::format("an extent would be {}", (*wanted)[i]));
        }
        if (from[i + 2] == Dimension{0}) {
          ctx.fail("an empty image has no elements to pool");
        }
        shape[i + 2] = Dimension{(*wanted)[i]};
      }
    }
  }
  ctx.output(0, ctx.type(0), shape);
  if (ctx.outputs() > 1) {
    ctx.output(1, ElementType::i64, std::move(shape));
  }
}

struct Extents {
  std::array<std::int64_t, 3> from{1, 1, 1}, to{1, 1, 1};
  std::int64_t planes = 1;

  std::int64_t begin(std::size_t axis, std::int64_t i) const { return i * from[axis] / to[axis]; }
  std::int64_t end(std::size_t axis, std::int64_t i) const {
    return ((i + 1) * from[axis] + to[axis] - 1) / to[axis];
  }
};

template <class T>
void pool(const Extents& e, bool max, const T* src, T* dst, std::int64_t* indices) {
  using Wide = wide_of<T>;
  const auto plane = e.from[0] * e.from[1] * e.from[2];
  for (std::int64_t p = 0; p < e.planes; ++p, src += plane) {
    for (std::int64_t i = 0; i < e.to[0]; ++i) {
      for (std::int64_t k = 0; k < e.to[1]; ++k) {
        for (std::int64_t l = 0; l < e.to[2]; ++l) {
          Wide sum = 0;
          std::int64_t count = 0;
          std::int64_t best = -1;
          for (auto a = e.begin(0, i); a < e.end(0, i); ++a) {
            for (auto b = e.begin(1, k); b < e.end(1, k); ++b) {
              for (auto c = e.begin(2, l); c < e.end(2, l); ++c) {
                const auto at = (a * e.from[1] + b) * e.from[2] + c;
                const auto x = static_cast<Wide>(src[at]);
                sum += x;
                ++count;
                if (best < 0 || x > static_cast<Wide>(src[best])) {
                  best = at;
                }
              }
            }
          }
          *dst++ = max ? src[best] : static_cast<T>(sum / static_cast<Wide>(count));
          if (indices != nullptr) {
            *indices++ = best;
          }
        }
      }
    }
  }
}

Kernel adaptive_kernel(const KernelContext& ctx) {
  const auto from = ctx.shape(0);
  const auto to = ctx.output_shape(0);
  Extents extents;
  extents.planes = from[0] * from[1];
  const auto missing = 5 - from.size();
  for (std::size_t i = 2; i < from.size(); ++i) {
    extents.from[missing + i - 2] = from[i];
    extents.to[missing + i - 2] = to[i];
  }
  const bool max = ctx.attributes().text("mode", "average") == "max";
  const bool indices = ctx.has_output(1);
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          pool(extents, max, static_cast<const T*>(src[0]), static_cast<T*>(dst[0]),
               indices ? static_cast<std::int64_t*>(dst[1]) : nullptr);
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register adaptive{{.type = "AdaptivePool",
                         .infer = infer_adaptive,
                         .kernel = adaptive_kernel,
                         .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
