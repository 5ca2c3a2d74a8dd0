#include "report/curve.h"

#include <algorithm>
#include <cmath>

namespace espalier::report {
namespace {

void add_to(Sample& sum, const Sample& sample) {
  sum.progress += sample.progress;
  sum.seconds += sample.seconds;
  sum.value += sample.value;
}

Sample divided(const Sample& sum, std::size_t count) {
  const auto n = static_cast<double>(count);
  return {sum.progress / n, sum.seconds / n, sum.value / n};
}

}  // namespace

void Curve::merge(Bucket& bucket, const Bucket& next) {
  if (next.low.value < bucket.low.value) bucket.low = next.low;
  if (next.high.value > bucket.high.value) bucket.high = next.high;
  bucket.last = next.last;
  add_to(bucket.sum, next.sum);
  bucket.count += next.count;
}

void Curve::halve() {
  for (std::size_t i = 0; i + 1 < buckets_.size(); i += 2) {
    merge(buckets_[i], buckets_[i + 1]);
    buckets_[i / 2] = buckets_[i];
  }
  buckets_.resize(buckets_.size() / 2);
  per_bucket_ *= 2;
}

void Curve::add(const Sample& sample) {
  if (!std::isfinite(sample.value)) return;
  ++count_;
  const Bucket one{sample, sample, sample, sample, sample, 1};
  if (!buckets_.empty() && buckets_.back().count < per_bucket_) {
    merge(buckets_.back(), one);
    return;
  }
  if (buckets_.size() == most_buckets_) halve();
  buckets_.push_back(one);
}

std::vector<Sample> Curve::samples() const {
  std::vector<Sample> result;
  for (const Bucket& bucket : buckets_) {
    const bool low_first = bucket.low.progress <= bucket.high.progress;
    for (const Sample* sample : {&bucket.first, low_first ? &bucket.low : &bucket.high,
                                 low_first ? &bucket.high : &bucket.low, &bucket.last}) {
      const bool again = !result.empty() && result.back().progress == sample->progress &&
                         result.back().value == sample->value;
      if (!again) result.push_back(*sample);
    }
  }
  return result;
}

std::vector<Sample> Curve::means(std::size_t most) const {
  std::vector<Sample> result;
  if (empty()) return result;
  const std::size_t together = (buckets_.size() + most - 1) / most;
  std::size_t begin = 0;
  for (std::size_t end = (buckets_.size() - 1) % together + 1; end <= buckets_.size(); end += together) {
    Sample sum{};
    std::size_t count = 0;
    for (; begin < end; ++begin) {
      add_to(sum, buckets_[begin].sum);
      count += buckets_[begin].count;
    }
    result.push_back(divided(sum, count));
  }
  return result;
}

Sample Curve::lowest() const {
  return std::min_element(buckets_.begin(), buckets_.end(),
                          [](const Bucket& a, const Bucket& b) { return a.low.value < b.low.value; })
      ->low;
}

Sample Curve::highest() const {
  return std::max_element(buckets_.begin(), buckets_.end(),
                          [](const Bucket& a, const Bucket& b) { return a.high.value < b.high.value; })
      ->high;
}

std::vector<Sample> thinned(std::vector<Sample> samples, std::size_t buckets) {
  if (samples.size() <= 4 * buckets) return samples;
  Curve curve(buckets);
  for (const Sample& sample : samples) curve.add(sample);
  return curve.samples();
}

}  // namespace espalier::report
