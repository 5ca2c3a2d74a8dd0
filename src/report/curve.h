// A curve of any length in bounded memory.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace espalier::report {

struct Sample {
  double progress = 0;  // tokens of a pretraining, epochs of a fine-tuning
  double seconds = 0;   // of wall time
  double value = 0;
};

// Consecutive samples are put into buckets of one length, at most 1024 or as few as asked for; when these are
// full every two become one. A bucket keeps its first, lowest, highest and last sample (a line of these
// covers the same pixels as the whole one: Jugel et al., "M4", VLDB 2014) and its mean.
class Curve {
 public:
  Curve() = default;
  explicit Curve(std::size_t most_buckets) : most_buckets_(most_buckets) {}
  // Samples come in the order of their progress. What is not finite is left out.
  void add(const Sample& sample);

  bool empty() const { return buckets_.empty(); }
  std::size_t count() const { return count_; }
  // All samples while there are fewer than buckets, then those above.
  std::vector<Sample> samples() const;
  // Means of at most `most` stretches with as many samples each, but for the first, which may have fewer.
  std::vector<Sample> means(std::size_t most) const;
  const Sample& first() const { return buckets_.front().first; }
  const Sample& last() const { return buckets_.back().last; }
  Sample lowest() const;
  Sample highest() const;

 private:
  struct Bucket {
    Sample first, low, high, last;
    Sample sum;  // of all
    std::size_t count = 0;
  };
  static void merge(Bucket& bucket, const Bucket& next);
  void halve();

  std::size_t most_buckets_ = 1024;
  std::vector<Bucket> buckets_;
  std::size_t per_bucket_ = 1;
  std::size_t count_ = 0;
};

// The samples of a curve of so many buckets, where there are more than it gives.
std::vector<Sample> thinned(std::vector<Sample> samples, std::size_t buckets);

// Of things that come one after the other every n-th and the last, 256 to 512 of them.
template <class T>
class Thinned {
 public:
  void add(T item) {
    if (!items_.empty() && (count_ - 1) % every_ != 0) items_.pop_back();  // was kept for being the last
    items_.push_back(std::move(item));
    ++count_;
    if (items_.size() < 512) return;
    std::vector<T> kept;
    for (std::size_t i = 0; i < items_.size(); i += 2) kept.push_back(std::move(items_[i]));
    kept.push_back(std::move(items_.back()));  // of an even number the last is none of them
    items_ = std::move(kept);
    every_ *= 2;
  }
  const std::vector<T>& items() const { return items_; }
  std::size_t count() const { return count_; }

 private:
  std::vector<T> items_;
  std::size_t every_ = 1, count_ = 0;
};

}  // namespace espalier::report
