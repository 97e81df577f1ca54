#pragma once

#include <dnnl.hpp>
#include <optional>

#include "graph/graph.hpp"
#include "plan/view.hpp"

namespace coinfer::plan {

/// The process's CPU engine.
const dnnl::engine& engine();

/// oneDNN's type; nullopt for one it does not know.
std::optional<dnnl::memory::data_type> data_type(ElementType type);

inline bool is_f32_or_bf16(ElementType type) {
  return type == ElementType::f32 || type == ElementType::bf16;
}
/// A product made by lower_precision: it reads bf16, its constant weights and its bias are f32.
inline bool is_mixed(const graph::Node& node) {
  return node.attributes.integer("mixed_precision", 0) != 0;
}

dnnl::memory::dims to_dims(std::span<const std::int64_t> values);

/// The view's extents and strides; a scalar is one element of rank 1.
dnnl::memory::desc desc_of(const View& view);
/// The view's extents, strides left to the primitive.
dnnl::memory::desc any_desc(ElementType type, std::span<const std::int64_t> dims);

/// Fresh attributes with the scratchpad in planned memory (copies of one share state).
dnnl::primitive_attr attributes();

/// All that tells a blocked layout from others, as text; empty for layouts of another kind, and for
/// weights with sums behind them unless the caller can tell which ones these are.
std::string layout_key(const dnnl::memory::desc& desc, bool sums_are_known = false);

/// A reference implementation: far too slow for real work.
bool is_reference(const dnnl::primitive_desc_base& desc);

}  // namespace coinfer::plan
