#include "frontends/ir/writer.hpp"

/// Tables, bags and sorted lists.
namespace coinfer::frontends::ir {
namespace {

using Values = std::vector<ValueId>;

Values bucketize(Writer& w) {
  const auto type = w.index_type("output_type");
  // A right bound belongs to its bucket.
  const bool right = w.flag("with_right_bound", true);
  auto buckets = w.in(1);
  if (w.type(buckets) != w.type(w.in(0))) {
    buckets = w.cast(buckets, w.type(w.in(0)));
  }
  return {w.as_index(
      w.own("SearchSorted", {buckets, w.in(0)}, 1, {{"right", std::int64_t{!right}}})[0], type)};
}

Values search_sorted(Writer& w) {
  const auto type = w.index_type("output_type");
  return {w.as_index(w.own("SearchSorted", {w.in(0), w.in(1)}, 1,
                           {{"right", std::int64_t{w.flag("right_mode", false)}}})[0],
                     type)};
}

bool is_mean(Writer& w) {
  const auto how = w.text("reduction", "sum");
  if (how != "sum" && how != "mean" && how != "SUM" && how != "MEAN") {
    w.unsupported(fmt::format("reduction='{}' is not supported", how));
  }
  return how == "mean" || how == "MEAN";
}

/// Rows of a table, weighed, each list of them summed up.
Values embedding_packed(Writer& w) {
  auto rows = w.node("Gather", {w.in(0), w.in(1)}, {{"axis", std::int64_t{0}}});
  if (w.inputs() > 2) {
    std::vector<std::int64_t> behind;
    for (std::int64_t i = 2; i < w.rank(0) + 1; ++i) {
      behind.push_back(i);
    }
    rows = w.node("Mul", {rows, w.unsqueeze(w.in(2), behind)});
  }
  return {w.node(is_mean(w) ? "ReduceMean" : "ReduceSum", {rows, w.ints({1})},
                 {{"keepdims", std::int64_t{0}}})};
}

/// What an empty bag holds: a row's number, or -1 for zeros.
ValueId default_row(Writer& w, std::size_t i) {
  return w.inputs() > i ? w.i64(i) : w.integer_scalar(-1);
}

Values embedding_offsets(Writer& w) {
  std::vector<ValueId> inputs{w.in(0), w.i64(1), w.i64(2), default_row(w, 3)};
  if (w.inputs() > 4) {
    inputs.push_back(w.in(4));
  }
  return w.own("EmbeddingBag", inputs, 1, {{"mean", std::int64_t{is_mean(w)}}});
}

/// The segments are sorted: each begins at the first place of its number.
Values embedding_segments(Writer& w) {
  const auto count = w.node("Reshape", {w.i64(3), w.ints({})});
  const auto numbers = w.node("Range", {w.integer_scalar(0), count, w.integer_scalar(1)});
  const auto offsets = w.own("SearchSorted", {w.i64(2), numbers}, 1, {{"right", std::int64_t{0}}});
  std::vector<ValueId> inputs{w.in(0), w.i64(1), offsets[0], default_row(w, 4)};
  if (w.inputs() > 5) {
    inputs.push_back(w.in(5));
  }
  return w.own("EmbeddingBag", inputs, 1);
}

/// The likeliest class of each step, [batch, time, classes].
Values ctc_greedy_seq_len(Writer& w) {
  const auto classes = w.index_type("classes_index_type", "i32");
  const auto lengths = w.index_type("sequence_length_type", "i32");
  std::vector<ValueId> inputs{w.in(0), w.i64(1)};
  if (w.inputs() > 2) {
    inputs.push_back(w.i64(2));
  }
  auto results = w.own("CtcGreedyDecoder", inputs, 2,
                       {{"merge_repeated", std::int64_t{w.flag("merge_repeated", true)}}});
  return {w.as_index(results[0], classes), w.as_index(results[1], lengths)};
}

/// The same of [time, batch, classes], with a mask [time, batch] for the lengths.
Values ctc_greedy(Writer& w) {
  const auto data = w.transpose(w.in(0), {1, 0, 2});
  const auto steps = w.node("ReduceSum", {w.cast(w.in(1), ElementType::i64), w.ints({0})},
                            {{"keepdims", std::int64_t{0}}});
  const auto found = w.own("CtcGreedyDecoder", {data, steps}, 2,
                           {{"merge_repeated", std::int64_t{w.flag("ctc_merge_repeated", true)}}});
  return {w.unsqueeze(w.cast(found[0], w.type(w.in(0))), {2, 3})};
}

Values ctc_loss(Writer& w) {
  const auto classes = w.extents(w.in(0), 2, 3);
  const auto blank = w.inputs() > 4 ? w.i64(4) : w.node("Sub", {classes, w.ints({1})});
  const auto flag = [&](const char* name, bool otherwise) {
    return std::int64_t{w.flag(name, otherwise)};
  };
  return w.own("CtcLoss", {w.in(0), w.i64(1), w.i64(2), w.i64(3), blank}, 1,
               {{"collapse", flag("preprocess_collapse_repeated", false)},
                {"merge_repeated", flag("ctc_merge_repeated", true)},
                {"unique", flag("unique", false)}});
}

Values gather_tree(Writer& w) {
  return w.own("GatherTree", {w.in(0), w.in(1), w.in(2), w.in(3)}, 1);
}

/// As many segments as are given, or as rows belong to.
Values segment_max(Writer& w) {
  const auto mode = w.text("fill_mode", "");
  if (mode != "ZERO" && mode != "LOWEST" && mode != "zero" && mode != "lowest") {
    w.fail(fmt::format("fill_mode='{}' is not known", mode));
  }
  const auto segments = w.i64(1);
  const auto count =
      w.inputs() > 2
          ? w.i64(2)
          : w.node("Add", {w.node("ReduceMax", {w.join({w.ints({-1}), segments}), w.ints({0})},
                                  {{"keepdims", std::int64_t{0}}}),
                           w.integer_scalar(1)});
  return w.own("SegmentMax", {w.in(0), segments, count}, 1,
               {{"lowest", std::int64_t{mode == "LOWEST" || mode == "lowest"}}});
}

Values sparse_fill_empty_rows(Writer& w) {
  const auto integer = w.type(w.in(2));
  auto results = w.own("FillEmptyRows", {w.in(0), w.i64(1), w.i64(2), w.in(3)}, 3);
  results[0] = w.as_index(results[0], integer);
  return results;
}

Values string_tensor_pack(Writer& w) {
  return w.own("PackStrings", {w.i64(0), w.i64(1), w.in(2)}, 1);
}

Values string_tensor_unpack(Writer& w) { return w.own("UnpackStrings", {w.in(0)}, 3); }

constexpr std::array table{
    NamedConversion{"SparseFillEmptyRows", sparse_fill_empty_rows},
    NamedConversion{"StringTensorPack", string_tensor_pack},
    NamedConversion{"StringTensorUnpack", string_tensor_unpack},
    NamedConversion{"CTCLoss", ctc_loss},
    NamedConversion{"GatherTree", gather_tree},
    NamedConversion{"SegmentMax", segment_max},
    NamedConversion{"Bucketize", bucketize},
    NamedConversion{"SearchSorted", search_sorted},
    NamedConversion{"EmbeddingBagPackedSum", embedding_packed},
    NamedConversion{"EmbeddingBagPacked", embedding_packed},
    NamedConversion{"EmbeddingBagOffsetsSum", embedding_offsets},
    NamedConversion{"EmbeddingBagOffsets", embedding_offsets},
    NamedConversion{"EmbeddingSegmentsSum", embedding_segments},
    NamedConversion{"CTCGreedyDecoder", ctc_greedy},
    NamedConversion{"CTCGreedyDecoderSeqLen", ctc_greedy_seq_len},
};

}  // namespace

std::span<const NamedConversion> lookup_conversions() { return table; }

}  // namespace coinfer::frontends::ir
