#include "plan/lowering.hpp"

#include "coinfer/error.hpp"
#include "kernels/copy.hpp"
#include "kernels/panel_product.hpp"
#include "ops/post_ops.hpp"

namespace coinfer::plan {
namespace {

std::string layout_name(const View& view) {
  std::vector<std::size_t> order(view.dims.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair{view.strides[b], a} < std::pair{view.strides[a], b};
  });
  if (view.is_plain()) {
    std::sort(order.begin(), order.end());
  } else if (view.is_channels_last()) {
    return std::string{"nwc"}.insert(1, view.dims.size() == 5   ? "dh"
                                        : view.dims.size() == 4 ? "h"
                                                                : "");
  }
  std::string name;
  for (const auto i : order) {
    name += static_cast<char>('a' + i);
  }
  return name;
}

}  // namespace

Lowering::Lowering(const graph::Graph& graph, std::span<const Known> known,
                   std::span<const graph::ValueId> outputs, Weights& weights, int threads)
    : graph_{graph},
      weights_{weights.impl()},
      threads_{threads},
      uses_{graph},
      outputs_{outputs},
      views_(graph.values.size()),
      reads_left_(graph.values.size(), 0) {
  for (std::uint32_t i = 0; i < graph.values.size(); ++i) {
    reads_left_[i] = static_cast<int>(uses_.readers(graph::ValueId{i}).size());
  }
  for (const auto id : outputs) {
    ++reads_left_[id.index];
  }
  for (std::uint32_t i = 0; i < known.size(); ++i) {
    if (!graph.is_constant(known[i].value)) {
      views_[known[i].value.index] = View{{Buffer::Kind::input, i},
                                          0,
                                          known[i].type,
                                          known[i].shape,
                                          plain_strides(known[i].shape)};
    }
  }
  find_wanted_strides();
}

const View& Lowering::view(graph::ValueId id) {
  auto& view = views_[id.index];
  if (!view) {
    const auto& value = graph_[id];
    if (!value.constant) {
      throw Error(fmt::format("the value '{}' is read before it is computed", value.name));
    }
    view = view_of(value.constant);
  }
  return *view;
}

View Lowering::view_of(const Tensor& constant) {
  auto tensor = constant;
  if (!tensor.is_continuous()) {
    tensor = Tensor{constant.type(), constant.shape()};
    constant.copy_to(tensor);
  }
  const auto [entry, added] = constant_index_.try_emplace(
      tensor.data(), static_cast<std::uint32_t>(layout_.constants.size()));
  if (added || layout_.constants[entry->second] != tensor.data()) {
    layout_.constants.push_back(tensor.data());
    layout_.owners.push_back(tensor.memory());
  }
  return {{Buffer::Kind::constant, entry->second},
          0,
          tensor.type(),
          tensor.shape(),
          plain_strides(tensor.shape())};
}

View Lowering::view_of(const MemoryRef& memory, ElementType type, const Shape& dims) {
  const auto [entry, added] = constant_index_.try_emplace(
      memory->data(), static_cast<std::uint32_t>(layout_.constants.size()));
  if (added) {
    layout_.constants.push_back(memory->data());
    layout_.owners.push_back(memory);
  }
  return {{Buffer::Kind::constant, entry->second}, 0, type, dims, plain_strides(dims)};
}

Argument Lowering::packed(int id, const Tensor& constant, const View& view,
                          const dnnl::memory::desc& desc, const std::string& kind) {
  const auto from = desc_of(view);
  if (from == desc) {
    return argument(id, view);
  }
  const auto memory = weights_.pack(constant, view.offset, from, desc, kind);
  return argument(id, view_of(memory, view.type, {}), desc);
}

Argument Lowering::reordered(int id, const View& view, const dnnl::memory::desc& desc) {
  const auto from = desc_of(view);
  if (from == desc) {
    return argument(id, view);
  }
  const auto to = temporary(static_cast<std::int64_t>(desc.get_size()));
  const dnnl::reorder::primitive_desc reorder{engine(), from, engine(), desc, attributes()};
  add(reorder, dnnl::reorder{reorder},
      {argument(DNNL_ARG_FROM, view, from), argument(DNNL_ARG_TO, to, desc)});
  return argument(id, to, desc);
}

