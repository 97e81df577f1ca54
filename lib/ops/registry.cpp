#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

// ONNX writes its own domain both ways.
std::string_view canonical(std::string_view domain) { return domain == "ai.onnx" ? "" : domain; }

auto key_of(const OpDef& op) { return std::tuple{op.domain, op.type, op.since}; }

}  // namespace

Registry& Registry::instance() {
  static Registry registry;
  return registry;
}

void Registry::add(const OpDef& op) {
  owned_.push_back(op);
  const auto* added = &owned_.back();
  const auto before = [](const OpDef* a, const OpDef* b) { return key_of(*a) < key_of(*b); };
  ops_.insert(std::upper_bound(ops_.begin(), ops_.end(), added, before), added);
}

const OpDef* Registry::find(std::string_view domain, std::string_view type, int opset) const {
  const auto key = std::tuple{canonical(domain), type, opset};
  const auto after =
      std::upper_bound(ops_.begin(), ops_.end(), key,
                       [](const auto& wanted, const OpDef* op) { return wanted < key_of(*op); });
  if (after == ops_.begin()) {
    return nullptr;
  }
  const auto* op = *std::prev(after);
  return op->domain == canonical(domain) && op->type == type ? op : nullptr;
}

Register::Register(const OpDef& op) { Registry::instance().add(op); }

}  // namespace coinfer::ops
