#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "coinfer/tensor.hpp"
#include "frontends/ir/reader.hpp"

/// Networks of OpenVINO IR as text, with the bytes of their weights.
namespace coinfer::test {

/// The weights that constants lie over.
class IrWeights {
 public:
  template <class T>
  std::pair<std::size_t, std::size_t> add(const std::vector<T>& values) {
    bytes_.resize((bytes_.size() + 7) / 8 * 8);
    const auto offset = bytes_.size();
    bytes_.resize(offset + values.size() * sizeof(T));
    std::memcpy(bytes_.data() + offset, values.data(), values.size() * sizeof(T));
    return {offset, values.size() * sizeof(T)};
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Which output of which layer.
struct IrSource {
  int layer;
  int output = 0;
};

/// A `<net>` or `<body>`. Each layer's outputs have one shape.
class IrNetwork {
 public:
  explicit IrNetwork(IrWeights& weights) : weights_{weights} {}

  /// `shape` is written "2,3"; `data` as the attributes of `<data>`, `more` as elements.
  int add(const std::string& type, const std::string& shape, const std::vector<IrSource>& sources,
          const std::string& data = "", const std::string& opset = "opset1",
          const std::string& more = "", int outputs = 1) {
    const auto id = static_cast<int>(layers_.size());
    layers_.push_back({shape, static_cast<int>(sources.size())});
    text_ += "<layer id=\"" + std::to_string(id) + "\" name=\"" + type + std::to_string(id) +
             "\" type=\"" + type + "\" version=\"" + opset + "\"><data " + data + "/>" + more +
             "<input>";
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const auto& from = layers_[static_cast<std::size_t>(sources[i].layer)];
      text_ += port(static_cast<int>(i), from.shape);
      edges_ += "<edge from-layer=\"" + std::to_string(sources[i].layer) + "\" from-port=\"" +
                std::to_string(from.inputs + sources[i].output) + "\" to-layer=\"" +
                std::to_string(id) + "\" to-port=\"" + std::to_string(i) + "\"/>";
    }
    text_ += "</input><output>";
    for (int i = 0; i < outputs; ++i) {
      text_ += port(static_cast<int>(sources.size()) + i, shape);
    }
    text_ += "</output></layer>";
    return id;
  }
  int parameter(const std::string& shape, const std::string& type = "f32") {
    return add("Parameter", shape, {}, "shape=\"" + shape + "\" element_type=\"" + type + "\"");
  }
  template <class T>
  int constant(const std::string& shape, const std::string& type, const std::vector<T>& values) {
    const auto [offset, size] = weights_.add(values);
    return add("Const", shape, {},
               "element_type=\"" + type + "\" shape=\"" + shape + "\" offset=\"" +
                   std::to_string(offset) + "\" size=\"" + std::to_string(size) + "\"");
  }
  int floats(const std::string& shape, std::size_t count) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = 0.25F * static_cast<float>(i % 7) - 0.75F;
    }
    return constant(shape, "f32", values);
  }
  int result(IrSource source) {
    const auto shape = layers_[static_cast<std::size_t>(source.layer)].shape;
    return add("Result", shape, {source}, "", "opset1", "", 0);
  }
  std::string text(const std::string& tag) const {
    const auto head = tag == "net" ? tag + " name=\"n\" version=\"11\"" : tag;
    return "<" + head + "><layers>" + text_ + "</layers><edges>" + edges_ + "</edges></" + tag +
           ">";
  }

 private:
  struct Made {
    std::string shape;
    int inputs;
  };

  static std::string port(int id, const std::string& shape) {
    auto text = "<port id=\"" + std::to_string(id) + "\">";
    for (std::size_t at = 0; at < shape.size();) {
      const auto comma = std::min(shape.find(',', at), shape.size());
      text += "<dim>" + shape.substr(at, comma - at) + "</dim>";
      at = comma + 1;
    }
    return text + "</port>";
  }

  IrWeights& weights_;
  std::vector<Made> layers_;
  std::string text_;
  std::string edges_;
};

/// A row of a port map.
inline std::string ir_row(const char* what, int port, int layer, const std::string& more = "") {
  return std::string{"<"} + what + " external_port_id=\"" + std::to_string(port) +
         "\" internal_layer_id=\"" + std::to_string(layer) + "\" " + more + "/>";
}

/// (v, w) -> v + w or v * w: the bodies and port maps of an If with two inputs behind its
/// condition.
inline std::string ir_branches(IrWeights& weights) {
  const auto body = [&](const char* type, const char* tag) {
    IrNetwork net{weights};
    const auto v = net.parameter("2,3");
    const auto w = net.parameter("3");
    net.result({net.add(type, "2,3", {{v}, {w}})});
    return net.text(tag);
  };
  const auto map = [](const std::string& name) {
    return "<" + name + ">" + ir_row("input", 1, 0) + ir_row("input", 2, 1) +
           ir_row("output", 3, 3) + "</" + name + ">";
  };
  return map("then_port_map") + map("else_port_map") + body("Add", "then_body") +
         body("Multiply", "else_body");
}

