#pragma once

#include <string>

#include "coinfer/node.hpp"

namespace coinfer::python {

/// The operator of a node by OpenVINO's name: "Convolution", where the graph's is "Conv". An
/// operator that OpenVINO would put together from several has the name of the one that computes
/// most; one that it does not have keeps the graph's.
std::string operator_name(const Node& node);

}  // namespace coinfer::python
