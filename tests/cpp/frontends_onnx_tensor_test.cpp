#include <boost/test/unit_test.hpp>

#include "frontends/mapped_file.hpp"
#include "onnx_models.hpp"

using namespace coinfer;
using namespace coinfer::test;

namespace {

pb::TensorProto* add_initializer(pb::ModelProto& model, int type, std::vector<std::int64_t> dims) {
  auto* tensor = model.mutable_graph()->add_initializer();
  tensor->set_name("w");
  tensor->set_data_type(type);
  for (const auto dim : dims) {
    tensor->add_dims(dim);
  }
  return tensor;
}

Tensor read_w(const pb::ModelProto& model) { return value_named(*read(model), "w").constant; }

bool lies_in(const void* data, const std::string& bytes) {
  const auto* at = static_cast<const char*>(data);
  return at >= bytes.data() && at < bytes.data() + bytes.size();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frontends_onnx_tensor)

BOOST_AUTO_TEST_CASE(aligned_raw_data_are_not_copied_and_misaligned_ones_are) {
  int shared = 0;
  int copied = 0;
  // A longer name of the graph moves what follows it by one byte.
  for (int pad = 0; pad < 4; ++pad) {
    auto model = one_node_model();
    model.mutable_graph()->set_name(std::string(static_cast<std::size_t>(pad + 1), 'g'));
    add_weights(model.mutable_graph(), "w", {2, 2}, {1, 2, 3, 4});
    auto bytes = std::make_shared<std::string>(model.SerializeAsString());
    const auto graph = frontends::read_bytes(std::as_bytes(std::span{*bytes}), bytes);
    const auto& w = value_named(*graph, "w").constant;
    BOOST_TEST(w.data<float>()[3] == 4.0F);
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(w.data()) % alignof(float) == 0U);
    ++(lies_in(w.data(), *bytes) ? shared : copied);
    BOOST_TEST(w.read_only() == lies_in(w.data(), *bytes));
  }
  BOOST_TEST(shared == 1);
  BOOST_TEST(copied == 3);
}

BOOST_AUTO_TEST_CASE(a_shared_weight_keeps_the_bytes_alive) {
  Tensor kept;
  std::weak_ptr<std::string> watch;
  for (int pad = 0; pad < 4 && !kept; ++pad) {
    auto model = one_node_model();
    model.mutable_graph()->set_name(std::string(static_cast<std::size_t>(pad + 1), 'g'));
    add_weights(model.mutable_graph(), "w", {2}, {1, 2});
    auto bytes = std::make_shared<std::string>(model.SerializeAsString());
    const auto graph = frontends::read_bytes(std::as_bytes(std::span{*bytes}), bytes);
    const auto& w = value_named(*graph, "w").constant;
    if (lies_in(w.data(), *bytes)) {
      kept = w;
      watch = bytes;
    }
  }
  BOOST_REQUIRE(kept);
  BOOST_TEST(!watch.expired());
  BOOST_TEST(kept.data<float>()[1] == 2.0F);
  kept = {};
  BOOST_TEST(watch.expired());
}

BOOST_AUTO_TEST_CASE(a_tensor_attribute_shares_the_bytes_too) {
  int shared = 0;
  for (int pad = 0; pad < 4; ++pad) {
    auto model = one_node_model();
    auto* attribute = model.mutable_graph()->mutable_node(0)->add_attribute();
    attribute->set_name(std::string(static_cast<std::size_t>(pad + 1), 't'));
    auto* tensor = attribute->mutable_t();
    const float values[2] = {5, 6};
    tensor->set_data_type(pb::TensorProto::FLOAT);
    tensor->add_dims(2);
    tensor->set_raw_data(values, sizeof values);
    auto bytes = std::make_shared<std::string>(model.SerializeAsString());
    const auto graph = frontends::read_bytes(std::as_bytes(std::span{*bytes}), bytes);
    const auto read_back = graph->nodes[0].attributes.tensor(attribute->name());
    BOOST_TEST(read_back.data<float>()[1] == 6.0F);
    shared += lies_in(read_back.data(), *bytes) ? 1 : 0;
  }
  BOOST_TEST(shared == 1);
}

