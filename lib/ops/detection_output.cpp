#include <cmath>
#include <numeric>

#include "ops/op.hpp"

namespace coinfer::ops {
namespace {

// coinfer.DetectionOutput: what SSD networks end with (Liu et al., SSD, ECCV 2016). Inputs, f32:
// offsets [N, priors * locations * 4], scores [N, priors * classes], priors [N or 1, 1 or 2,
// priors * (4 or 5)], and optionally scores [N, priors * 2] and offsets of a first stage. Result
// [1, 1, N * most, 7]: rows (image, class, score, x0, y0, x1, y1), then one of -1 and zeros.

struct Detection {
  std::int64_t background, top, keep, classes;
  bool in_target, center_size, shared, clip_before, clip_after, decrease, normalized;
  float overlap, score, objectness, height, width;
};

template <class Context>
Detection detection_of(const Context& ctx) {
  const auto& a = ctx.attributes();
  const auto flag = [&](const char* name) { return a.integer(name, 0) != 0; };
  Detection d{.background = a.integer("background_label_id", 0),
              .top = a.integer("top_k", -1),
              .keep = a.integer("keep_top_k", -1),
              .classes = a.integer("num_classes", -1),
              .in_target = flag("variance_encoded_in_target"),
              .center_size = flag("center_size"),
              .shared = flag("share_location"),
              .clip_before = flag("clip_before_nms"),
              .clip_after = flag("clip_after_nms"),
              .decrease = flag("decrease_label_id"),
              .normalized = flag("normalized"),
              .overlap = a.real("nms_threshold", 0),
              .score = a.real("confidence_threshold", 0),
              .objectness = a.real("objectness_score", 0),
              .height = a.real("input_height", 1),
              .width = a.real("input_width", 1)};
  return d;
}

struct Sizes {
  std::int64_t images, priors, classes, locations, rows;
};

/// Extents of static inputs that fit each other; fails otherwise.
template <class Context>
Sizes sizes_of(const Context& ctx, const Detection& d, const Shape& offsets, const Shape& scores,
               const Shape& priors) {
  constexpr auto limit = std::int64_t{1} << 31;
  if (d.top > limit || d.keep > limit || priors.empty() || priors.back() > limit) {
    ctx.fail("there are too many priors or detections");
  }
  const auto misfit = [&] {
    ctx.fail(
        fmt::format("offsets of shape {}, scores of shape {} and priors of shape {} do not fit",
                    offsets.to_string(), scores.to_string(), priors.to_string()));
  };
  if (offsets.size() != 2 || scores.size() != 2 || priors.size() != 3) {
    misfit();
  }
  Sizes s{.images = offsets[0],
          .priors = priors[2] / (d.normalized ? 4 : 5),
          .classes = d.classes,
          .locations = 1,
          .rows = 0};
  if (s.classes < 1 && s.priors > 0) {
    s.classes = scores[1] / s.priors;
  }
  s.locations = d.shared ? 1 : s.classes;
  if (priors[2] % (d.normalized ? 4 : 5) != 0 || s.priors < 1 || s.classes < 1 ||
      s.classes > 1 << 20 || scores[0] != s.images || scores[1] != s.priors * s.classes ||
      offsets[1] != s.priors * s.locations * 4 || (priors[0] != s.images && priors[0] != 1) ||
      priors[1] < (d.in_target ? 1 : 2)) {
    misfit();
  }
  const auto most = d.keep > 0 ? d.keep : d.top > 0 ? d.top * s.classes : s.priors * s.classes;
  if (__builtin_mul_overflow(s.images, most, &s.rows)) {
    ctx.fail("there are too many detections");
  }
  return s;
}

void infer_detection(InferContext& ctx) {
  ctx.check_inputs(3, 5);
  for (std::size_t i = 0; i < ctx.inputs(); ++i) {
    ctx.check_type(i, {ElementType::f32});
  }
  const auto d = detection_of(ctx);
  bool known = true;
  for (std::size_t i = 0; i < 3; ++i) {
    known = known && ctx.shape(i).is_static();
  }
  Dimension rows{};
  if (known) {
    const auto s =
        sizes_of(ctx, d, ctx.shape(0).to_shape(), ctx.shape(1).to_shape(), ctx.shape(2).to_shape());
    rows = Dimension{s.rows};
    if (ctx.has(3) && (ctx.shape(3) != PartialShape{s.images, 2 * s.priors} || !ctx.has(4) ||
                       !PartialShape::merge(ctx.shape(4), ctx.shape(0)))) {
      ctx.fail(fmt::format("the first stage's scores of shape {} do not fit {} priors",
                           ctx.shape(3).to_string(), s.priors));
    }
  }
  ctx.output(0, ElementType::f32, PartialShape{1, 1, rows, 7});
}

struct Box {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;

