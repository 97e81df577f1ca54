#include <cmath>
#include <limits>

#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

// coinfer.CtcLoss (Graves et al., Connectionist Temporal Classification, ICML 2006): the negative
// logarithm of the probability of each sequence of labels. Inputs: logits [N, T, C], how many steps
// of each count [N], labels [N, T], how many of them count [N] (all i64), the blank's class (i64,
// one element). collapse: equal neighbours among the labels count once; unique: every label counts
// once; merge_repeated: in a path equal neighbours stand for one label.

constexpr auto never = -std::numeric_limits<double>::infinity();

double log_sum(double a, double b) {
  if (a == never || b == never) {
    return std::max(a, b);
  }
  return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
}

void infer_loss(InferContext& ctx) {
  ctx.check_inputs(5, 5);
  ctx.check_rank(0, 3, 3);
  ctx.check_rank(1, 1, 1);
  ctx.check_rank(2, 2, 2);
  ctx.check_rank(3, 1, 1);
  ctx.check_rank(4, 0, 1);
  for (std::size_t i = 1; i < 5; ++i) {
    ctx.check_type(i, {ElementType::i64});
  }
  auto batch = ctx.shape(0).has_rank() ? ctx.shape(0)[0] : Dimension{};
  for (std::size_t i = 1; i < 4; ++i) {
    const auto& shape = ctx.shape(i);
    const auto both = shape.has_rank() ? Dimension::merge(batch, shape[0]) : batch;
    if (!both || (i == 2 && shape.has_rank() && ctx.shape(0).has_rank() &&
                  !Dimension::merge(shape[1], ctx.shape(0)[1]))) {
      ctx.fail(fmt::format("logits of shape {} and the input {} of shape {} do not fit",
                           ctx.shape(0).to_string(), i, shape.to_string()));
    }
    batch = *both;
  }
  ctx.output(0, ctx.type(0), PartialShape{batch});
}

struct Loss {
  std::int64_t steps, classes;
  bool collapse, merge, unique;

  /// The labels that count.
  void labels_of(const std::int64_t* given, std::int64_t count,
                 std::vector<std::int64_t>& labels) const {
    labels.clear();
    for (std::int64_t i = 0; i < count; ++i) {
      const auto label = given[i];
      if (label < 0 || label >= classes) {
        throw Error(fmt::format("the label {} is none of {} classes", label, classes));
      }
      const bool known = unique ? std::find(labels.begin(), labels.end(), label) != labels.end()
                                : collapse && !labels.empty() && labels.back() == label;
      if (!known) {
        labels.push_back(label);
      }
    }
  }

  /// logs: the probabilities' logarithms [length, classes].
  double operator()(const std::vector<double>& logs, std::int64_t length, std::int64_t blank,
                    const std::vector<std::int64_t>& labels, std::vector<double>& paths) const {
    // State 2i: i labels are done, then blanks; state 2i + 1: within label i.
    const auto states = 2 * labels.size() + 1;
    paths.assign(2 * states, never);
    auto *now = paths.data(), *next = paths.data() + states;
    now[0] = 0;  // before the first step
    for (std::int64_t t = 0; t < length; ++t) {
      const auto* log = logs.data() + t * classes;
      for (std::size_t s = 0; s < states; ++s) {
        auto sum = never;
        if (s % 2 == 0) {
          sum = now[s];
          if (s > 0) {
            sum = log_sum(sum, now[s - 1]);
          }
          next[s] = sum + log[blank];
          continue;
        }
        const auto label = labels[s / 2];
        sum = now[s - 1];
        if (merge) {
          sum = log_sum(sum, now[s]);
        }
        if (s > 1 && (!merge || labels[s / 2 - 1] != label)) {
          sum = log_sum(sum, now[s - 2]);
        }
        next[s] = sum + log[label];
      }
      std::swap(now, next);
    }
    return -(states > 1 ? log_sum(now[states - 1], now[states - 2]) : now[0]);
  }
};

Kernel loss_kernel(const KernelContext& ctx) {
  const auto batch = ctx.shape(0)[0];
  const Loss loss{.steps = ctx.shape(0)[1],
                  .classes = ctx.shape(0)[2],
                  .collapse = ctx.attributes().integer("collapse", 0) != 0,
                  .merge = ctx.attributes().integer("merge_repeated", 1) != 0,
                  .unique = ctx.attributes().integer("unique", 0) != 0};
  if (ctx.shape(4).elements() != 1) {
    ctx.fail(fmt::format("the blank has the shape {}; one number was expected",
                         ctx.shape(4).to_string()));
  }
  Kernel kernel;
  if (!with_float(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        kernel = [=](const void* const* src, void* const* dst) {
          // Grow once per thread.
          thread_local std::vector<std::int64_t> labels;
          thread_local std::vector<double> logs, paths;
          const auto* x = static_cast<const T*>(src[0]);
          const auto* lengths = static_cast<const std::int64_t*>(src[1]);
          const auto* given = static_cast<const std::int64_t*>(src[2]);
          const auto* counts = static_cast<const std::int64_t*>(src[3]);
          const auto blank = *static_cast<const std::int64_t*>(src[4]);
          auto* d = static_cast<T*>(dst[0]);
          if (blank < 0 || blank >= loss.classes) {
            throw Error(fmt::format("the blank {} is none of {} classes", blank, loss.classes));
          }
          for (std::int64_t n = 0; n < batch; ++n, x += loss.steps * loss.classes) {
            if (lengths[n] < 0 || lengths[n] > loss.steps || counts[n] < 0 ||
                counts[n] > lengths[n]) {
              throw Error(fmt::format("sequence {} has {} labels in {} of {} steps", n, counts[n],
                                      lengths[n], loss.steps));
            }
            loss.labels_of(given + n * loss.steps, counts[n], labels);
            logs.resize(static_cast<std::size_t>(lengths[n] * loss.classes));
            for (std::int64_t t = 0; t < lengths[n]; ++t) {
              const auto row = [&](std::int64_t c) {
                return static_cast<double>(static_cast<wide_of<T>>(x[t * loss.classes + c]));
              };
              auto most = never;
              for (std::int64_t c = 0; c < loss.classes; ++c) {
                most = std::max(most, row(c));
              }
              double sum = 0;
              for (std::int64_t c = 0; c < loss.classes; ++c) {
                sum += std::exp(row(c) - most);
              }
              for (std::int64_t c = 0; c < loss.classes; ++c) {
                logs[static_cast<std::size_t>(t * loss.classes + c)] =
                    row(c) - most - std::log(sum);
              }
            }
            d[n] = static_cast<T>(
                static_cast<wide_of<T>>(loss(logs, lengths[n], blank, labels, paths)));
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register loss{
    {.type = "CtcLoss", .infer = infer_loss, .kernel = loss_kernel, .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