/// A Loop with an If in its body, and a TensorIterator that walks backwards.
inline std::string ir_loops(IrWeights& weights) {
  IrNetwork inner{weights};
  const auto number = inner.parameter("", "i64");
  const auto carried = inner.parameter("2,3");
  const auto row = inner.parameter("3");
  const auto zero = inner.constant<std::int64_t>("", "i64", {0});
  const auto first = inner.add("Equal", "", {{number}, {zero}});
  const auto chosen =
      inner.add("If", "2,3", {{first}, {carried}, {row}}, "", "opset8", ir_branches(weights));
  const auto goes_on = inner.result({inner.constant<char>("", "boolean", {1})});
  const auto last = inner.result({chosen});
  const auto loop =
      "<port_map>" + ir_row("input", -1, number, "purpose=\"current_iteration\"") +
      ir_row("input", 2, carried) + ir_row("input", 3, row) +
      ir_row("output", -1, goes_on, "purpose=\"execution_condition\"") + ir_row("output", 4, last) +
      ir_row("output", 5, last, R"(axis="0" start="0" end="-1" stride="2" part_size="2")") +
      "</port_map><back_edges><edge from-layer=\"" + std::to_string(last) + "\" to-layer=\"" +
      std::to_string(carried) + "\"/></back_edges>" + inner.text("body");

  IrNetwork step{weights};
  const auto part = step.parameter("1,3");
  const auto sum = step.parameter("1,3");
  const auto more = step.result({step.add("Add", "1,3", {{part}, {sum}})});
  const auto iterator =
      "<port_map>" +
      ir_row("input", 0, part, R"(axis="0" start="-1" end="0" stride="-1" part_size="1")") +
      ir_row("input", 1, sum) + ir_row("output", 2, more) +
      "</port_map><back_edges><edge from-layer=\"" + std::to_string(more) + "\" to-layer=\"" +
      std::to_string(sum) + "\"/></back_edges>" + step.text("body");

  IrNetwork net{weights};
  const auto x = net.parameter("2,3");
  const auto trips = net.constant<std::int64_t>("", "i64", {3});
  const auto go = net.constant<char>("", "boolean", {1});
  const auto w = net.floats("3", 3);
  const auto all = net.add("Loop", "-1,3", {{trips}, {go}, {x}, {w}}, "", "opset5", loop, 2);
  const auto start = net.floats("1,3", 3);
  const auto total = net.add("TensorIterator", "1,3", {{x}, {start}}, "", "opset1", iterator);
  for (const IrSource source : {IrSource{all}, IrSource{all, 1}, IrSource{total}}) {
    net.result(source);
  }
  return net.text("net");
}

/// A recurrent sequence, a variable, a transposed convolution.
inline std::string ir_layers(IrWeights& weights) {
  IrNetwork net{weights};
  const auto x = net.parameter("1,4,3");
  const auto h = net.floats("1,1,2", 2);
  const auto lengths = net.constant<std::int64_t>("1", "i64", {4});
  const auto lstm =
      net.add("LSTMSequence", "1,1,4,2",
              {{x},
               {h},
               {h},
               {lengths},
               {net.floats("1,8,3", 24)},
               {net.floats("1,8,2", 16)},
               {net.floats("1,8", 8)}},
              R"(hidden_size="2" direction="forward" clip="0.5" activations="sigmoid,tanh,tanh")",
              "opset5", "", 3);
  const auto read =
      net.add("ReadValue", "1,4,3", {{x}},
              R"(variable_id="v" variable_type="f32" variable_shape="1,4,3")", "opset6");
  const auto sum = net.add("Add", "1,4,3", {{read}, {x}});
  net.add("Assign", "1,4,3", {{sum}}, R"(variable_id="v")", "opset6");
  const auto wide =
      net.add("ConvolutionBackpropData", "1,2,7",
              {{x}, {net.floats("4,2,3", 24)}, {net.constant<std::int64_t>("1", "i64", {7})}},
              R"(strides="2" dilations="1" pads_begin="0" pads_end="0")"
              R"( auto_pad="same_upper" output_padding="0")");
  for (const IrSource source : {IrSource{lstm}, IrSource{lstm, 2}, IrSource{sum}, IrSource{wide}}) {
    net.result(source);
  }
  return net.text("net");
}

inline std::shared_ptr<graph::Graph> read_ir(const std::string& xml, const std::string& weights) {
  const auto memory = Memory::allocate(weights.size());
  std::memcpy(memory->data(), weights.data(), weights.size());
  return frontends::ir::read(std::as_bytes(std::span{xml}), memory);
}

}  // namespace coinfer::test
