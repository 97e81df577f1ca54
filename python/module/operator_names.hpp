#pragma once

#include <string>
#include <string_view>

#include "coinfer/node.hpp"

namespace coinfer::python {

/// The operator of a node by OpenVINO's name: "Convolution", where the graph's is "Conv". An
/// operator that OpenVINO would put together from several has the name of the one that computes
/// most; one that it does not have keeps the graph's.
std::string operator_name(const Node& node);
/// The same of the operators that were fused into one, "Conv+Relu": "Convolution+Relu".
std::string operator_names(std::string_view types);

}  // namespace coinfer::python
