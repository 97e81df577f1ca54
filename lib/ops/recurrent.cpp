// RNN, GRU and LSTM.
#include "ops/recurrent.hpp"

#include "plan/lowering.hpp"

namespace coinfer::ops {
namespace {

using Kind = GateActivation::Kind;

struct NamedActivation {
  std::string_view name;
  GateActivation activation;  // with its default parameters
};

constexpr NamedActivation named_activations[] = {
    {"affine", {Kind::affine, 1, 0}},
    {"relu", {Kind::relu, 0, 0}},
    {"leakyrelu", {Kind::leaky_relu, 0.01F, 0}},
    {"thresholdedrelu", {Kind::thresholded_relu, 1, 0}},
    {"tanh", {Kind::tanh, 0, 0}},
    {"scaledtanh", {Kind::scaled_tanh, 1, 1}},
    {"sigmoid", {Kind::sigmoid, 0, 0}},
    {"hardsigmoid", {Kind::hard_sigmoid, 0.2F, 0.5F}},
    {"elu", {Kind::elu, 1, 0}},
    {"softsign", {Kind::softsign, 0, 0}},
    {"softplus", {Kind::softplus, 0, 0}},
};

template <class Context>
GateActivation activation_of(const Context& ctx, const std::string& name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const auto& known : named_activations) {
    if (known.name == lower) {
      return known.activation;
    }
  }
  ctx.fail(fmt::format("the activation '{}' is not known", name));
}

/// The parameters of activations are listed for those that have them, in their order.
void set_parameters(const graph::Attributes& attributes, std::vector<GateActivation>& activations) {
  const auto alphas = attributes.reals("activation_alpha").value_or(std::vector<float>{});
  const auto betas = attributes.reals("activation_beta").value_or(std::vector<float>{});
  std::size_t alpha = 0;
  std::size_t beta = 0;
  for (auto& one : activations) {
    const bool has_beta =
        one.kind == Kind::affine || one.kind == Kind::scaled_tanh || one.kind == Kind::hard_sigmoid;
    const bool has_alpha = has_beta || one.kind == Kind::leaky_relu ||
                           one.kind == Kind::thresholded_relu || one.kind == Kind::elu;
    if (has_alpha && alpha < alphas.size()) {
      one.alpha = alphas[alpha++];
    }
    if (has_beta && beta < betas.size()) {
      one.beta = betas[beta++];
    }
  }
}

template <class Context>
RecurrentForm form_of(const Context& ctx, Cell cell) {
  const auto& attributes = ctx.attributes();
  RecurrentForm form;
  form.cell = cell;
  const auto direction = attributes.text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    ctx.fail(fmt::format("the direction is '{}'; forward, reverse or bidirectional was expected",
                         direction));
  }
  form.directions = direction == "bidirectional" ? 2 : 1;
  form.backwards = direction == "reverse";
  form.batch_first = attributes.integer("layout", 0) != 0;
  form.reset_after = attributes.integer("linear_before_reset", 0) != 0;
  form.couple_forget = attributes.integer("input_forget", 0) != 0;
  form.clip = attributes.real("clip", 0);
  std::vector<std::string> names;
  if (const auto* given = attributes.find("activations")) {
    const auto* list = std::get_if<std::vector<std::string>>(given);
    if (list == nullptr) {
      ctx.fail("the attribute 'activations' is not a list of strings");
    }
    names = *list;
  }
  const std::size_t count = cell == Cell::rnn ? 1 : cell == Cell::gru ? 2 : 3;
  const auto wanted = count * static_cast<std::size_t>(form.directions);
  if (names.empty()) {
    for (std::size_t i = 0; i < wanted; ++i) {
      names.emplace_back(cell != Cell::rnn && i % count == 0 ? "Sigmoid" : "Tanh");
    }
  }
  if (names.size() != wanted) {
    ctx.fail(fmt::format("{} activations are given; {} were expected", names.size(), wanted));
  }
  for (const auto& name : names) {
    form.activations.push_back(activation_of(ctx, name));
  }
  set_parameters(attributes, form.activations);
  return form;
}

/// The inputs by their names; input 6 and 7 are the LSTM's.
enum Input : std::size_t { x, weights, recurrence, bias, lengths, initial_h, initial_c, peepholes };

void expect(const InferContext& ctx, std::size_t i, const PartialShape& expected) {
  if (ctx.has(i) && !PartialShape::merge(ctx.shape(i), expected)) {
    ctx.fail(fmt::format("the input {} has the shape {}; {} was expected", i,
                         ctx.shape(i).to_string(), expected.to_string()));
  }
}

