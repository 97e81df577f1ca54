#include "runtime/profile.hpp"

#include <unordered_map>

#include "runtime/run.hpp"

namespace coinfer::runtime {
namespace {

using Status = ProfilingInfo::Status;

/// Entries by node name, in the order in which nodes came first.
class Table {
 public:
  ProfilingInfo& at(const std::string& node, const std::string& type) {
    const auto [found, fresh] = index_.emplace(node, entries_.size());
    if (fresh) {
      entries_.push_back({.node_name = node, .node_type = type});
      longest_.emplace_back();
    }
    return entries_[found->second];
  }
  bool has(const std::string& node) const { return index_.contains(node); }

  void add(const plan::Plan::StepInfo& step, std::chrono::nanoseconds time) {
    auto& entry = at(step.node, step.type);
    auto& longest = longest_[static_cast<std::size_t>(&entry - entries_.data())];
    if (entry.exec_type.empty() || time > longest) {
      entry.exec_type = step.implementation;
      longest = time;
    }
    entry.status = Status::executed;
    entry.real_time += time;
    entry.cpu_time = entry.real_time;
  }

  std::vector<ProfilingInfo> take() { return std::move(entries_); }

 private:
  std::vector<ProfilingInfo> entries_;
  std::vector<std::chrono::nanoseconds> longest_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace

void Profile::add(const std::shared_ptr<const StagePlan>& stage, const plan::StepTimes& times) {
  for (auto& known : stages_) {
    if (known.plan == stage) {
      std::transform(times.begin(), times.end(), known.times.begin(), known.times.begin(),
                     std::plus{});
      return;
    }
  }
  stages_.push_back({stage, times});
}

std::vector<ProfilingInfo> profile_of(const Compiled& model, Operation* operation) {
  Table table;
  bool ran = false;
  if (operation != nullptr && model.config().perf_count) {
    for (const auto& stage : RunFrame::of(*operation).profile.stages()) {
      const auto steps = stage.plan->plan->step_infos();
      for (std::size_t i = 0; i < steps.size() && i < stage.times.size(); ++i) {
        table.add(steps[i], stage.times[i]);
        ran = true;
      }
    }
  }
  for (const auto& node : model.graph().nodes) {
    if (!table.has(node.name)) {
      table.at(node.name, node.type).status = ran ? Status::optimized_out : Status::not_run;
    }
  }
  return table.take();
}

}  // namespace coinfer::runtime
