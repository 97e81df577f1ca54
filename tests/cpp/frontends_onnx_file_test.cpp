#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "frontends/mapped_file.hpp"
#include "onnx_models.hpp"

using namespace coinfer;
using namespace coinfer::test;

namespace {

std::string file_error(const std::filesystem::path& path) {
  return message_of([&] { frontends::read_file(path); });
}

/// If nested `depth` deep, by hand: the generated classes refuse such depths themselves.
std::string nested_graph(int depth) {
  const auto field = [](int number, const std::string& payload) {
    std::string bytes;
    bytes += static_cast<char>(number << 3 | 2);
    for (auto rest = payload.size();; rest >>= 7) {
      bytes += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
      if (rest <= 0x7f) {
        break;
      }
    }
    return bytes + payload;
  };
  std::string graph = field(2, "inner");
  for (int i = 0; i < depth; ++i) {
    graph = field(1, field(5, field(1, "body") + field(6, graph)));
  }
  return field(7, graph);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frontends_onnx_file)

BOOST_AUTO_TEST_CASE(a_file_is_read) {
  const Folder folder;
  const auto graph =
      frontends::read_file(folder.write("m.onnx", one_node_model().SerializeAsString()));
  BOOST_TEST(graph->nodes.size() == 1);
}

BOOST_AUTO_TEST_CASE(a_large_file_is_mapped_and_its_weights_are_not_copied) {
  const Folder folder;
  for (int pad = 0; pad < 4; ++pad) {
    auto model = one_node_model();
    model.mutable_graph()->set_name(std::string(static_cast<std::size_t>(pad + 1), 'g'));
    constexpr int count = 2 << 20;
    add_weights(model.mutable_graph(), "w", {count}, std::vector<float>(count, 2.0F));
    const auto path = folder.write("m.onnx", model.SerializeAsString());
    const auto graph = frontends::read_file(path);
    std::filesystem::remove(path);
    const auto w = value_named(*graph, "w").constant;
    BOOST_TEST(w.data<float>()[count - 1] == 2.0F);
    if (w.read_only()) {
      BOOST_TEST(w.memory()->bytes() > w.byte_size());  // the file, not a copy of the tensor
      return;
    }
  }
  BOOST_FAIL("none of four alignments was shared");
}

BOOST_AUTO_TEST_CASE(what_was_copied_out_of_a_mapped_file_is_not_resident_twice) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("pages-{}", ::getpid());
  constexpr std::size_t size = std::size_t{48} << 20;
  {
    std::string content(size, 'a');
    for (std::size_t i = 0; i < size; i += 1000) {
      content[i] = static_cast<char>(i / 1000);
    }
    std::ofstream{path, std::ios::binary} << content;
  }
  const auto file = frontends::load_file(path);
  std::filesystem::remove(path);
  const auto resident_of_files = [] {
    std::ifstream statm{"/proc/self/statm"};
    std::size_t all = 0;
    std::size_t resident = 0;
    std::size_t shared = 0;
    statm >> all >> resident >> shared;
    return shared * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  };
  const auto bytes = frontends::bytes_of(file).subspan(13);
  std::vector<std::byte> copy(bytes.size());
  const auto before = resident_of_files();
  frontends::copy_out(bytes, copy.data());
  BOOST_TEST(resident_of_files() < before + size / 4);
  BOOST_TEST(std::equal(copy.begin(), copy.end(), bytes.begin()));  // read from the file again
}

BOOST_AUTO_TEST_CASE(what_is_no_file_is_an_error_that_names_the_path) {
  const Folder folder;
  const auto missing = folder.path() / "missing.onnx";
  BOOST_CHECK_THROW(frontends::read_file(missing), ModelFileError);
  CHECK_TEXT(file_error(missing), fmt::format("'{}' does not exist", missing.string()));
  CHECK_TEXT(file_error(folder.path()), "is a directory, not a model file");
  const auto pipe = folder.path() / "pipe";
  BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_TEXT(file_error(pipe), "is not a regular file");
  CHECK_TEXT(file_error(folder.write("m.onnx", "") / "below"), "cannot be read: Not a directory");
  CHECK_TEXT(file_error(""), "does not exist");
}