template <Cell cell>
void infer(InferContext& ctx) {
  ctx.check_inputs(3, cell == Cell::lstm ? 8 : 6);
  const auto form = form_of(ctx, cell);
  ctx.check_rank(x, 3, 3);
  ctx.check_rank(recurrence, 3, 3);
  if (ctx.has(lengths)) {
    ctx.check_type(lengths, {ElementType::i32});
  }
  const auto extent = [&](std::size_t i, std::size_t axis) {
    return ctx.shape(i).has_rank() ? ctx.shape(i)[axis] : Dimension{};
  };
  const auto time = extent(x, form.batch_first ? 1 : 0);
  const auto batch = extent(x, form.batch_first ? 0 : 1);
  auto hidden = extent(recurrence, 2);
  if (const auto given = ctx.attributes().integer("hidden_size", 0); given > 0) {
    const auto merged = Dimension::merge(hidden, Dimension{given});
    if (!merged) {
      ctx.fail(fmt::format("hidden_size is {}; R has the shape {}", given,
                           ctx.shape(recurrence).to_string()));
    }
    hidden = *merged;
  }
  const Dimension directions{form.directions};
  const auto times = [&](std::int64_t factor) {
    return hidden.is_static() ? Dimension{factor * hidden.length()} : Dimension{};
  };
  const auto gates = gates_of(cell);
  const PartialShape state = form.batch_first ? PartialShape{batch, directions, hidden}
                                              : PartialShape{directions, batch, hidden};
  expect(ctx, weights, {directions, times(gates), extent(x, 2)});
  expect(ctx, recurrence, {directions, times(gates), hidden});
  expect(ctx, bias, {directions, times(2 * gates)});
  expect(ctx, lengths, {batch});
  expect(ctx, initial_h, state);
  if (cell == Cell::lstm) {
    expect(ctx, initial_c, state);
    expect(ctx, peepholes, {directions, times(3)});
  }
  for (std::size_t i = 0; i < ctx.inputs(); ++i) {
    if (i != lengths && ctx.has(i)) {
      ctx.check_type(i, {ctx.type(x)});
    }
  }
  ctx.output(0, ctx.type(x),
             form.batch_first ? PartialShape{batch, time, directions, hidden}
                              : PartialShape{time, directions, batch, hidden});
  ctx.output(1, ctx.type(x), state);
  ctx.output(2, ctx.type(x), state);
}

RecurrentForm static_form(const KernelContext& ctx, Cell cell) {
  auto form = form_of(ctx, cell);
  const auto shape = ctx.shape(x);
  form.time = shape[form.batch_first ? 1 : 0];
  form.batch = shape[form.batch_first ? 0 : 1];
  form.input = shape[2];
  form.hidden = ctx.shape(recurrence)[2];
  return form;
}

/// Sources in the order of the node's inputs, then destinations in that of its outputs.
RecurrentData data_of(const RecurrentForm& form, std::size_t inputs, std::size_t outputs,
                      const void* const* src, void* const* dst) {
  const auto input = [&](std::size_t i) {
    return i < inputs ? static_cast<const float*>(src[i]) : nullptr;
  };
  const auto output = [&](std::size_t i) {
    return i < outputs ? static_cast<float*>(dst[i]) : nullptr;
  };
  RecurrentData data{
      .x = input(x),
      .weights = input(weights),
      .recurrence = input(recurrence),
      .bias = input(bias),
      .lengths = inputs > lengths ? static_cast<const std::int32_t*>(src[lengths]) : nullptr,
      .initial_h = input(initial_h),
      .y = output(0),
      .y_h = output(1)};
  if (form.cell == Cell::lstm) {
    data.initial_c = input(initial_c);
    data.peepholes = input(peepholes);
    data.y_c = output(2);
  }
  return data;
}

template <Cell cell>
Kernel kernel(const KernelContext& ctx) {
  if (ctx.type(x) != ElementType::f32) {
    ctx.unsupported_type(ctx.type(x));
  }
  const auto form = static_form(ctx, cell);
  return [form, inputs = ctx.inputs(), outputs = ctx.outputs()](const void* const* src,
                                                                void* const* dst) {
    std::vector<float> scratch(static_cast<std::size_t>(form.scratch_floats()));
    auto data = data_of(form, inputs, outputs, src, dst);
    data.scratch = scratch.data();
    run_recurrent(form, data);
  };
}

plan::View packed_recurrence(plan::Lowering& lowering, const RecurrentForm& form,
                             const Tensor& constant) {
  const auto bytes = form.directions * form.packed_bytes();
  const auto memory = lowering.weights().derive(
      constant,
      fmt::format("recurrence{} {} {} {} {}", form.halves ? " bf16" : "", form.directions,
                  form.gates(), form.hidden, form.summed_gates()),
      static_cast<std::size_t>(bytes), [&](void* to) {
        const auto of_direction = form.gates() * form.hidden * form.hidden;
        for (std::int64_t i = 0; i < form.directions; ++i) {
          pack_recurrence(form, constant.data<float>() + i * of_direction,
                          static_cast<std::byte*>(to) + i * form.packed_bytes());
        }
      });
  return lowering.view_of(memory, ElementType::u8, {bytes});
}

/// lower_precision has it multiply in bf16, but for the state.
bool is_rounded(const graph::Node& node) {
  return node.attributes.integer("rounded_inputs", 0) != 0;
}

