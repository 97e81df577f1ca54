#include <cctype>

#include "kernels/strided_copy.hpp"
#include "ops/op.hpp"
#include "ops/types.hpp"

namespace coinfer::ops {
namespace {

/// Labels: letters as they are; the dimensions that "..." stands for count down from -1 (the last).
using Labels = std::vector<int>;

struct Equation {
  std::vector<Labels> inputs;
  Labels output;
};

/// `ranks`: of the inputs; -1 where not known, which is allowed only without "...".
template <class Context>
Equation parse(const Context& ctx, const std::vector<std::int64_t>& ranks) {
  std::string text;
  for (const char c : ctx.attributes().text("equation", "")) {
    if (c != ' ') {
      text += c;
    }
  }
  const auto bad = [&](const char* why) {
    ctx.fail(fmt::format("the equation '{}' {}", text, why));
  };
  const auto arrow = text.find("->");
  int dots = 0;  // the most dimensions that a "..." stands for
  const auto read = [&](std::string_view term, std::int64_t rank) {
    std::int64_t letters = 0;
    for (const char c : term) {
      letters += std::isalpha(static_cast<unsigned char>(c)) != 0 ? 1 : 0;
    }
    Labels labels;
    for (std::size_t i = 0; i < term.size(); ++i) {
      if (std::isalpha(static_cast<unsigned char>(term[i])) != 0) {
        labels.push_back(term[i]);
      } else if (term.substr(i, 3) == "...") {
        i += 2;
        const auto count = rank < 0 ? dots : static_cast<int>(rank - letters);
        if (count < 0 || count > 64) {
          bad("has more labels than a tensor has dimensions");
        }
        dots = std::max(dots, count);
        for (int k = count; k > 0; --k) {
          labels.push_back(-k);
        }
      } else {
        bad("is malformed");
      }
    }
    return labels;
  };
  Equation equation;
  const auto left = text.substr(0, arrow);
  for (std::size_t begin = 0; begin <= left.size();) {
    const auto end = std::min(left.find(',', begin), left.size());
    const auto i = equation.inputs.size();
    if (i >= ranks.size()) {
      bad("has more terms than there are inputs");
    }
    equation.inputs.push_back(read(std::string_view{left}.substr(begin, end - begin), ranks[i]));
    if (static_cast<std::int64_t>(equation.inputs.back().size()) != ranks[i]) {
      bad("does not fit the ranks of the inputs");
    }
    begin = end + 1;
  }
  if (equation.inputs.size() != ranks.size()) {
    bad("has fewer terms than there are inputs");
  }
  std::map<int, int> counts;
  for (const auto& term : equation.inputs) {
    for (const auto label : term) {
      ++counts[label];
    }
  }
  if (arrow == std::string::npos) {
    // Those of "..." come first (they are negative), then the letters that occur once.
    for (const auto [label, count] : counts) {
      if (label < 0 || count == 1) {
        equation.output.push_back(label);
      }
    }
  } else {
    equation.output = read(std::string_view{text}.substr(arrow + 2), -1);
    auto sorted = equation.output;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
      bad("repeats a label in its result");
    }
    for (const auto label : sorted) {
      if (counts.count(label) == 0) {
        bad("has a label in its result that no input has");
      }
    }
  }
  return equation;
}

void infer_einsum(InferContext& ctx) {
  ctx.check_inputs(1, 64);
  std::vector<std::int64_t> ranks;
  for (std::size_t i = 0; i < ctx.inputs(); ++i) {
    if (!ctx.has(i) || ctx.type(i) != ctx.type(0)) {
      ctx.fail(fmt::format("the input {} is missing or not of type {}", i, name_of(ctx.type(0))));
    }
    ranks.push_back(ctx.shape(i).rank());
    if (ranks.back() < 0) {
      ctx.output(0, ctx.type(0), PartialShape::dynamic());
      return;
    }
  }
  const auto equation = parse(ctx, ranks);
  std::map<int, Dimension> extents;
  for (std::size_t i = 0; i < equation.inputs.size(); ++i) {
    for (std::size_t k = 0; k < equation.inputs[i].size(); ++k) {
      const auto extent = ctx.shape(i)[k];
      const auto [entry, added] = extents.try_emplace(equation.inputs[i][k], extent);
      if (added || extent == Dimension{1}) {
        continue;
      }
      if (entry->second == Dimension{1}) {
        entry->second = extent;
      } else if (const auto both = Dimension::merge(entry->second, extent)) {
        entry->second = *both;
      } else if (!entry->second.contains(1) && !extent.contains(1)) {
        ctx.fail(fmt::format("the extents {} and {} of one label differ", entry->second.to_string(),
                             extent.to_string()));
      }
    }
  }
  PartialShape::Dimensions dims;
  for (const auto label : equation.output) {
    dims.push_back(extents.at(label));
  }
  ctx.output(0, ctx.type(0), PartialShape{std::move(dims)});
}

/// One loop of the nest: its extent and each input's step in it.
struct Loop {
  std::int64_t extent = 1;
  std::vector<std::int64_t> steps;
};

template <class A, class T>
A sum_of(const std::vector<Loop>& loops, std::size_t depth,
         boost::container::small_vector<const T*, 4> at) {
  if (depth == loops.size()) {
    A product = 1;
    for (const auto* x : at) {
      product *= static_cast<A>(*x);
    }
    return product;
  }
  const auto& loop = loops[depth];
  A sum = 0;
  if (depth + 1 == loops.size() && at.size() == 2) {
    for (std::int64_t i = 0; i < loop.extent; ++i) {
      sum += static_cast<A>(at[0][i * loop.steps[0]]) * static_cast<A>(at[1][i * loop.steps[1]]);
    }
    return sum;
  }
  for (std::int64_t i = 0; i < loop.extent; ++i) {
    sum += sum_of<A>(loops, depth + 1, at);
    for (std::size_t k = 0; k < at.size(); ++k) {
      at[k] += loop.steps[k];
    }
  }
  return sum;
}

Kernel einsum_kernel(const KernelContext& ctx) {
  std::vector<std::int64_t> ranks;
  for (std::size_t i = 0; i < ctx.inputs(); ++i) {
    ranks.push_back(ctx.shape(i).rank());
  }
  const auto equation = parse(ctx, ranks);
  std::map<int, Loop> loops;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const auto shape = ctx.shape(i);
    const auto strides = kernels::strides_of(shape);
    for (std::size_t k = 0; k < shape.size(); ++k) {
      auto& loop = loops[equation.inputs[i][k]];
      loop.steps.resize(ranks.size(), 0);
      if (shape[k] == 1) {
        continue;
      }
      if (loop.extent != 1 && loop.extent != shape[k]) {
        ctx.fail(fmt::format("the extents {} and {} of one label differ", loop.extent, shape[k]));
      }
      loop.extent = shape[k];
      loop.steps[i] += strides[k];
    }
  }
  std::vector<Loop> outer;
  for (const auto label : equation.output) {
    outer.push_back(loops.at(label));
    loops.erase(label);
  }
  std::vector<Loop> inner;
  for (auto& [label, loop] : loops) {
    inner.push_back(std::move(loop));
  }
  const auto count = ctx.output_shape(0).elements();
  Kernel kernel;
  if (!with_number(ctx.type(0), [&]<class T>(std::type_identity<T>) {
        // Integers modulo 2^64: overflow is no undefined behaviour.
        using A = std::conditional_t<std::is_integral_v<T>, std::uint64_t, wide_of<T>>;
        kernel = [=, inputs = ranks.size()](const void* const* src, void* const* dst) {
          boost::container::small_vector<const T*, 4> at;
          for (std::size_t k = 0; k < inputs; ++k) {
            at.push_back(static_cast<const T*>(src[k]));
          }
          Dims index(outer.size(), 0);
          auto* d = static_cast<T*>(dst[0]);
          for (std::int64_t i = 0; i < count; ++i) {
            d[i] = static_cast<T>(sum_of<A>(inner, 0, at));
            for (auto k = outer.size(); k-- > 0;) {
              const auto& loop = outer[k];
              const bool wraps = ++index[k] == loop.extent;
              for (std::size_t n = 0; n < at.size(); ++n) {
                at[n] += wraps ? loop.steps[n] * (1 - loop.extent) : loop.steps[n];
              }
              if (!wraps) {
                break;
              }
              index[k] = 0;
            }
          }
        };
      })) {
    ctx.unsupported_type(ctx.type(0));
  }
  return kernel;
}

const Register einsum{
    {.type = "Einsum", .since = 12, .infer = infer_einsum, .kernel = einsum_kernel}};

}  // namespace
}  // namespace coinfer::ops
