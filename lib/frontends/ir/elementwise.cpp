#include <cmath>

#include "frontends/ir/types.hpp"
#include "frontends/ir/writer.hpp"

/// Element by element: arithmetic, comparisons, activations, FakeQuantize.
namespace coinfer::frontends::ir {
namespace {

using Values = std::vector<ValueId>;

template <const auto& name>
Values unary(Writer& w) {
  return {w.node(name, {w.in(0)})};
}

/// The two operands as numpy would align them: pdpd's axis says where the second one begins.
std::pair<ValueId, ValueId> operands(Writer& w) {
  const auto rule = w.text("auto_broadcast", "numpy");
  if (rule != "pdpd") {
    return {w.in(0), w.in(1)};
  }
  const auto ranks = std::pair{w.rank(0), w.rank(1)};
  auto axis = w.integer("axis", -1);
  axis = axis < 0 ? ranks.first - ranks.second : axis;
  std::vector<std::int64_t> behind;
  for (auto i = ranks.second; i < ranks.first - axis; ++i) {
    behind.push_back(i);
  }
  return {w.in(0), w.unsqueeze(w.in(1), behind)};
}

template <const auto& name>
Values binary(Writer& w) {
  const auto [a, b] = operands(w);
  return {w.node(name, {a, b})};
}

constexpr char abs_[] = "Abs", acos_[] = "Acos", acosh_[] = "Acosh", add[] = "Add", and_[] = "And",
               asin_[] = "Asin", asinh_[] = "Asinh", atan_[] = "Atan", atanh_[] = "Atanh",
               bit_and[] = "BitwiseAnd", bit_not[] = "BitwiseNot", bit_or[] = "BitwiseOr",
               bit_xor[] = "BitwiseXor", ceil_[] = "Ceil", cos_[] = "Cos", cosh_[] = "Cosh",
               div_[] = "Div", equal[] = "Equal", erf_[] = "Erf", exp_[] = "Exp",
               floor_[] = "Floor", greater[] = "Greater", greater_equal[] = "GreaterOrEqual",
               hswish[] = "HardSwish", is_nan[] = "IsNaN", less[] = "Less",
               less_equal[] = "LessOrEqual", log_[] = "Log", max_[] = "Max", min_[] = "Min",
               mish[] = "Mish", mul[] = "Mul", neg[] = "Neg", not_[] = "Not", or_[] = "Or",
               pow_[] = "Pow", relu[] = "Relu", sigmoid[] = "Sigmoid", sign[] = "Sign",
               sin_[] = "Sin", sinh_[] = "Sinh", softplus[] = "Softplus", softsign[] = "Softsign",
               sqrt_[] = "Sqrt", sub[] = "Sub", tan_[] = "Tan", tanh_[] = "Tanh", xor_[] = "Xor",
               cast_like[] = "CastLike", identity[] = "Identity", left[] = "LEFT",
               right[] = "RIGHT";

Values not_equal(Writer& w) {
  const auto [a, b] = operands(w);
  return {w.node("Not", {w.node("Equal", {a, b})})};
}

/// The remainder has the dividend's sign.
Values mod(Writer& w) {
  const auto [a, b] = operands(w);
  return {w.node("Mod", {a, b}, {{"fmod", std::int64_t{1}}})};
}

/// The remainder has the divisor's sign.
Values floor_mod(Writer& w) {
  const auto [a, b] = operands(w);
  if (!is_floating(w.type(a))) {
    return {w.node("Mod", {a, b})};
  }
  const auto rest = w.node("Mod", {a, b}, {{"fmod", std::int64_t{1}}});
  const auto zero = w.scalar(0, a);
  const auto inexact = w.node("Not", {w.node("Equal", {rest, zero})});
  const auto apart = w.node("Xor", {w.node("Less", {rest, zero}), w.node("Less", {b, zero})});
  return {w.node("Where", {w.node("And", {inexact, apart}), w.node("Add", {rest, b}), rest})};
}

Values squared_difference(Writer& w) {
  const auto [a, b] = operands(w);
  const auto difference = w.node("Sub", {a, b});
  return {w.node("Mul", {difference, difference})};
}

Values convert(Writer& w) {
  const auto name = w.text("destination_type", "");
  for (auto i = static_cast<int>(ElementType::boolean); i < static_cast<int>(ElementType::string);
       ++i) {
    auto type = static_cast<ElementType>(i);
    if (name_of(type) == name) {
      const bool half = type == ElementType::f16 || type == ElementType::bf16;
      type = half && w.is_wide() ? ElementType::f32 : type;
      return {w.type(w.in(0)) == type ? w.in(0) : w.cast(w.in(0), type)};
    }
  }
  w.unsupported(fmt::format("the destination_type '{}' is not supported", name));
}

Values clamp(Writer& w) {
  const auto x = w.in(0);
  auto low = w.real("min", 0);
  auto high = w.real("max", 0);
  if (is_integral(w.type(x))) {
    low = std::ceil(low);
    high = std::floor(high);
  }
  return {w.node("Clip", {x, w.scalar(low, x), w.scalar(high, x)})};
}

Values elu(Writer& w) {
  return {w.node("Elu", {w.in(0)}, {{"alpha", static_cast<float>(w.real("alpha", 1))}})};
}

Values selu(Writer& w) {
  const auto x = w.in(0);
  const auto scaled = w.node("Mul", {w.in(1), w.node("Sub", {w.node("Exp", {x}), w.scalar(1, x)})});
  const auto positive = w.node("Greater", {x, w.scalar(0, x)});
  return {w.node("Mul", {w.in(2), w.node("Where", {positive, x, scaled})})};
}

/// A slope of rank 1 belongs to the channels.
Values prelu(Writer& w) {
  auto slope = w.in(1);
  const auto& shape = w.graph()[slope].shape;
  if (shape.has_rank() && shape.rank() == 1 && shape[0] != Dimension{1} && w.rank(0) > 2) {
    std::vector<std::int64_t> axes;
    for (std::int64_t i = 1; i < w.rank(0) - 1; ++i) {
      axes.push_back(i);
    }
    slope = w.unsqueeze(slope, axes);
  }
  return {w.node("PRelu", {w.in(0), slope})};
}

Values gelu(Writer& w) {
  const bool tanh = w.text("approximation_mode", "ERF") == "TANH" ||
                    w.text("approximation_mode", "ERF") == "tanh";
  return {w.node("Gelu", {w.in(0)}, {{"approximate", std::string{tanh ? "tanh" : "none"}}})};
}

Values swish(Writer& w) {
  const auto x = w.in(0);
  const auto scaled = w.inputs() > 1 ? w.node("Mul", {x, w.in(1)}) : x;
  return {w.node("Mul", {x, w.node("Sigmoid", {scaled})})};
}

Values hsigmoid(Writer& w) {
  return {w.node("HardSigmoid", {w.in(0)}, {{"alpha", 1.0F / 6}, {"beta", 0.5F}})};
}

Values hard_sigmoid(Writer& w) {
  const auto x = w.in(0);
  const auto line = w.node("Add", {w.node("Mul", {x, w.in(1)}), w.in(2)});
  return {w.node("Clip", {line, w.scalar(0, x), w.scalar(1, x)})};
}

Values round(Writer& w) {
  const auto x = w.in(0);
  if (w.text("mode", "half_to_even") == "half_to_even" || !is_floating(w.type(x))) {
    return {is_floating(w.type(x)) ? w.node("Round", {x}) : x};
  }
  const auto size = w.node("Abs", {x});
  const auto whole = w.node("Floor", {size});
  const auto up = w.node("GreaterOrEqual", {w.node("Sub", {size, whole}), w.scalar(0.5, x)});
  const auto next = w.node("Add", {whole, w.scalar(1, x)});
  return {w.node("Mul", {w.node("Sign", {x}), w.node("Where", {up, next, whole})})};
}

template <const auto& direction>
Values shift(Writer& w) {
  const auto [a, b] = operands(w);
  return {w.node("BitShift", {a, b}, {{"direction", std::string{direction}}})};
}

/// Of truth values the logical operator.
template <const auto& bits, const auto& truths>
Values bitwise(Writer& w) {
  const auto [a, b] = operands(w);
  return {w.node(w.type(a) == ElementType::boolean ? truths : bits, {a, b})};
}

Values bitwise_not(Writer& w) {
  return {w.node(w.type(w.in(0)) == ElementType::boolean ? not_ : bit_not, {w.in(0)})};
}

Values is_inf(Writer& w) {
  return {w.node("IsInf", {w.in(0)},
                 {{"detect_negative", std::int64_t{w.flag("detect_negative", true)}},
                  {"detect_positive", std::int64_t{w.flag("detect_positive", true)}}})};
}

Values is_finite(Writer& w) {
  const auto x = w.in(0);
  return {w.node("Not", {w.node("Or", {w.node("IsInf", {x}), w.node("IsNaN", {x})})})};
}

Values select(Writer& w) { return {w.node("Where", {w.in(0), w.in(1), w.in(2)})}; }

/// Values beyond the input's limits become the output's; those between are rounded to one of
/// `levels`.
Values fake_quantize(Writer& w) {
  const auto x = w.in(0);
  const auto in_low = w.in(1), in_high = w.in(2), out_low = w.in(3), out_high = w.in(4);
  const auto levels = w.integer("levels", 256);
  if (levels < 2) {
    w.fail(fmt::format("it has {} levels", levels));
  }
  const auto steps = w.scalar(static_cast<double>(levels - 1), x);
  const auto step = w.node("Div", {w.node("Sub", {x, in_low}), w.node("Sub", {in_high, in_low})});
  const auto level = w.node("Div", {w.node("Round", {w.node("Mul", {step, steps})}), steps});
  const auto between =
      w.node("Add", {w.node("Mul", {level, w.node("Sub", {out_high, out_low})}), out_low});
  const auto above = w.node("Greater", {x, w.node("Max", {in_low, in_high})});
  const auto below = w.node("LessOrEqual", {x, w.node("Min", {in_low, in_high})});
  return {w.node("Where", {below, out_low, w.node("Where", {above, out_high, between})})};
}

Values erf_inv(Writer& w) { return w.own("ErfInv", {w.in(0)}, 1); }

/// The type that holds two: reals before integers, then the wider one; of two integers of which one
/// is signed a signed one that holds both, for u64 the type that the layer names.
ElementType promoted(Writer& w, ElementType a, ElementType b) {
  using enum ElementType;
  if (a == b) {
    return a;
  }
  const auto is_real = [](ElementType type) {
    return type == f32 || type == f64 || type == f16 || type == bf16;
  };
  const auto is_unsigned = [](ElementType type) {
    return type == u8 || type == u16 || type == u32 || type == u64 || type == boolean;
  };
  if (a == boolean || b == boolean) {
    return a == boolean ? b : a;
  }
  const auto wider = size_of(a) >= size_of(b) ? a : b;
  const auto other = wider == a ? b : a;
  if (is_real(a) && is_real(b)) {
    return size_of(a) == size_of(b) ? f32 : wider;
  }
  if (is_real(a) || is_real(b)) {
    return is_real(a) ? a : b;
  }
  if (is_unsigned(a) == is_unsigned(b)) {
    return wider;
  }
  const auto plain = is_unsigned(wider) ? wider : other;
  const auto with_sign = is_unsigned(wider) ? other : wider;
  if (size_of(with_sign) > size_of(plain)) {
    return with_sign;
  }
  switch (size_of(plain)) {
    case 1:
      return i16;
    case 2:
      return i32;
    case 4:
      return i64;
    default:
      return element_type_of(w.text("u64_integer_promotion_target", "f32"), w.layer().title());
  }
}

/// Both as one type; by torch's rule a scalar counts only where it is of a higher kind.
Values convert_promote_types(Writer& w) {
  const auto a = w.type(w.in(0)), b = w.type(w.in(1));
  auto type = promoted(w, a, b);
  if (w.flag("pytorch_scalar_promotion", false)) {
    const auto kind = [](ElementType of) {
      return of == ElementType::boolean ? 0 : is_integral(of) ? 1 : 2;
    };
    const auto first = w.rank(0) == 0, second = w.rank(1) == 0;
    const auto tensor = first ? b : a, scalar = first ? a : b;
    if (first != second && kind(tensor) >= kind(scalar)) {
      type = tensor;
    }
  }
  const auto as = [&](std::size_t i) {
    return w.type(w.in(i)) == type ? w.in(i) : w.cast(w.in(i), type);
  };
  return {as(0), as(1)};
}

/// Scaled and shifted, rounded to 8 bits, and back.
Values fake_convert(Writer& w) {
  const auto type = w.text("destination_type", "f8e4m3");
  if (type != "f8e4m3" && type != "f8e5m2") {
    w.fail(fmt::format("destination_type='{}' is not known", type));
  }
  auto value = w.node("Mul", {w.in(0), w.in(1)});
  if (w.inputs() > 2) {
    value = w.node("Sub", {value, w.in(2)});
  }
  value = w.own("Float8", {value}, 1, {{"wide", std::int64_t{type == "f8e5m2"}}})[0];
  if (w.inputs() > 2) {
    value = w.node("Add", {value, w.in(2)});
  }
  return {w.node("Div", {value, w.in(1)})};
}

constexpr std::array table{
    NamedConversion{"ErfInv", erf_inv},
    NamedConversion{"ConvertPromoteTypes", convert_promote_types},
    NamedConversion{"FakeConvert", fake_convert},
    NamedConversion{"Abs", unary<abs_>},
    NamedConversion{"Acos", unary<acos_>},
    NamedConversion{"Acosh", unary<acosh_>},
    NamedConversion{"Asin", unary<asin_>},
    NamedConversion{"Asinh", unary<asinh_>},
    NamedConversion{"Atan", unary<atan_>},
    NamedConversion{"Atanh", unary<atanh_>},
    NamedConversion{"BitwiseNot", bitwise_not},
    NamedConversion{"Ceiling", unary<ceil_>},
    NamedConversion{"Cos", unary<cos_>},
    NamedConversion{"Cosh", unary<cosh_>},
    NamedConversion{"Erf", unary<erf_>},
    NamedConversion{"Exp", unary<exp_>},
    NamedConversion{"Floor", unary<floor_>},
    NamedConversion{"HSwish", unary<hswish>},
    NamedConversion{"Identity", unary<identity>},
    NamedConversion{"IsNaN", unary<is_nan>},
    NamedConversion{"Log", unary<log_>},
    NamedConversion{"LogicalNot", unary<not_>},
    NamedConversion{"Mish", unary<mish>},
    NamedConversion{"Negative", unary<neg>},
    NamedConversion{"ReLU", unary<relu>},
    NamedConversion{"Relu", unary<relu>},
    NamedConversion{"Sigmoid", unary<sigmoid>},
    NamedConversion{"Sign", unary<sign>},
    NamedConversion{"Sin", unary<sin_>},
    NamedConversion{"Sinh", unary<sinh_>},
    NamedConversion{"SoftPlus", unary<softplus>},
    NamedConversion{"SoftSign", unary<softsign>},
    NamedConversion{"Sqrt", unary<sqrt_>},
    NamedConversion{"Tan", unary<tan_>},
    NamedConversion{"Tanh", unary<tanh_>},
    NamedConversion{"TanH", unary<tanh_>},
    NamedConversion{"Add", binary<add>},
    NamedConversion{"Subtract", binary<sub>},
    NamedConversion{"Multiply", binary<mul>},
    NamedConversion{"Maximum", binary<max_>},
    NamedConversion{"Minimum", binary<min_>},
    NamedConversion{"Power", binary<pow_>},
    NamedConversion{"Equal", binary<equal>},
    NamedConversion{"Greater", binary<greater>},
    NamedConversion{"GreaterEqual", binary<greater_equal>},
    NamedConversion{"Less", binary<less>},
    NamedConversion{"LessEqual", binary<less_equal>},
    NamedConversion{"LogicalAnd", binary<and_>},
    NamedConversion{"LogicalOr", binary<or_>},
    NamedConversion{"LogicalXor", binary<xor_>},
    NamedConversion{"BitwiseAnd", bitwise<bit_and, and_>},
    NamedConversion{"BitwiseOr", bitwise<bit_or, or_>},
    NamedConversion{"BitwiseXor", bitwise<bit_xor, xor_>},
    NamedConversion{"BitwiseLeftShift", shift<left>},
    NamedConversion{"BitwiseRightShift", shift<right>},
    NamedConversion{"ConvertLike", binary<cast_like>},
    NamedConversion{"NotEqual", not_equal},
    NamedConversion{"Divide", binary<div_>},
    NamedConversion{"Mod", mod},
    NamedConversion{"FloorMod", floor_mod},
    NamedConversion{"SquaredDifference", squared_difference},
    NamedConversion{"Convert", convert},
    NamedConversion{"Clamp", clamp},
    NamedConversion{"Elu", elu},
    NamedConversion{"Selu", selu},
    NamedConversion{"PReLU", prelu},
    NamedConversion{"PRelu", prelu},
    NamedConversion{"Gelu", gelu},
    NamedConversion{"Swish", swish},
    NamedConversion{"HSigmoid", hsigmoid},
    NamedConversion{"HardSigmoid", hard_sigmoid},
    NamedConversion{"Round", round},
    NamedConversion{"IsInf", is_inf},
    NamedConversion{"IsFinite", is_finite},
    NamedConversion{"Select", select},
    NamedConversion{"FakeQuantize", fake_quantize},
};

}  // namespace

std::span<const NamedConversion> elementwise_conversions() { return table; }

}  // namespace coinfer::frontends::ir
