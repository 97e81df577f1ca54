#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "frontends/ir/writer.hpp"
#include "ops/op.hpp"

using namespace coinfer;

namespace {

const std::filesystem::path page = std::filesystem::path{COINFER_SOURCE_DIR} / "docs/operators.md";

std::string_view runs_as(const ops::OpDef& op) {
  if (op.control != ops::Control::none) {
    return "between two stages: its bodies are graphs of their own";
  }
  if (op.evaluate != nullptr) {
    return "between two stages: its result's shape depends on values";
  }
  if (op.lower != nullptr) {
    return op.kernel != nullptr ? "steps of its own, or a plain kernel" : "steps of its own";
  }
  return op.kernel != nullptr ? "a plain kernel" : "nothing: its result is known beforehand";
}

/// What the reader itself takes care of.
constexpr const char* whole_axes =
    "slices are taken from one end of the axis, part by part; joined results fill theirs";
constexpr std::array<std::pair<const char*, const char*>, 6> own_layers{
    {{"Const", ""},
     {"If", ""},
     {"Loop", whole_axes},
     {"Parameter", ""},
     {"Result", ""},
     {"TensorIterator", whole_axes}}};

std::string layers() {
  std::string text =
      "\n# Layers of OpenVINO IR\n\n"
      "What `lib/frontends/ir` reads, whichever opset a layer is of (opset1 to opset16). What is "
      "an\n"
      "attribute of the graph's operator (an axis, an order, the lengths of blocks) must be known\n"
      "when the model is read; it may follow from the shapes of its inputs.\n\n"
      "| layer | restrictions |\n|---|---|\n";
  std::map<std::string_view, std::string_view> notes;
  for (const auto& [name, note] : own_layers) {
    notes[name] = note;
  }
  for (const auto list : frontends::ir::all_conversions()) {
    for (const auto& entry : list) {
      notes[entry.type] = entry.note;
    }
  }
  for (const auto& [type, note] : notes) {
    text += fmt::format("| {} | {} |\n", type, note);
  }
  return text;
}

std::string table() {
  std::string text =
      "# Operators\n\n"
      "Generated from the registry (`lib/ops/registry.cpp`); a test compares. To write it anew:\n"
      "`COINFER_WRITE_DOCS=1 build/release/tests/cpp/coinfer_tests -t ops_table`\n\n"
      "An operator serves its opsets up to the newest that coinfer reads, or up to the next line "
      "of\n"
      "the same name. \"Steps of its own\" are oneDNN primitives, or views of memory that cost\n"
      "nothing; plain kernels are also what constants are folded with.\n\n"
      "| operator | from opset | runs as |\n|---|---|---|\n";
  for (const auto* op : ops::Registry::instance().all()) {
    if (op->domain == "test" || op->domain == "coinfer") {
      continue;  // other tests' own, and what plans make of several nodes
    }
    text +=
        fmt::format("| {}{} | {} | {} |\n", op->domain.empty() ? "" : std::string{op->domain} + ".",
                    op->type, op->since, runs_as(*op));
  }
  return text + layers();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ops_table)

BOOST_AUTO_TEST_CASE(the_page_of_operators_is_what_the_registry_has) {
  if (std::getenv("COINFER_WRITE_DOCS") != nullptr) {
    std::ofstream{page} << table();
  }
  std::ifstream file{page};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  BOOST_CHECK_MESSAGE(text == table(),
                      page << " is out of date; its second paragraph says how to write it");
}

BOOST_AUTO_TEST_SUITE_END()