BOOST_AUTO_TEST_CASE(typed_fields_of_every_type_are_read) {
  const auto check = [](int type, auto value, auto fill) {
    using T = decltype(value);
    auto model = one_node_model();
    fill(*add_initializer(model, type, {2}));
    const auto w = read_w(model);
    BOOST_TEST(w.size() == 2);
    BOOST_TEST_CONTEXT("data type " << type) { BOOST_TEST((w.data<T>()[1] == value)); }
  };
  const auto int32 = [](int value) {
    return [value](pb::TensorProto& tensor) {
      tensor.add_int32_data(0);
      tensor.add_int32_data(value);
    };
  };
  check(pb::TensorProto::INT8, std::int8_t{-3}, int32(-3));
  check(pb::TensorProto::INT16, std::int16_t{-300}, int32(-300));
  check(pb::TensorProto::INT32, std::int32_t{-70000}, int32(-70000));
  check(pb::TensorProto::UINT8, std::uint8_t{200}, int32(200));
  check(pb::TensorProto::UINT16, std::uint16_t{60000}, int32(60000));
  check(pb::TensorProto::BOOL, true, int32(1));
  check(pb::TensorProto::FLOAT16, std::uint16_t{0x3c00}, int32(0x3c00));
  check(pb::TensorProto::BFLOAT16, std::uint16_t{0x3f80}, int32(0x3f80));
  check(pb::TensorProto::FLOAT, 1.5F, [](pb::TensorProto& tensor) {
    tensor.add_float_data(0);
    tensor.add_float_data(1.5F);
  });
  check(pb::TensorProto::DOUBLE, 2.5, [](pb::TensorProto& tensor) {
    tensor.add_double_data(0);
    tensor.add_double_data(2.5);
  });
  check(pb::TensorProto::INT64, std::int64_t{1} << 40, [](pb::TensorProto& tensor) {
    tensor.add_int64_data(0);
    tensor.add_int64_data(std::int64_t{1} << 40);
  });
  const auto uint64 = [](std::uint64_t value) {
    return [value](pb::TensorProto& tensor) {
      tensor.add_uint64_data(0);
      tensor.add_uint64_data(value);
    };
  };
  check(pb::TensorProto::UINT32, std::uint32_t{4000000000}, uint64(4000000000));
  check(pb::TensorProto::UINT64, ~std::uint64_t{0}, uint64(~std::uint64_t{0}));
}

BOOST_AUTO_TEST_CASE(strings_are_read_and_may_hold_any_byte) {
  auto model = one_node_model();
  auto* tensor = add_initializer(model, pb::TensorProto::STRING, {2});
  tensor->add_string_data("abc");
  tensor->add_string_data(std::string("\xff\x00z", 3));
  const auto w = read_w(model);
  BOOST_TEST(w.strings()[0] == "abc");
  BOOST_TEST((w.strings()[1] == std::string("\xff\x00z", 3)));
  tensor->set_raw_data("abc");
  CHECK_TEXT(read_error(model), "the initialiser 'w' holds strings as raw_data");
}

BOOST_AUTO_TEST_CASE(raw_bools_other_than_0_and_1_become_1) {
  auto model = one_node_model();
  add_initializer(model, pb::TensorProto::BOOL, {3})->set_raw_data(std::string("\x00\x07\x01", 3));
  const auto w = read_w(model);
  BOOST_TEST(int{w.data<std::uint8_t>()[0]} == 0);
  BOOST_TEST(int{w.data<std::uint8_t>()[1]} == 1);
}

BOOST_AUTO_TEST_CASE(an_empty_tensor_and_a_scalar_are_read) {
  auto model = one_node_model();
  auto* tensor = add_initializer(model, pb::TensorProto::FLOAT, {0, 5});
  BOOST_TEST(read_w(model).size() == 0);
  tensor->clear_dims();
  tensor->add_float_data(3);
  BOOST_TEST(*read_w(model).data<float>() == 3.0F);
}

