#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace coinfer::testing {

/// The exit status of a program that is built beside this one.
inline int status_of(const std::string& program, const std::string& argument = {}) {
  const auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
  BOOST_REQUIRE(std::filesystem::exists(path));
  return std::system(("timeout 120 " + path.string() + " " + argument).c_str());
}

}  // namespace coinfer::testing
