#include "espalier/nn/classifier.h"

#include <doctest/doctest.h>

#include "tests/support/support.h"

namespace espalier::nn {

TEST_CASE("a vector a sequence: the first state, or the mean, of padded and packed sequences") {
  const Variable batch(Tensor::from({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  const Tokens padded{IntTensor::zeros({2, 2})};
  CHECK(pool(batch, padded, Pooler::kFirst).value().to_vector() == std::vector<float>{1, 2, 5, 6});
  CHECK(pool(batch, padded, Pooler::kAverage).value().to_vector() == std::vector<float>{2, 3, 6, 7});

  const Variable rows(Tensor::from({4, 2}, {1, 2, 3, 4, 5, 6, 10, 20}), true);
  Tokens packed{IntTensor::zeros({4})};
  packed.first_rows = IntTensor::from({3}, {0, 1, 4});
  CHECK(pool(rows, packed, Pooler::kFirst).value().to_vector() == std::vector<float>{1, 2, 3, 4});
  const Variable mean = pool(rows, packed, Pooler::kAverage);
  CHECK(mean.value().to_vector() == std::vector<float>{1, 2, 6, 10});
  backward(mean, Tensor::from({2, 2}, {1, 2, 3, 6}));
  CHECK(rows.grad().to_vector() == std::vector<float>{1, 2, 1, 2, 1, 2, 1, 2});
}

TEST_CASE("what no head can have is refused") {
  EncoderOptions options;
  options.layers = 0;
  const auto said_of = [&](const ClassifierOptions& head) {
    return testing::error_of([&] { SequenceClassifier made(options, head); });
  };
  CHECK(said_of({.head_dim = 0}) == "classifier: head_dim and labels must be at least 1, got 0 and 2");
  CHECK(said_of({.labels = -1}) == "classifier: head_dim and labels must be at least 1, got 1024 and -1");
  CHECK(said_of({.dropout = 1}) == "classifier: dropout must be at least 0 and below 1, got 1");
}

}  // namespace espalier::nn
