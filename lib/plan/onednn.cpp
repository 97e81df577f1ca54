#include "plan/onednn.hpp"

#include "coinfer/error.hpp"

namespace coinfer::plan {

const dnnl::engine& engine() {
  static const dnnl::engine cpu{dnnl::engine::kind::cpu, 0};
  return cpu;
}

std::optional<dnnl::memory::data_type> data_type(ElementType type) {
  using Type = dnnl::memory::data_type;
  switch (type) {
    case ElementType::f32:
      return Type::f32;
    case ElementType::bf16:
      return Type::bf16;
    case ElementType::f16:
      return Type::f16;
    case ElementType::i32:
      return Type::s32;
    case ElementType::i8:
      return Type::s8;
    case ElementType::u8:
      return Type::u8;
    default:
      return std::nullopt;
  }
}

dnnl::memory::dims to_dims(std::span<const std::int64_t> values) {
  return {values.begin(), values.end()};
}

dnnl::memory::desc desc_of(const View& view) {
  if (view.dims.empty()) {
    return {{1}, *data_type(view.type), dnnl::memory::dims{1}};
  }
  return {to_dims(view.dims), *data_type(view.type), to_dims(view.strides)};
}

dnnl::memory::desc any_desc(ElementType type, std::span<const std::int64_t> dims) {
  return {to_dims(dims), *data_type(type), dnnl::memory::format_tag::any};
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

bool is_reference(const dnnl::primitive_desc_base& desc) {
  return std::string_view{desc.impl_info_str()}.starts_with("ref");
}

std::string layout_key(const dnnl::memory::desc& desc, bool sums_are_known) {
  if (!desc || desc.get_format_kind() != dnnl::memory::format_kind::blocked) {
    return {};
  }
  if (!sums_are_known && desc.get_data_type() == dnnl::memory::data_type::s8) {
    // Weights with sums for zero points behind them: oneDNN does not tell which ones they are.
    std::size_t dense = 1;
    for (const auto extent : desc.get_padded_dims()) {
      dense *= static_cast<std::size_t>(extent);
    }
    if (desc.get_size() > dense) {
      return {};
    }
  }
  return fmt::format("{}:{}:{}:{}:{}:{}:{}:{}:{}", static_cast<int>(desc.get_data_type()),
                     fmt::join(desc.get_dims(), ","), fmt::join(desc.get_padded_dims(), ","),
                     fmt::join(desc.get_padded_offsets(), ","), desc.get_submemory_offset(),
                     fmt::join(desc.get_strides(), ","), fmt::join(desc.get_inner_blks(), ","),
                     fmt::join(desc.get_inner_idxs(), ","), desc.get_size());
}

}  // namespace coinfer::plan