std::vector<dnnl::memory::desc> Lowering::packed_layouts(const Tensor& constant, const View& view) {
  return weights_.layouts(constant, view.offset, desc_of(view));
}

View Lowering::new_block(ElementType type, const Shape& dims, const Dims& strides) {
  if (type == ElementType::string) {
    throw Unsupported(fmt::format("strings cannot be computed while a model runs ({})",
                                  node_ ? graph::describe(*node_) : "a stage's output"));
  }
  View view{{Buffer::Kind::scratch, static_cast<std::uint32_t>(block_bytes_.size())},
            0,
            type,
            dims,
            strides};
  block_bytes_.push_back(view.extent_bytes());
  held_.emplace_back();
  return view;
}

View Lowering::temporary(ElementType type, const Shape& dims, const Dims& strides) {
  return new_block(type, dims, strides);
}

View Lowering::temporary(std::int64_t bytes) { return new_block(ElementType::u8, {bytes}, {1}); }

void Lowering::hold(graph::ValueId id, const View& view) {
  if (view.buffer.kind == Buffer::Kind::scratch) {
    held_[view.buffer.index].push_back(id);
  }
}

View Lowering::with_strides(graph::ValueId id, const Dims& strides) {
  const auto& natural = view(id);
  if (same_strides(natural.dims, natural.strides, strides)) {
    auto result = natural;
    result.strides = strides;
    return result;
  }
  const auto [begin, end] = copies_.equal_range(id.index);
  for (auto i = begin; i != end; ++i) {
    if (same_strides(natural.dims, i->second.strides, strides)) {
      return i->second;
    }
  }
  const auto copied = new_block(natural.type, natural.dims, strides);
  copy(natural, copied);
  hold(id, copied);
  copies_.emplace(id.index, copied);
  return copied;
}

View Lowering::plain_copy(const View& view) {
  const auto copied = new_block(view.type, view.dims, plain_strides(view.dims));
  copy(view, copied);
  return copied;
}

View Lowering::destination(graph::ValueId id, const Dims& strides) {
  const auto& value = graph_[id];
  View result{{}, 0, value.type, value.shape.to_shape(), strides};
  const auto output = std::find(outputs_.begin(), outputs_.end(), id);
  if (output != outputs_.end() && result.is_plain()) {
    result.buffer = {Buffer::Kind::output, static_cast<std::uint32_t>(output - outputs_.begin())};
  } else {
    result = new_block(result.type, result.dims, strides);
  }
  alias(id, result);
  return result;
}

void Lowering::alias(graph::ValueId id, View view) {
  hold(id, view);
  views_[id.index] = std::move(view);
}

View Lowering::copies(graph::ValueId id, std::int64_t parts) {
  const auto& value = graph_[id];
  const auto dims = value.shape.to_shape();
  View result{{}, 0, value.type, dims, plain_strides(dims)};
  const auto bytes = (result.extent_bytes() + 63) / 64 * 64;
  result.buffer = temporary(bytes * parts).buffer;
  alias(id, result);
  copy_bytes_[id.index] = bytes;
  return result;
}

std::int64_t Lowering::copy_bytes(graph::ValueId id, const View& view) const {
  const auto entry = copy_bytes_.find(id.index);
  const auto& written = views_[id.index];
  return entry != copy_bytes_.end() && written && written->buffer == view.buffer &&
                 written->offset == view.offset
             ? entry->second
             : 0;
}

const Dims* Lowering::wanted_strides(graph::ValueId id) const {
  const auto entry = wanted_.find(id.index);
  return entry == wanted_.end() ? nullptr : &entry->second;
}

