#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plan/onednn.hpp"
#include "plan/step.hpp"
#include "plan/weights_store.hpp"

namespace coinfer::kernels {
struct PanelReads;
}

namespace coinfer::plan {

/// What a step's line in the plan's table says besides its node.
struct Cost {
  double flops = 0;
  std::string implementation = "kernel";
};

/// What an operator's `lower` writes steps with. Nodes are lowered in order; each asks for views of
/// its inputs in the layout that suits it (a reorder is added only when the value does not lie so),
/// gets destinations for its outputs, and adds steps. *Thread safety*: one thread.
class Lowering {
 public:
  Lowering(const graph::Graph& graph, std::span<const Known> known,
           std::span<const graph::ValueId> outputs, Weights& weights, int threads);

  const graph::Graph& graph() const { return graph_; }
  const graph::Uses& uses() const { return uses_; }
  int threads() const { return threads_; }
  ElementType type(graph::ValueId id) const { return graph_[id].type; }
  Shape dims(graph::ValueId id) const { return graph_[id].shape.to_shape(); }
  /// Null when the value is not constant.
  const Tensor& constant(graph::ValueId id) const { return graph_[id].constant; }

  /// Something reads the value.
  bool is_needed(graph::ValueId id) const { return id && reads_left_[id.index] > 0; }

  /// The value as it lies.
  const View& view(graph::ValueId id);
  /// The value dense and row-major.
  View plain(graph::ValueId id) {
    return with_strides(id, plain_strides(graph_[id].shape.to_shape()));
  }
  View channels_last(graph::ValueId id) {
    return with_strides(id, channels_last_strides(graph_[id].shape.to_shape()));
  }
  /// The value with exactly these strides.
  View with_strides(graph::ValueId id, const Dims& strides);
  /// `view` (of value `id`, perhaps reshaped) copied to new memory that is dense row-major.
  View plain_copy(const View& view);

  /// New memory for a result that the node writes with these strides: the stage's output itself
  /// when it fits.
  View destination(graph::ValueId id, const Dims& strides);
  View destination(graph::ValueId id) {
    return destination(id, plain_strides(graph_[id].shape.to_shape()));
  }
  /// New memory with a copy of the result for each of so many parts, dense and row-major, which a
  /// step in parts writes, all of them; who does not know reads the first one. Not for outputs of
  /// the stage.
  View copies(graph::ValueId id, std::int64_t parts);
  /// Bytes from one such copy of the value to the next, where `view` is that value as it was
  /// written; else 0.
  std::int64_t copy_bytes(graph::ValueId id, const View& view) const;
  /// The strides in which a reader down the line wants this value, when one does and the producer
  /// is free to choose; else nullptr.
  const Dims* wanted_strides(graph::ValueId id) const;
  /// The result is (a view of) memory that exists already.
  void alias(graph::ValueId id, View view);
  /// Memory that only this node's steps use, or that a view of it makes a value.
  View temporary(ElementType type, const Shape& dims, const Dims& strides);
  View temporary(std::int64_t bytes);
  /// The memory of `view`, which holds value `id`, is not read after the node that is being
  /// lowered, and may be written by it.
  bool may_overwrite(graph::ValueId id, const View& view) const;
  /// A destination for `result` with the strides of `src`: over `src`, which holds value `id`, when
  /// that is not read any more.
  View result_over(graph::ValueId id, const View& src, graph::ValueId result);

  /// Adds a primitive; arguments are completed with its scratchpad.
  void add(const dnnl::primitive_desc_base& desc, const dnnl::primitive& primitive,
           std::vector<Argument> arguments, Cost cost = {});
  /// Adds a kernel: sources and destinations in the order the kernel takes them.
  void add(ops::Kernel kernel, std::span<const View> src, std::span<const View> dst,
           Cost cost = {});
  /// Adds a kernel in parts. `reaches`: of sources and destinations.
  void add(ops::Parts parts, std::span<const View> src, std::span<const View> dst,
           std::vector<Reach> reaches, Cost cost = {});
  /// The kernel that was added last reads these weights. At its end it can fetch what the next such
  /// kernel reads first: when one follows soon, `next` tells it of that, and that one's weights
  /// become its last source.
  void add_reader(const View& weights, const kernels::PanelReads& reads,
                  std::shared_ptr<kernels::PanelReads> next);
  /// Adds a step that copies elements of equal types and extents.
  void copy(const View& src, const View& dst);

  static Argument argument(int id, const View& view) {
    return {id, desc_of(view), view.buffer, view.offset};
  }
  static Argument argument(int id, const View& view, const dnnl::memory::desc& desc) {
    return {id, desc, view.buffer, view.offset};
  }
  /// A constant seen as `view` (from view_of), packed as `desc` wants it. `kind`: where oneDNN puts
  /// sums behind the weights, all that it chose these by, so that what is packed can be kept.
  Argument packed(int id, const Tensor& constant, const View& view, const dnnl::memory::desc& desc,
                  const std::string& kind = {});
  /// The same for memory that is not constant: a reorder step.
  Argument reordered(int id, const View& view, const dnnl::memory::desc& desc);
  std::vector<dnnl::memory::desc> packed_layouts(const Tensor& constant, const View& view);
  /// A constant as it lies in memory.
  View view_of(const Tensor& constant);
  /// Memory that lives as long as the plan, or as the model's weights.
  View view_of(const MemoryRef& memory, ElementType type, const Shape& dims);
  Weights::Impl& weights() { return weights_; }

  /// Lowers one node (its post-ops included), by `lower` or by its plain kernel.
  void lower(const graph::Node& node);
  /// Copies to stage outputs what does not lie there yet.
  void finish();

  std::vector<std::unique_ptr<Step>>& steps() { return steps_; }
  std::vector<Plan::StepInfo>& infos() { return infos_; }
  const std::vector<std::int64_t>& block_bytes() const { return block_bytes_; }
  Plan::Layout& layout() { return layout_; }

 private:
  void find_wanted_strides();
  void lower_by_kernel(const graph::Node& node);
  View new_block(ElementType type, const Shape& dims, const Dims& strides);
  void hold(graph::ValueId id, const View& view);
  void note(const View* dst, std::string implementation, double flops);

  const graph::Graph& graph_;
  Weights::Impl& weights_;
  const int threads_;
  graph::Uses uses_;
  std::span<const graph::ValueId> outputs_;
  std::vector<std::optional<View>> views_;         // by value
  std::multimap<std::uint32_t, View> copies_;      // by value: the same in other layouts
  std::vector<int> reads_left_;                    // by value
  std::vector<std::vector<graph::ValueId>> held_;  // by scratch block
  std::vector<std::int64_t> block_bytes_;
  std::map<std::uint32_t, Dims> wanted_;
  std::map<std::uint32_t, std::int64_t> copy_bytes_;  // by value
  std::map<const void*, std::uint32_t> constant_index_;
  Plan::Layout layout_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Plan::StepInfo> infos_;
  struct Reader {
    std::size_t step = 0;
    std::shared_ptr<kernels::PanelReads> next;
  };
  Reader reader_;  // the last one
  const graph::Node* node_ = nullptr;
};

}  // namespace coinfer::plan
