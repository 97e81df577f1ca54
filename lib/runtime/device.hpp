#pragma once

#include <string>

/// What the machine's CPU says of itself.
namespace coinfer::runtime {

/// "Intel(R) Xeon(R) Processor"; "CPU" when it does not say.
std::string cpu_name();
/// What oneDNN makes code for: "Intel AVX-512 …".
std::string cpu_isa();

}  // namespace coinfer::runtime
