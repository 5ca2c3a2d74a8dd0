#include "espalier/ops/vocabulary_cross_entropy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "espalier/ops/embedding.h"
#include "tests/support/support.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::error_of;
using testing::random_tensor;

IntTensor random_targets(std::int64_t rows, std::int64_t vocabulary) {
  const Philox random(3, RandomStream::kTest);
  IntTensor targets = IntTensor::empty({rows});
  for (std::int64_t i = 0; i < rows; ++i) {
    targets.data()[i] = static_cast<std::int32_t>(
        random.below(static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(vocabulary)));
  }
  return targets;
}

double dot(const Doubles& a, std::size_t row_a, const Doubles& b, std::size_t row_b, std::size_t width) {
  double sum = 0;
  for (std::size_t i = 0; i < width; ++i) sum += a[row_a * width + i] * b[row_b * width + i];
  return sum;
}

// `in` is hidden, table and, if there are three, bias.
double plain_loss(std::span<const Doubles> in, const IntTensor& targets, std::size_t width, double total) {
  double loss = 0;
  const std::size_t vocabulary = in[1].size() / width;
  for (std::size_t row = 0; row < in[0].size() / width; ++row) {
    Doubles logits(vocabulary);
    double sum = 0;
    for (std::size_t v = 0; v < vocabulary; ++v) {
      logits[v] = dot(in[0], row, in[1], v, width) + (in.size() == 3 ? in[2][v] : 0.0);
      sum += std::exp(logits[v]);
    }
    loss += std::log(sum) - logits[static_cast<std::size_t>(targets.data()[row])];
  }
  return loss / total;
}

void check_vocabulary_cross_entropy(std::int64_t rows, std::int64_t width, std::int64_t vocabulary,
                                    bool with_bias, double total_count = 0) {
  INFO("rows " << rows << " width " << width << " vocabulary " << vocabulary << " bias " << with_bias);
  const IntTensor targets = random_targets(rows, vocabulary);
  std::vector<Tensor> inputs{random_tensor({rows, width}, 1), random_tensor({vocabulary, width}, 2)};
  if (with_bias) inputs.push_back(random_tensor({vocabulary}, 3));
  testing::check_op(
      [&](std::span<const Variable> in) {
        return vocabulary_cross_entropy(in[0], in[1], with_bias ? in[2] : Variable(), targets,
                                        {.total_count = total_count});
      },
      [&](std::span<const Doubles> in) {
        const double total = total_count > 0 ? total_count : static_cast<double>(rows);
        return Doubles{plain_loss(in, targets, static_cast<std::size_t>(width), total)};
      },
      inputs);
}

}  // namespace

TEST_CASE("vocabulary_cross_entropy equals its plain twin, value and gradients") {
  check_vocabulary_cross_entropy(1, 1, 1, false);
  check_vocabulary_cross_entropy(3, 4, 5, false);
  check_vocabulary_cross_entropy(7, 5, 33, true);
  check_vocabulary_cross_entropy(60, 3, 9, true);
  check_vocabulary_cross_entropy(5, 4, 6, false, 12.5);
}

// The loss is float32's of the rounded numbers. Its gradients differ further, by the rounding of the logits'.
TEST_CASE("vocabulary_cross_entropy in bf16 is that of the rounded numbers") {
  const std::int64_t rows = 600, width = 24, vocabulary = 700;
  const IntTensor targets = random_targets(rows, vocabulary);
  const Tensor inputs[] = {random_tensor({rows, width}, 1), random_tensor({vocabulary, width}, 2),
                           random_tensor({vocabulary}, 3)};
  Variable narrow[3], twin[3];
  for (std::size_t i = 0; i < 3; ++i) {
    narrow[i] = Variable(inputs[i].clone(), true);
    twin[i] = Variable(i < 2 ? testing::rounded_to_bfloat16(inputs[i]) : inputs[i].clone(), true);
  }
  std::int64_t correct = 0, twin_correct = 0;
  const Variable loss = vocabulary_cross_entropy(narrow[0], narrow[1], narrow[2], targets,
                                                 {.precision = Precision::kBf16}, &correct);
  const Variable expected = vocabulary_cross_entropy(twin[0], twin[1], twin[2], targets, {}, &twin_correct);
  CHECK(std::abs(loss.item() - expected.item()) < 1e-6F * expected.item());
  CHECK(correct == twin_correct);
  backward(loss);
  backward(expected);
  for (std::size_t i = 0; i < 3; ++i) {
    double error = 0, size = 0;
    for (std::size_t j = 0; j < narrow[i].grad().span().size(); ++j) {
      const double wanted = static_cast<double>(twin[i].grad().span()[j]);
      error += std::pow(static_cast<double>(narrow[i].grad().span()[j]) - wanted, 2);
      size += wanted * wanted;
    }
    INFO("input " << i);
    CHECK(std::sqrt(error / size) < 4e-3);
    CHECK(error > 0);
  }
}