bool Lowering::may_overwrite(graph::ValueId id, const View& view) const {
  if (view.buffer.kind != Buffer::Kind::scratch) {
    return false;
  }
  int left = 0;
  for (const auto held : held_[view.buffer.index]) {
    left += reads_left_[held.index];
  }
  return left == 1 && reads_left_[id.index] == 1;
}

View Lowering::result_over(graph::ValueId id, const View& src, graph::ValueId result) {
  const bool leaves = std::find(outputs_.begin(), outputs_.end(), result) != outputs_.end();
  if (leaves || !may_overwrite(id, src)) {
    return destination(result, src.strides);
  }
  alias(result, src);
  return src;
}

void Lowering::note(const View* dst, std::string implementation, double flops) {
  Plan::StepInfo info;
  info.node = node_ ? node_->name : "";
  info.type = node_ ? node_->type : "Output";
  if (node_ != nullptr) {
    for (const auto& post_op : node_->post_ops) {
      info.type += "+" + post_op.type;
    }
  }
  info.implementation = std::move(implementation);
  info.layout = dst ? layout_name(*dst) : "";
  info.flops = flops;
  infos_.push_back(std::move(info));
}

void Lowering::add(const dnnl::primitive_desc_base& desc, const dnnl::primitive& primitive,
                   std::vector<Argument> arguments, Cost cost) {
  const auto scratchpad = desc.scratchpad_desc();
  if (scratchpad.get_size() != 0) {
    const auto memory = temporary(static_cast<std::int64_t>(scratchpad.get_size()));
    arguments.push_back({DNNL_ARG_SCRATCHPAD, scratchpad, memory.buffer, 0});
  }
  auto step = std::make_unique<Step>();
  step->node = node_ ? graph::describe(*node_) : "";
  step->primitive = primitive;
  step->arguments = std::move(arguments);
  const View* dst = nullptr;
  if (node_ != nullptr && !node_->outputs.empty() && node_->outputs[0] &&
      views_[node_->outputs[0].index]) {
    dst = &*views_[node_->outputs[0].index];
  }
  note(dst, desc.impl_info_str(), cost.flops);
  steps_.push_back(std::move(step));
}

void Lowering::add(ops::Kernel kernel, std::span<const View> src, std::span<const View> dst,
                   Cost cost) {
  auto step = std::make_unique<Step>();
  step->node = node_ ? graph::describe(*node_) : "";
  step->kernel = std::move(kernel);
  step->sources = src.size();
  for (const auto& view : src) {
    step->arguments.push_back({0, {}, view.buffer, view.offset});
  }
  for (const auto& view : dst) {
    step->arguments.push_back({0, {}, view.buffer, view.offset});
  }
  note(dst.empty() ? nullptr : &dst[0], std::move(cost.implementation), cost.flops);
  steps_.push_back(std::move(step));
}

void Lowering::add(ops::Parts parts, std::span<const View> src, std::span<const View> dst,
                   std::vector<Reach> reaches, Cost cost) {
  add(ops::Kernel{}, src, dst, std::move(cost));
  auto& step = *steps_.back();
  step.parts = std::move(parts);
  for (std::size_t i = 0; i < reaches.size(); ++i) {
    step.arguments[i].reach = std::move(reaches[i]);
  }
}

void Lowering::add_reader(const View& weights, const kernels::PanelReads& reads,
                          std::shared_ptr<kernels::PanelReads> next) {
  // What is fetched has to be there still: in the second cache, behind a few small steps.
  constexpr std::size_t soon = 8;
  const auto step = steps_.size() - 1;
  if (reader_.next != nullptr && step - reader_.step <= soon) {
    auto& before = *steps_[reader_.step];
    before.arguments.insert(before.arguments.begin() + static_cast<std::ptrdiff_t>(before.sources),
                            {0, {}, weights.buffer, weights.offset});
    ++before.sources;
    *reader_.next = reads;
  }
  reader_ = {step, std::move(next)};
}

void Lowering::copy(const View& src, const View& dst) {
  if (src.elements() == 0) {
    return;
  }
  add(kernels::strided_copy(size_of(src.type), src.dims, src.strides, dst.strides, threads_),
      {&src, 1}, {&dst, 1}, {.implementation = "copy"});
}

