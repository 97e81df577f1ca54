#include <cstring>

#include "coinfer/error.hpp"
#include "kernels/parts.hpp"
#include "plan/onednn.hpp"
#include "plan/step.hpp"

namespace coinfer::plan {
namespace {

struct Ready {
  dnnl_primitive_t primitive = nullptr;
  const ops::Kernel* kernel = nullptr;
  const ops::Parts* parts = nullptr;
  std::size_t first = 0;  // of its arguments
  int count = 0;
  std::size_t sources = 0;
};

void check(dnnl_status_t status, const char* what) {
  if (status != dnnl_success) {
    throw Error(fmt::format("oneDNN could not {} (status {})", what, static_cast<int>(status)));
  }
}

}  // namespace

std::byte* Scratch::reserve(std::size_t bytes) {
  if (bytes > bytes_ || data_ == nullptr) {
    memory_ = Memory::allocate(std::max<std::size_t>(bytes, 64));
    data_ = memory_->data();
    bytes_ = std::max<std::size_t>(bytes, 64);
  }
  return data_;
}

void Scratch::release() {
  memory_.reset();
  data_ = nullptr;
  bytes_ = 0;
}

/// All arguments of all steps in one array, and who has to be told when a pointer changes.
struct Instance::Bound {
  struct Place {
    std::size_t argument;
    std::int64_t offset;
  };

  Bound(const Plan& plan, Scratch& scratch) : scratch{scratch} {
    inputs.resize(plan.inputs_.size());
    outputs.resize(plan.outputs_.size());
    last_inputs.resize(inputs.size());
    last_outputs.resize(outputs.size());
    const auto bytes_of = [](const PortSpec& port) {
      return static_cast<std::size_t>(port.shape.elements()) * size_of(port.type);
    };
    std::transform(plan.inputs_.begin(), plan.inputs_.end(), std::back_inserter(input_bytes),
                   bytes_of);
    std::transform(plan.outputs_.begin(), plan.outputs_.end(), std::back_inserter(output_bytes),
                   bytes_of);
    std::size_t total = 0;
    for (const auto& step : plan.steps_) {
      total += step->arguments.size();
    }
    memories.resize(total);
    executed.resize(total);
    pointers.resize(total);
    std::size_t at = 0;
    for (const auto& step : plan.steps_) {
      Ready one;
      one.first = at;
      one.count = static_cast<int>(step->arguments.size());
      one.sources = step->sources;
      if (step->kernel) {
        one.kernel = &step->kernel;
      } else if (step->parts.run) {
        one.parts = &step->parts;
      } else {
        one.primitive = step->primitive.get();
      }
      for (const auto& argument : step->arguments) {
        if (step->primitive) {
          memories[at] = dnnl::memory{argument.desc, engine(), DNNL_MEMORY_NONE};
          executed[at] = {argument.id, memories[at].get()};
        }
        const Place place{at, argument.offset};
        switch (argument.buffer.kind) {
          case Buffer::Kind::scratch:
            scratched.push_back(place);
            break;
          case Buffer::Kind::constant: {
            auto* data = const_cast<void*>(plan.layout_->constants[argument.buffer.index]);
            point(place, data);
            break;
          }
          case Buffer::Kind::input:
            inputs[argument.buffer.index].push_back(place);
            break;
          case Buffer::Kind::output:
            outputs[argument.buffer.index].push_back(place);
            break;
        }
        ++at;
      }
      ready.push_back(one);
    }
    stream = dnnl::stream{engine()};
  }

  void point(const Place& place, void* base) {
    auto* data = base == nullptr ? nullptr : static_cast<std::byte*>(base) + place.offset;
    pointers[place.argument] = data;
    if (memories[place.argument]) {
      check(dnnl_memory_set_data_handle(memories[place.argument].get(), data), "set a pointer");
    }
  }

  void point(const std::vector<Place>& places, void* base) {
    for (const auto& place : places) {
      point(place, base);
    }
  }