BOOST_AUTO_TEST_CASE(data_that_disagree_with_the_dimensions_are_an_error) {
  auto model = one_node_model();
  auto* tensor = add_initializer(model, pb::TensorProto::FLOAT, {2, 3});
  tensor->set_raw_data(std::string(20, 'x'));
  CHECK_TEXT(read_error(model),
             "the initialiser 'w', f32 of shape [2,3], needs 24 bytes; its raw_data has 20");
  tensor->clear_raw_data();
  tensor->add_float_data(1);
  CHECK_TEXT(read_error(model),
             "the initialiser 'w' of shape [2,3] needs 6 elements; its float_data has 1");
}

BOOST_AUTO_TEST_CASE(negative_and_overflowing_dimensions_are_an_error) {
  auto model = one_node_model();
  auto* tensor = add_initializer(model, pb::TensorProto::FLOAT, {-2, -3});
  tensor->set_raw_data(std::string(24, 'x'));
  CHECK_TEXT(read_error(model), "the initialiser 'w' has the negative dimension -2");
  constexpr auto large = std::int64_t{1} << 40;
  tensor->set_dims(0, large);
  tensor->set_dims(1, large);
  BOOST_CHECK_THROW(read(model), ModelFileError);
  tensor->set_dims(1, std::int64_t{1} << 22);  // the elements fit in 63 bits, their bytes do not
  BOOST_CHECK_THROW(read(model), ModelFileError);
  tensor->set_dims(1, 1);  // declares 4 TiB and brings 24 bytes
  CHECK_TEXT(read_error(model), "needs 4398046511104 bytes; its raw_data has 24");
}

BOOST_AUTO_TEST_CASE(types_that_are_not_supported_are_named) {
  for (const auto type : {pb::TensorProto::INT4, pb::TensorProto::UINT4,
                          pb::TensorProto::FLOAT8E4M3FN, pb::TensorProto::COMPLEX64}) {
    auto model = one_node_model();
    add_initializer(model, type, {1});
    BOOST_CHECK_THROW(read(model), Unsupported);
    CHECK_TEXT(read_error(model),
               "the initialiser 'w' has the element type " + pb::TensorProto::DataType_Name(type));
  }
  auto model = one_node_model();
  auto* tensor = add_initializer(model, 999, {1});
  CHECK_TEXT(read_error(model), "the element type number 999, which is none");
  tensor->set_data_type(pb::TensorProto::UNDEFINED);
  CHECK_TEXT(read_error(model), "the initialiser 'w' has no element type");
  tensor->set_data_type(pb::TensorProto::FLOAT);
  tensor->mutable_segment()->set_begin(0);
  CHECK_TEXT(read_error(model), "is a segment of a tensor");
  model = one_node_model();
  model.mutable_graph()->add_sparse_initializer()->mutable_values()->set_name("s");
  CHECK_TEXT(read_error(model), "the initialiser 's' is a sparse tensor");
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

/// A model with the initialiser 'w', f32 [2,2], in the file `location`.
pb::ModelProto external_model(const std::string& location, const std::string& offset = {},
                              const std::string& length = {}) {
  auto model = one_node_model();
  auto* tensor = add_initializer(model, pb::TensorProto::FLOAT, {2, 2});
  tensor->set_data_location(pb::TensorProto::EXTERNAL);
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) {
      auto* entry = tensor->add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
  };
  add("location", location);
  add("offset", offset);
  add("length", length);
  return model;
}