BOOST_AUTO_TEST_CASE(files_of_other_formats_are_told_apart) {
  const Folder folder;
  const auto error = [&](const std::string& bytes) {
    const auto path = folder.write("m.onnx", bytes);
    auto text = file_error(path);
    CHECK_TEXT(text, path.string());
    return text;
  };
  CHECK_TEXT(error(""), "it is empty");
  CHECK_TEXT(error("{\"a\": 1}"), "looks like a JSON file");
  CHECK_TEXT(error("<?xml version=\"1.0\"?>\n<net name=\"x\">"), "its xml is damaged");
  CHECK_TEXT(error("<?xml version=\"1.0\"?><svg/>"), "looks like an XML file");
  CHECK_TEXT(error("<!DOCTYPE html>"), "looks like an HTML page");
  CHECK_TEXT(error("PK\x03\x04zzz"), "looks like a zip archive");
  CHECK_TEXT(error("version https://git-lfs.github.com/spec/v1\n"), "a git-lfs pointer");
  CHECK_TEXT(error("\x1f\x8b garbage"), "looks like a gzip file");
  CHECK_TEXT(error("\xff\xfe<\x01n"), "a text in UTF-16 (OpenVINO IR is read in UTF-8)");
}

BOOST_AUTO_TEST_CASE(garbage_is_a_model_file_error) {
  for (const auto* bytes :
       {"garbage", "hello world, this is text\n", "\xff\xff\xff\xff\xff", "\x00"}) {
    BOOST_CHECK_THROW(read(std::string{bytes} + "\n"), ModelFileError);
  }
}

BOOST_AUTO_TEST_CASE(another_protobuf_message_is_no_model) {
  pb::TensorProto tensor;
  tensor.add_dims(3);
  tensor.set_data_type(pb::TensorProto::FLOAT);
  tensor.set_raw_data(std::string(12, 'x'));
  BOOST_CHECK_THROW(read(tensor.SerializeAsString()), ModelFileError);
  BOOST_CHECK_THROW(read(one_node_model().graph().SerializeAsString()), ModelFileError);
  pb::ModelProto model;
  model.set_ir_version(8);
  CHECK_TEXT(read_error(model), "it has no graph: it is not an ONNX model");
}

BOOST_AUTO_TEST_CASE(every_truncation_is_a_model_file_error) {
  auto model = one_node_model();
  add_weights(model.mutable_graph(), "w", {4}, {1, 2, 3, 4});
  const auto bytes = model.SerializeAsString();
  BOOST_TEST(message_of([&] { read(bytes); }) == "no error");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // The opset imports stand behind the graph, so that a cut between fields loses one of them.
    BOOST_CHECK_THROW(read(bytes.substr(0, size)), ModelFileError);
  }
}

BOOST_AUTO_TEST_CASE(a_newer_ir_version_and_a_second_graph_are_an_error) {
  auto model = one_node_model();
  model.set_ir_version(99);
  CHECK_TEXT(read_error(model), "it has IR version 99; coinfer reads versions up to");
  const auto bytes = one_node_model().SerializeAsString();
  CHECK_TEXT(message_of([&] { read(bytes + bytes); }), "it has more than one graph");
}

BOOST_AUTO_TEST_CASE(graphs_nested_very_deep_are_an_error) {
  CHECK_TEXT(message_of([] { read(nested_graph(33)); }), "nested more than 32 deep");
  CHECK_TEXT(message_of([] { read(nested_graph(5000)); }), "nested more than 32 deep");
}

BOOST_AUTO_TEST_CASE(error_texts_are_printable_whatever_the_file_holds) {
  auto model = one_node_model();
  model.mutable_graph()->mutable_node(0)->set_input(0, "a\xff\n\x01z\xc3\xa9");
  CHECK_TEXT(read_error(model), "its input 'a???z\xc3\xa9' is made");
  model.mutable_graph()->mutable_node(0)->set_input(0, std::string(100'000, 'n'));
  BOOST_TEST(read_error(model).size() < 3000U);
}

BOOST_AUTO_TEST_CASE(the_size_of_bytes_stands_in_for_a_path) {
  CHECK_TEXT(message_of([] { read(std::string{"garbage"}); }), "cannot read the model of 7 bytes");
}

BOOST_AUTO_TEST_SUITE_END()