  void rebind(std::size_t scratch_bytes, std::span<const void* const> in,
              std::span<void* const> out) {
    auto* base = scratch.reserve(scratch_bytes);
    if (base != last_scratch) {
      point(scratched, base);
      last_scratch = base;
    }
    bool changed = false;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (in[i] != last_inputs[i]) {
        point(inputs[i], const_cast<void*>(in[i]));
        last_inputs[i] = in[i];
        changed = true;
      }
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (out[i] != last_outputs[i]) {
        point(outputs[i], out[i]);
        last_outputs[i] = out[i];
        changed = true;
      }
    }
    if (changed) {
      set_aside();
    }
  }

  /// An output over memory that is also an input must not be written before the input is read: it
  /// gets memory of its own, and is copied when the run is over.
  void set_aside() {
    for (const auto& one : aside) {
      point(outputs[one.output], last_outputs[one.output]);
    }
    aside.clear();
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto* begin = static_cast<const std::byte*>(last_outputs[i]);
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        const auto* other = static_cast<const std::byte*>(last_inputs[k]);
        if (std::less<>{}(begin, other + input_bytes[k]) &&
            std::less<>{}(other, begin + output_bytes[i])) {
          aside.push_back({i, Memory::allocate(output_bytes[i])});
          point(outputs[i], aside.back().memory->data());
          break;
        }
      }
    }
  }

  void bring_back() {
    for (const auto& one : aside) {
      std::memcpy(last_outputs[one.output], one.memory->data(), output_bytes[one.output]);
    }
  }

  void execute(const Section& section) {
    const auto& one = ready[section.first];
    if (one.parts != nullptr) {
      kernels::for_each_of(one.parts->count, [&](std::int64_t part) {
        for (auto i = section.first; i < section.end; ++i) {
          auto* const* arguments = pointers.data() + ready[i].first;
          ready[i].parts->run(arguments, arguments + ready[i].sources, part);
        }
      });
      return;
    }
    if (one.kernel != nullptr) {
      (*one.kernel)(pointers.data() + one.first, pointers.data() + one.first + one.sources);
      return;
    }
    check(
        dnnl_primitive_execute(one.primitive, stream.get(), one.count, executed.data() + one.first),
        "execute the step");
  }

  Scratch& scratch;
  std::vector<dnnl::memory> memories;     // null for kernels' arguments
  std::vector<dnnl_exec_arg_t> executed;  // parallel to memories
  std::vector<void*> pointers;            // parallel to memories
  std::vector<Ready> ready;
  std::vector<Place> scratched;
  std::vector<std::vector<Place>> inputs;
  std::vector<std::vector<Place>> outputs;
  struct Aside {
    std::size_t output;
    MemoryRef memory;
  };
  std::vector<Aside> aside;
  std::vector<std::size_t> input_bytes;
  std::vector<std::size_t> output_bytes;
  std::byte* last_scratch = nullptr;
  std::vector<const void*> last_inputs;
  std::vector<void*> last_outputs;
  dnnl::stream stream;
};

Instance::Instance(std::shared_ptr<const Plan> plan, Scratch& scratch)
    : plan_{std::move(plan)}, bound_{std::make_unique<Bound>(*plan_, scratch)} {}

Instance::~Instance() = default;

Instance::End Instance::run(std::span<const void* const> inputs, std::span<void* const> outputs,
                            const std::atomic<bool>& stop, StepTimes* times) {
  bound_->rebind(plan_->scratch_bytes(), inputs, outputs);
  using Clock = std::chrono::steady_clock;
  auto before = times != nullptr ? Clock::now() : Clock::time_point{};
  if (times != nullptr) {
    times->assign(bound_->ready.size(), {});
  }
  const auto count = times != nullptr ? bound_->ready.size() : plan_->sections_.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (stop.load(std::memory_order_relaxed)) {
      return End::stopped;
    }
    const auto section = times != nullptr ? Section{i, i + 1} : plan_->sections_[i];
    try {
      bound_->execute(section);
    } catch (const std::exception& error) {
      const auto& node = plan_->steps_[section.first]->node;
      if (std::string_view{error.what()}.find(node) != std::string_view::npos) {
        throw;
      }
      throw Error(fmt::format("{} ({})", error.what(), node));
    }
    if (times != nullptr) {
      const auto now = Clock::now();
      (*times)[i] = now - before;
      before = now;
    }
  }
  bound_->bring_back();
  return End::finished;
}

}  // namespace coinfer::plan