  float area(float more) const {
    return x1 < x0 || y1 < y0 ? 0 : (x1 - x0 + more) * (y1 - y0 + more);
  }
  Box clipped() const {
    const auto inside = [](float v) { return std::clamp(v, 0.0F, 1.0F); };
    return {inside(x0), inside(y0), inside(x1), inside(y1)};
  }
};

float overlap(const Box& a, const Box& b, float more) {
  if (b.x0 > a.x1 || b.x1 < a.x0 || b.y0 > a.y1 || b.y1 < a.y0) {
    return 0;
  }
  const auto width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0) + more;
  const auto height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0) + more;
  if (!(width > 0) || !(height > 0)) {
    return 0;
  }
  const auto both = width * height;
  return both / (a.area(more) + b.area(more) - both);
}

/// `prior` moved by `offset`, each number weighed by its variance.
Box moved(const Detection& d, const Box& prior, const float* offset, const float* variance) {
  const auto by = [&](int i) { return d.in_target ? offset[i] : offset[i] * variance[i]; };
  if (!d.center_size) {
    return {prior.x0 + by(0), prior.y0 + by(1), prior.x1 + by(2), prior.y1 + by(3)};
  }
  const auto width = prior.x1 - prior.x0, height = prior.y1 - prior.y0;
  const auto x = by(0) * width + (prior.x0 + prior.x1) / 2;
  const auto y = by(1) * height + (prior.y0 + prior.y1) / 2;
  const auto w = std::exp(by(2)) * width / 2, h = std::exp(by(3)) * height / 2;
  return {x - w, y - h, x + w, y + h};
}

struct Found {
  float score;
  std::int64_t label, prior;
};

bool better(const Found& a, const Found& b) { return a.score > b.score; }

/// Detects in one image.
class Detector {
 public:
  Detector(const Detection& d, const Sizes& s, const float* const* src, bool two_stages,
           std::int64_t prior_images, std::int64_t prior_rows)
      : d_{d},
        s_{s},
        src_{src},
        two_{two_stages},
        prior_images_{prior_images},
        prior_rows_{prior_rows} {}

  std::vector<Found> detect(std::int64_t image) {
    decode(image);
    auto found = d_.decrease ? by_best_class(image) : by_class(image);
    if (d_.keep > -1 && static_cast<std::int64_t>(found.size()) > d_.keep) {
      std::stable_sort(found.begin(), found.end(), better);
      found.resize(static_cast<std::size_t>(d_.keep));
      std::stable_sort(found.begin(), found.end(),
                       [](const Found& a, const Found& b) { return a.label < b.label; });
    }
    return found;
  }

  const Box& box(std::int64_t label, std::int64_t prior) const {
    return boxes_[static_cast<std::size_t>((d_.shared ? 0 : label) * s_.priors + prior)];
  }

 private:
  void decode(std::int64_t image) {
    boxes_.assign(static_cast<std::size_t>(s_.locations * s_.priors), {});
    const auto size = d_.normalized ? 4 : 5;
    const auto* priors =
        src_[2] + (prior_images_ == 1 ? 0 : image) * prior_rows_ * s_.priors * size;
    for (std::int64_t p = 0; p < s_.priors; ++p) {
      const auto* at = priors + p * size + (size - 4);
      const float* variance = d_.in_target ? nullptr : priors + s_.priors * size + p * 4;
      Box prior{at[0], at[1], at[2], at[3]};
      if (!d_.normalized) {
        prior = {prior.x0 / d_.width, prior.y0 / d_.height, prior.x1 / d_.width,
                 prior.y1 / d_.height};
      }
      for (std::int64_t label = 0; label < s_.locations; ++label) {
        if (!d_.shared && label == d_.background) {
          continue;
        }
        const auto place = (image * s_.priors + p) * s_.locations + label;
        auto from = prior;
        if (two_) {
          from = moved(d_, from, src_[4] + place * 4, variance);
        }
        auto box = moved(d_, from, src_[0] + place * 4, variance);
        boxes_[static_cast<std::size_t>(label * s_.priors + p)] =
            d_.clip_before ? box.clipped() : box;
      }
    }
  }