TEST_CASE("vocabulary_cross_entropy over several chunks and panels equals its plain twin") {
  // 1030 rows: the last 6 join the second chunk. 1100 entries: five panels of the table.
  const std::int64_t rows = 1030, width = 8, vocabulary = 1100;
  const IntTensor targets = random_targets(rows, vocabulary);
  const Variable hidden(random_tensor({rows, width}, 1), true);
  const Variable table(random_tensor({vocabulary, width}, 2), true);
  const Variable bias(random_tensor({vocabulary}, 3), true);
  std::int64_t correct = -1;
  const Variable loss = vocabulary_cross_entropy(hidden, table, bias, targets, {}, &correct);
  backward(loss, 3.0F);

  const auto doubles = [](const Variable& x) {
    return Doubles(x.value().span().begin(), x.value().span().end());
  };
  const std::vector<Doubles> in{doubles(hidden), doubles(table), doubles(bias)};
  CHECK(static_cast<double>(loss.item()) == doctest::Approx(plain_loss(in, targets, width, rows)));
  Doubles dhidden(in[0].size(), 0.0), dtable(in[1].size(), 0.0), dbias(in[2].size(), 0.0);
  std::int64_t expected_correct = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto target = static_cast<std::size_t>(targets.data()[row]);
    Doubles p(vocabulary);
    double sum = 0;
    for (std::size_t v = 0; v < vocabulary; ++v)
      sum += p[v] = std::exp(dot(in[0], row, in[1], v, width) + in[2][v]);
    expected_correct +=
        std::max_element(p.begin(), p.end()) - p.begin() == static_cast<std::ptrdiff_t>(target);
    for (std::size_t v = 0; v < vocabulary; ++v) {
      const double g = 3.0 / rows * (p[v] / sum - (v == target ? 1.0 : 0.0));
      dbias[v] += g;
      for (std::size_t i = 0; i < width; ++i) {
        dhidden[row * width + i] += g * in[1][v * width + i];
        dtable[v * width + i] += g * in[0][row * width + i];
      }
    }
  }
  const auto error = [](const Variable& x, const Doubles& expected) {
    return testing::max_relative_error(x.grad().span(), std::span<const double>(expected), 1e-2);
  };
  CHECK(error(hidden, dhidden) < 1e-4);
  CHECK(error(table, dtable) < 1e-4);
  CHECK(error(bias, dbias) < 1e-4);
  CHECK(correct == expected_correct);
}

TEST_CASE("vocabulary_cross_entropy counts the first of equal logits as the prediction") {
  const Variable hidden(Tensor::full({4, 1}, 1.0F), true);
  const Variable table(Tensor::from({3, 1}, {1.0F, 2.0F, 2.0F}), true);
  std::int64_t correct = 0;
  vocabulary_cross_entropy(hidden, table, Variable(), IntTensor::from({4}, {0, 1, 2, 1}), {}, &correct);
  CHECK(correct == 2);
  const NoGradGuard no_gradient;
  vocabulary_cross_entropy(hidden, table, Variable(), IntTensor::from({4}, {0, 1, 2, 2}), {}, &correct);
  CHECK(correct == 1);
}

TEST_CASE("vocabulary_cross_entropy without gradients gives the same loss") {
  const IntTensor targets = random_targets(20, 30);
  const Variable hidden(random_tensor({20, 6}, 1), true);
  const Variable table(random_tensor({30, 6}, 2), true);
  const float recorded = vocabulary_cross_entropy(hidden, table, Variable(), targets).item();
  const NoGradGuard no_gradient;
  const Variable loss = vocabulary_cross_entropy(hidden, table, Variable(), targets);
  CHECK(loss.item() == doctest::Approx(recorded));
  CHECK(!loss.requires_grad());
}