/// What all inputs add to the gates as one product with packed weights, of all directions: a step
/// of its own, where weights and biases are constant.
std::optional<plan::View> lower_inputs(plan::Lowering& lowering, const RecurrentForm& form,
                                       const graph::Node& node) {
  const auto& constant = lowering.constant(node.inputs[weights]);
  const auto rows = form.time * form.batch;
  const auto width = form.directions * form.gates() * form.hidden;
  const bool has_bias = node.has_input(bias);
  if (!constant || !constant.is_continuous() || rows * width * form.input == 0 ||
      (has_bias && (!lowering.constant(node.inputs[bias]) ||
                    !lowering.constant(node.inputs[bias]).is_continuous()))) {
    return std::nullopt;
  }
  Tensor sums{ElementType::f32, Shape{1, width}};
  add_up_biases(form, has_bias ? lowering.constant(node.inputs[bias]).data<float>() : nullptr,
                sums.data<float>());
  const auto biases = lowering.view_of(sums);
  auto given = lowering.plain(node.inputs[weights]);
  given.dims = {form.input, width};
  given.strides = {1, form.input};
  const auto rows_of_x = reshaped(lowering.plain(node.inputs[x]), {rows, form.input}).value();
  const Shape dims{rows, width};
  auto result = lowering.temporary(ElementType::f32, dims, plan::plain_strides(dims));
  const auto make = [&](ElementType type) {
    auto src = rows_of_x;
    src.type = type;
    return dnnl::matmul::primitive_desc{plan::engine(),
                                        desc_of(src),
                                        plan::any_desc(type, given.dims),
                                        desc_of(biases),
                                        desc_of(result),
                                        plan::attributes(),
                                        true};
  };
  dnnl::matmul::primitive_desc primitive;
  if (is_rounded(node)) {
    primitive = make(ElementType::bf16);
  }
  if (!primitive || plan::is_reference(primitive)) {
    primitive = make(ElementType::f32);
  }
  if (!primitive) {
    return std::nullopt;
  }
  lowering.add(primitive, dnnl::matmul{primitive},
               {lowering.reordered(DNNL_ARG_SRC, rows_of_x, primitive.src_desc()),
                lowering.packed(DNNL_ARG_WEIGHTS, constant, given, primitive.weights_desc()),
                plan::Lowering::argument(DNNL_ARG_BIAS, biases),
                plan::Lowering::argument(DNNL_ARG_DST, result)},
               {.flops = 2.0 * static_cast<double>(rows * width * form.input)});
  return result;
}

/// The same in scratch memory that is planned.
template <Cell cell>
bool lower(plan::Lowering& lowering, const graph::Node& node) {
  const KernelContext ctx{node, lowering.graph()};
  if (ctx.type(x) != ElementType::f32) {
    return false;
  }
  auto form = static_form(ctx, cell);
  const auto from_x = lower_inputs(lowering, form, node);
  form.given = from_x.has_value();
  const auto missing =
      lowering.view_of(MemoryRef{Memory::wrap(nullptr, 0, nullptr, true)}, ElementType::u8, {});
  std::vector<plan::View> src;
  for (const auto id : node.inputs) {
    src.push_back(id ? lowering.plain(id) : missing);
  }
  std::vector<plan::View> dst;
  for (const auto id : node.outputs) {
    dst.push_back(id ? lowering.destination(id) : missing);
  }
  dst.push_back(lowering.temporary(form.scratch_floats() * 4));
  const auto steps = static_cast<double>(form.time * form.batch * form.directions);
  const auto flops = 2.0 * steps * static_cast<double>(form.gates() * form.hidden) *
                     static_cast<double>((from_x ? 0 : form.input) + form.hidden);
  const bool packed = form.packs() && lowering.constant(node.inputs[recurrence]) &&
                      lowering.constant(node.inputs[recurrence]).is_continuous();
  form.halves = packed && is_rounded(node);
  if (packed) {
    src.push_back(packed_recurrence(lowering, form, lowering.constant(node.inputs[recurrence])));
  }
  if (from_x) {
    src.push_back(*from_x);
  }
  lowering.add(
      [form, packed, inputs = node.inputs.size(), outputs = node.outputs.size(),
       threads = lowering.threads()](const void* const* from, void* const* to) {
        auto data = data_of(form, inputs, outputs, from, to);
        data.scratch = static_cast<float*>(to[outputs]);
        data.packed = packed ? from[inputs] : nullptr;
        data.from_x =
            form.given ? static_cast<const float*>(from[inputs + (packed ? 1 : 0)]) : nullptr;
        run_recurrent(form, data, threads);
      },
      src, dst, {.flops = flops, .implementation = form.packs() ? "packed" : "gemm"});
  return true;
}

const Register rnn{{.type = "RNN",
                    .since = 7,
                    .infer = infer<Cell::rnn>,
                    .kernel = kernel<Cell::rnn>,
                    .lower = lower<Cell::rnn>}};
const Register gru{{.type = "GRU",
                    .since = 7,
                    .infer = infer<Cell::gru>,
                    .kernel = kernel<Cell::gru>,
                    .lower = lower<Cell::gru>}};
const Register lstm{{.type = "LSTM",
                     .since = 7,
                     .infer = infer<Cell::lstm>,
                     .kernel = kernel<Cell::lstm>,
                     .lower = lower<Cell::lstm>}};

}  // namespace
}  // namespace coinfer::ops
