#include "frontends/onnx/wire.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <limits>

#include "coinfer/error.hpp"

namespace coinfer::frontends::onnx {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

[[noreturn]] void damaged(std::string_view message, std::size_t at, std::size_t size) {
  throw ModelFileError(
      fmt::format("its {} is truncated or damaged after {} of {} bytes", message, at, size));
}

/// Calls `take(field, payload)` for each length-delimited field; what it refuses goes to `head`.
template <class Message, class Take>
void split(Bytes bytes, std::string_view message, Message& head, Take take) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  CodedInputStream input{data, static_cast<int>(bytes.size())};
  input.SetTotalBytesLimit(std::numeric_limits<int>::max());
  std::string rest;
  std::size_t kept = 0;  // start of the run of fields that `head` gets
  bool whole = true;
  for (;;) {
    const auto start = static_cast<std::size_t>(input.CurrentPosition());
    const auto tag = input.ReadTag();
    if (tag == 0) {
      if (start != bytes.size()) {
        damaged(message, start, bytes.size());
      }
      break;
    }
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(&input, tag)) {
        damaged(message, start, bytes.size());
      }
      continue;
    }
    std::uint32_t length = 0;
    if (!input.ReadVarint32(&length)) {
      damaged(message, start, bytes.size());
    }
    const auto begin = static_cast<std::size_t>(input.CurrentPosition());
    if (length > bytes.size() - begin) {
      damaged(message, start, bytes.size());
    }
    if (take(WireFormatLite::GetTagFieldNumber(tag), bytes.subspan(begin, length))) {
      whole = false;
      rest.append(reinterpret_cast<const char*>(data) + kept, start - kept);
      kept = begin + length;
    }
    input.Skip(static_cast<int>(length));
  }
  bool parsed = false;
  if (whole) {
    parsed = head.ParsePartialFromArray(data, static_cast<int>(bytes.size()));
  } else {
    rest.append(reinterpret_cast<const char*>(data) + kept, bytes.size() - kept);
    parsed = head.ParsePartialFromString(rest);
  }
  if (!parsed) {
    throw ModelFileError(fmt::format("its {} is damaged", message));
  }
}

GraphView walk_graph(Bytes bytes, int depth);

TensorView walk_tensor(Bytes bytes) {
  TensorView view;
  split(bytes, "TensorProto", view.head, [&](int field, Bytes payload) {
    if (field != pb::TensorProto::kRawDataFieldNumber) {
      return false;
    }
    view.raw = payload;
    view.has_raw = true;
    return true;
  });
  return view;
}

AttributeView walk_attribute(Bytes bytes, int depth) {
  AttributeView view;
  split(bytes, "AttributeProto", view.head, [&](int field, Bytes payload) {
    switch (field) {
      case pb::AttributeProto::kTFieldNumber:
        view.tensor = walk_tensor(payload);
        return true;
      case pb::AttributeProto::kGFieldNumber:
        view.graph = std::make_unique<GraphView>(walk_graph(payload, depth + 1));
        return true;
      case pb::AttributeProto::kTensorsFieldNumber:
      case pb::AttributeProto::kGraphsFieldNumber:
        view.has_lists = true;
        return true;
      default:
        return false;
    }
  });
  return view;
}

NodeView walk_node(Bytes bytes, int depth) {
  NodeView view;
  split(bytes, "NodeProto", view.head, [&](int field, Bytes payload) {
    if (field != pb::NodeProto::kAttributeFieldNumber) {
      return false;
    }
    view.attributes.push_back(walk_attribute(payload, depth));
    return true;
  });
  return view;
}

GraphView walk_graph(Bytes bytes, int depth) {
  if (depth > max_graph_depth) {
    throw ModelFileError(fmt::format("its graphs are nested more than {} deep", max_graph_depth));
  }
  GraphView view;
  split(bytes, "GraphProto", view.head, [&](int field, Bytes payload) {
    switch (field) {
      case pb::GraphProto::kNodeFieldNumber:
        view.nodes.push_back(walk_node(payload, depth));
        return true;
      case pb::GraphProto::kInitializerFieldNumber:
        view.initializers.push_back(walk_tensor(payload));
        return true;
      default:
        return false;
    }
  });
  return view;
}

FunctionView walk_function(Bytes bytes) {
  FunctionView view;
  split(bytes, "FunctionProto", view.head, [&](int field, Bytes payload) {
    switch (field) {
      case pb::FunctionProto::kNodeFieldNumber:
        view.nodes.push_back(walk_node(payload, 0));
        return true;
      case pb::FunctionProto::kAttributeProtoFieldNumber:
        view.defaults.push_back(walk_attribute(payload, 0));
        return true;
      default:
        return false;
    }
  });
  return view;
}

}  // namespace

ModelView walk_model(Bytes bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw ModelFileError(fmt::format(
        "it has {} bytes; an ONNX file has at most 2 GiB, with larger weights as external data",
        bytes.size()));
  }
  ModelView view;
  split(bytes, "ModelProto", view.head, [&](int field, Bytes payload) {
    switch (field) {
      case pb::ModelProto::kGraphFieldNumber:
        if (view.graph) {
          throw ModelFileError("it has more than one graph");
        }
        view.graph = walk_graph(payload, 0);
        return true;
      case pb::ModelProto::kFunctionsFieldNumber:
        view.functions.push_back(walk_function(payload));
        return true;
      case pb::ModelProto::kTrainingInfoFieldNumber:
        return true;
      default:
        return false;
    }
  });
  return view;
}

}  // namespace coinfer::frontends::onnx