TEST_CASE("vocabulary_cross_entropy shares the gradient of a tied table with the embedding") {
  const IntTensor ids = random_targets(6, 5);
  const Variable table(random_tensor({5, 3}, 2), true);
  const Variable hidden = embedding(ids, table);
  backward(vocabulary_cross_entropy(hidden, table, Variable(), ids));

  const Variable leaf(hidden.value(), true);
  const Variable head(table.value(), true);
  backward(vocabulary_cross_entropy(leaf, head, Variable(), ids));
  const Variable look_up(table.value(), true);
  backward(embedding(ids, look_up), leaf.grad());
  for (std::int64_t i = 0; i < 15; ++i) {
    CHECK(table.grad().data()[i] == doctest::Approx(head.grad().data()[i] + look_up.grad().data()[i]));
  }
}

TEST_CASE("vocabulary_cross_entropy computes no gradient for a frozen input") {
  const IntTensor targets = random_targets(4, 5);
  const Variable table(random_tensor({5, 3}, 2));
  const Variable hidden(random_tensor({4, 3}, 1), true);
  const Variable bias(random_tensor({5}, 3), true);
  backward(vocabulary_cross_entropy(hidden, table, bias, targets));
  CHECK(!table.grad().defined());
  CHECK(bias.grad().defined());
  const Variable learnt(table.value(), true);
  backward(vocabulary_cross_entropy(hidden.detach(), learnt, Variable(), targets));
  CHECK(learnt.grad().defined());
}

TEST_CASE("vocabulary_cross_entropy of no rows is zero with zero gradients") {
  const Variable hidden(Tensor::empty({0, 3}), true);
  const Variable table(random_tensor({5, 3}, 2), true);
  for (const double total : {0.0, 8.0}) {
    const Variable loss =
        vocabulary_cross_entropy(hidden, table, Variable(), IntTensor::empty({0}), {.total_count = total});
    CHECK(loss.item() == 0.0F);
    backward(loss);
    CHECK(table.grad().to_vector() == std::vector<float>(15, 0.0F));
  }
}

TEST_CASE("vocabulary_cross_entropy of extreme logits does not overflow") {
  const Variable hidden(Tensor::from({2, 1}, {1e4F, -1e4F}), true);
  const Variable table(Tensor::from({2, 1}, {3.0F, -3.0F}), true);
  const Variable loss = vocabulary_cross_entropy(hidden, table, Variable(), IntTensor::from({2}, {0, 0}));
  CHECK(loss.item() == 3e4F);
  backward(loss);
  CHECK(hidden.grad().to_vector() == std::vector<float>{0.0F, -3.0F});
}

TEST_CASE("vocabulary_cross_entropy says what does not fit") {
  const Variable hidden(Tensor::zeros({2, 3}));
  const Variable table(Tensor::zeros({10, 3}));
  const IntTensor targets = IntTensor::from({2}, {1, 2});
  const auto message = [&](const Variable& h, const Variable& t, const Variable& b, const IntTensor& y) {
    return error_of([&] { vocabulary_cross_entropy(h, t, b, y); });
  };
  CHECK(message(hidden, table, Variable(), IntTensor::from({2}, {1, 10})) ==
        "vocabulary_cross_entropy: target 10 of row 1 is outside the vocabulary of 10 entries (0 to 9)");
  CHECK(message(hidden, Variable(Tensor::zeros({10, 4})), Variable(), targets) ==
        "vocabulary_cross_entropy: table must be [10,3] (last axis of hidden [2,3]), got [10,4]");
  CHECK(message(hidden, table, Variable(Tensor::zeros({3})), targets) ==
        "vocabulary_cross_entropy: bias must be [10] (rows of table [10,3]), got [3]");
  CHECK(message(hidden, table, Variable(), IntTensor::from({3}, {1, 2, 3})) ==
        "vocabulary_cross_entropy: targets must be [2] (rows of hidden [2,3]), got [3]");
  CHECK(error_of([&] {
          vocabulary_cross_entropy(hidden, table, Variable(), targets, {.total_count = -1});
        }) == "vocabulary_cross_entropy: total_count must be at least 0, got -1");
}

}  // namespace espalier::ops