std::string floats(std::vector<float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::string file_error(const Folder& folder, const pb::ModelProto& model) {
  const auto path = folder.write("m.onnx", model.SerializeAsString());
  return message_of([&] { frontends::read_file(path); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frontends_onnx_external_data)

BOOST_AUTO_TEST_CASE(external_data_are_read_at_their_offset) {
  const Folder folder;
  folder.write("weights.bin", floats({9, 9, 1, 2, 3, 4, 9}));
  const auto model = external_model("weights.bin", "8", "16");
  const auto graph = frontends::read_file(folder.write("m.onnx", model.SerializeAsString()));
  const auto& w = value_named(*graph, "w").constant;
  BOOST_TEST(w.data<float>()[0] == 1.0F);
  BOOST_TEST(w.data<float>()[3] == 4.0F);
}

BOOST_AUTO_TEST_CASE(large_external_data_are_mapped_and_outlive_their_file) {
  const Folder folder;
  folder.write("weights.bin",
               std::string(frontends::max_copied_bytes, '\0') + floats({1, 2, 3, 4}));
  const auto model = external_model("weights.bin", std::to_string(frontends::max_copied_bytes));
  const auto graph = frontends::read_file(folder.write("m.onnx", model.SerializeAsString()));
  std::filesystem::remove(folder.path() / "weights.bin");
  const auto& w = value_named(*graph, "w").constant;
  BOOST_TEST(w.read_only());
  BOOST_TEST(w.memory()->bytes() == frontends::max_copied_bytes + 16);
  BOOST_TEST(w.data<float>()[3] == 4.0F);
}

BOOST_AUTO_TEST_CASE(external_data_outside_of_the_model_folder_are_refused) {
  const Folder folder;
  const Folder outside;
  outside.write("secret", floats({1, 2, 3, 4}));
  const auto secret = (outside.path() / "secret").string();
  CHECK_TEXT(file_error(folder, external_model(secret)), "has an absolute path");
  CHECK_TEXT(
      file_error(folder, external_model("../" + outside.path().filename().string() + "/secret")),
      "has '..' in its path");
  std::filesystem::create_symlink(secret, folder.path() / "link");
  CHECK_TEXT(file_error(folder, external_model("link")), "through a symbolic link");
  std::filesystem::create_symlink(outside.path(), folder.path() / "sub");
  CHECK_TEXT(file_error(folder, external_model("sub/secret")), "through a symbolic link");
  CHECK_TEXT(file_error(folder, external_model(std::string("a\0b", 3))), "has no usable name");
}

BOOST_AUTO_TEST_CASE(a_folder_whose_name_begins_like_the_model_folder_is_outside_too) {
  const Folder folder;
  std::filesystem::create_directory(folder.path() / "model");
  std::filesystem::create_directory(folder.path() / "model-secrets");
  folder.write("model-secrets/w", floats({1, 2, 3, 4}));
  std::filesystem::create_symlink("../model-secrets", folder.path() / "model" / "sub");
  const auto path = folder.write("model/m.onnx", external_model("sub/w").SerializeAsString());
  CHECK_TEXT(message_of([&] { frontends::read_file(path); }), "through a symbolic link");
}

BOOST_AUTO_TEST_CASE(a_link_inside_the_model_folder_is_followed) {
  const Folder folder;
  folder.write("weights.bin", floats({1, 2, 3, 4}));
  std::filesystem::create_symlink("weights.bin", folder.path() / "link");
  BOOST_TEST(file_error(folder, external_model("link")) == "no error");
}

BOOST_AUTO_TEST_CASE(external_data_that_are_missing_or_too_short_are_an_error_with_names) {
  const Folder folder;
  folder.write("weights.bin", floats({1, 2, 3, 4}));
  CHECK_TEXT(file_error(folder, external_model("none.bin")),
             "the initialiser 'w': the external data file 'none.bin' cannot be opened");
  CHECK_TEXT(file_error(folder, external_model("weights.bin", "4")),
             "lies at bytes 4 to 20 of its external data file 'weights.bin', which has 16");
  CHECK_TEXT(file_error(folder, external_model("weights.bin", "18446744073709551615")),
             "of its external data file");
  CHECK_TEXT(file_error(folder, external_model("weights.bin", "0", "12")),
             "needs 16 bytes; its external data has 12");
  CHECK_TEXT(file_error(folder, external_model("weights.bin", "-1")), "which is no size");
  CHECK_TEXT(file_error(folder, external_model("")), "has no usable name");
  std::filesystem::create_directory(folder.path() / "dir");
  CHECK_TEXT(file_error(folder, external_model("dir")), "is a directory");
}

BOOST_AUTO_TEST_CASE(bytes_have_no_external_data) {
  CHECK_TEXT(read_error(external_model("weights.bin")),
             "the model came as bytes, without a folder");
}

BOOST_AUTO_TEST_SUITE_END()