  float score(std::int64_t image, std::int64_t prior, std::int64_t label) const {
    if (two_ && src_[3][(image * s_.priors + prior) * 2 + 1] < d_.objectness) {
      return label == d_.background ? 1.0F : 0.0F;
    }
    return src_[1][(image * s_.priors + prior) * s_.classes + label];
  }

  void limit(std::vector<Found>& candidates) const {
    std::stable_sort(candidates.begin(), candidates.end(), better);
    if (d_.top > -1 && static_cast<std::int64_t>(candidates.size()) > d_.top) {
      candidates.resize(static_cast<std::size_t>(d_.top));
    }
  }

  bool overlaps(const Found& one, const Found& other) const {
    return overlap(box(one.label, one.prior), box(other.label, other.prior),
                   d_.normalized ? 0.0F : 1.0F) > d_.overlap;
  }

  std::vector<Found> by_class(std::int64_t image) const {
    std::vector<Found> found;
    std::vector<Found> candidates;
    for (std::int64_t label = 0; label < s_.classes; ++label) {
      if (label == d_.background) {
        continue;
      }
      candidates.clear();
      for (std::int64_t p = 0; p < s_.priors; ++p) {
        if (const auto value = score(image, p, label); value > d_.score) {
          candidates.push_back({value, label, p});
        }
      }
      limit(candidates);
      const auto first = static_cast<std::ptrdiff_t>(found.size());
      for (const auto& next : candidates) {
        if (std::none_of(found.begin() + first, found.end(),
                         [&](const Found& kept) { return overlaps(next, kept); })) {
          found.push_back(next);
        }
      }
    }
    return found;
  }

  /// Each prior is of its likeliest class.
  std::vector<Found> by_best_class(std::int64_t image) const {
    std::vector<Found> candidates;
    for (std::int64_t p = 0; p < s_.priors; ++p) {
      Found best{-1, 0, p};
      for (std::int64_t label = 0; label < s_.classes; ++label) {
        if (label != d_.background && score(image, p, label) > best.score) {
          best = {score(image, p, label), label, p};
        }
      }
      if (best.score > d_.score) {
        candidates.push_back(best);
      }
    }
    limit(candidates);
    std::vector<Found> found;
    for (const auto& next : candidates) {
      if (std::none_of(found.begin(), found.end(), [&](const Found& kept) {
            return kept.label == next.label && overlaps(next, kept);
          })) {
        found.push_back(next);
      }
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.label < b.label; });
    return found;
  }

  const Detection& d_;
  const Sizes& s_;
  const float* const* src_;
  bool two_;
  std::int64_t prior_images_, prior_rows_;
  std::vector<Box> boxes_;
};

Kernel detection_kernel(const KernelContext& ctx) {
  const auto d = detection_of(ctx);
  const auto priors = ctx.shape(2);
  const auto s = sizes_of(ctx, d, ctx.shape(0), ctx.shape(1), priors);
  const bool two = ctx.has(3);
  return [=](const void* const* src, void* const* dst) {
    std::array<const float*, 5> from{};
    for (std::size_t i = 0; i < (two ? 5U : 3U); ++i) {
      from[i] = static_cast<const float*>(src[i]);
    }
    auto* to = static_cast<float*>(dst[0]);
    std::fill_n(to, s.rows * 7, 0.0F);
    Detector detector{d, s, from.data(), two, priors[0], priors[1]};
    std::int64_t row = 0;
    for (std::int64_t image = 0; image < s.images; ++image) {
      for (const auto& one : detector.detect(image)) {
        if (row == s.rows) {
          return;
        }
        auto box = detector.box(one.label, one.prior);
        if (d.clip_after) {
          box = box.clipped();
        }
        for (const auto value :
             {static_cast<float>(image), static_cast<float>(one.label - (d.decrease ? 1 : 0)),
              one.score, box.x0, box.y0, box.x1, box.y1}) {
          *to++ = value;
        }
        ++row;
      }
    }
    if (row < s.rows) {
      *to = -1;
    }
  };
}

const Register detection{{.type = "DetectionOutput",
                          .infer = infer_detection,
                          .kernel = detection_kernel,
                          .domain = "coinfer"}};

}  // namespace
}  // namespace coinfer::ops