void Lowering::lower_by_kernel(const graph::Node& node) {
  const ops::KernelContext context{node, graph_};
  if (is_mixed(node)) {  // its weights are f32 beside bf16 sources
    throw Unsupported(
        fmt::format("oneDNN has no primitive for this in bf16 ({})", graph::describe(node)));
  }
  if (node.op->kernel == nullptr) {
    throw Unsupported(
        fmt::format("{} cannot run with these types and shapes", graph::describe(node)));
  }
  const View missing =
      view_of(MemoryRef{Memory::wrap(nullptr, 0, nullptr, true)}, ElementType::u8, {});
  std::vector<View> src;
  for (const auto id : node.inputs) {
    src.push_back(id ? plain(id) : missing);
  }
  auto kernel = node.op->kernel(context);
  std::vector<View> dst;
  for (const auto id : node.outputs) {
    dst.push_back(id ? destination(id) : missing);
  }
  add(std::move(kernel), src, dst);
}

void Lowering::lower(const graph::Node& node) {
  node_ = &node;
  const auto empty = std::all_of(node.outputs.begin(), node.outputs.end(), [&](graph::ValueId id) {
    return !id || graph_[id].shape.to_shape().elements() == 0;
  });
  if (empty) {
    for (const auto id : node.outputs) {
      if (id) {
        destination(id);
      }
    }
  } else if (node.op->lower == nullptr || !node.op->lower(*this, node)) {
    lower_by_kernel(node);
    ops::lower_post_ops(*this, node);
  }
  for (const auto id : node.inputs) {
    if (id) {
      --reads_left_[id.index];
    }
  }
  for (const auto& post_op : node.post_ops) {
    if (post_op.operand) {
      --reads_left_[post_op.operand.index];
    }
  }
  node_ = nullptr;
}

void Lowering::finish() {
  for (std::uint32_t i = 0; i < outputs_.size(); ++i) {
    const View from = view(outputs_[i]);
    View to = from;
    to.buffer = {Buffer::Kind::output, i};
    to.offset = 0;
    to.strides = plain_strides(from.dims);
    if (from.buffer == to.buffer && from.offset == 0 &&
        same_strides(from.dims, from.strides, to.strides)) {
      continue;
    }
    copy(from, to);
  }
}

/// A product of matrices that only a Transpose reads, and that lies row-major once transposed, is
/// written in that order at once: heads are joined by the product itself.
void Lowering::find_wanted_strides() {
  for (const auto& node : graph_.nodes) {
    const auto order = node.attributes.integers("perm");
    if (node.type != "Transpose" || !order || !uses_.single_use(node.inputs[0])) {
      continue;
    }
    const auto made_by = uses_.producer(node.inputs[0]);
    const auto makes_strided = [](const graph::Node& maker) {
      return maker.type == "MatMul" || (maker.type == "Attention" && maker.domain == "coinfer");
    };
    if (made_by < 0 || !makes_strided(graph_.nodes[static_cast<std::size_t>(made_by)])) {
      continue;
    }
    const auto& readers = uses_.readers(node.outputs[0]);
    const bool wants_plain = uses_.is_output(node.outputs[0]) ||
                             std::any_of(readers.begin(), readers.end(),
                                         [&](auto i) { return graph_.nodes[i].type == "Reshape"; });
    if (!wants_plain) {
      continue;
    }
    const auto plain = plain_strides(graph_[node.outputs[0]].shape.to_shape());
    Dims strides(plain.size());
    for (std::size_t i = 0; i < plain.size(); ++i) {
      const auto axis =
          (*order)[i] + ((*order)[i] < 0 ? static_cast<std::int64_t>(plain.size()) : 0);
      strides[static_cast<std::size_t>(axis)] = plain[i];
    }
    wanted_[node.inputs[0].index] = std::move(strides);
  }
}

}  // namespace coinfer::plan
