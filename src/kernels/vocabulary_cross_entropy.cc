#include "kernels/vocabulary_cross_entropy.h"

#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/cross_entropy.h"
#include "kernels/matmul.h"
#include "kernels/scratch.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kShortestChunk = 48;  // fewer rows take another path of oneDNN
constexpr std::int64_t kRowGrain = 4;        // rows of a softmax task
constexpr std::int64_t kHiddenRows = 128;    // of a task for the gradient of hidden
constexpr std::int64_t kHiddenColumns = 256;
constexpr std::int64_t kTableRows = 256;  // of a task for the gradient of the table

std::int64_t pieces(std::int64_t extent, std::int64_t piece) {
  return (extent + piece - 1) / piece;
}

// A run of rows and their logits, which become their gradients.
class Chunk {
 public:
  Chunk(const VocabularyProblem& problem, std::int64_t begin, std::int64_t end, float* logits)
      : problem_(problem), begin_(begin), rows_(end - begin), logits_(logits) {}

  // Floats between rows of logits: a power of two would put a column's elements into the same cache sets.
  static std::int64_t stride(std::int64_t vocabulary) { return (vocabulary + 15) / 16 * 16 + 16; }

  void compute_logits() const {
    matmul(rows_, problem_.vocabulary, problem_.width, {hidden(), problem_.width, false},
           {problem_.table, problem_.width, true}, false, logits_, stride());
  }

  void compute_losses(bool with_gradient, float factor, float* losses, std::uint8_t* correct) const {
    parallel_for(rows_, kRowGrain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        float* x = logits_ + row * stride();
        if (problem_.bias != nullptr) {
          for (std::int64_t j = 0; j < problem_.vocabulary; ++j) x[j] += problem_.bias[j];
        }
        const std::int64_t target = problem_.targets[begin_ + row];
        const RowLoss result = with_gradient
                                   ? cross_entropy_row_in_place(problem_.vocabulary, x, target, factor)
                                   : cross_entropy_row(problem_.vocabulary, x, target);
        losses[begin_ + row] = result.loss;
        correct[begin_ + row] = result.correct ? 1 : 0;
      }
    });
  }

  // Turns the gradients of the logits into the others. The tasks for hidden are long and so come first.
  void compute_gradients(const VocabularyGradients& gradients) const {
    const std::int64_t columns = pieces(problem_.width, kHiddenColumns);
    const std::int64_t hidden_tasks = gradients.hidden == nullptr ? 0 : pieces(rows_, kHiddenRows) * columns;
    const bool parameters = gradients.table != nullptr || gradients.bias != nullptr;
    const std::int64_t table_tasks = parameters ? pieces(problem_.vocabulary, kTableRows) : 0;
    parallel_for(hidden_tasks + table_tasks, 1, [&](std::int64_t task, std::int64_t) {
      if (task < hidden_tasks) {
        hidden_block(task / columns * kHiddenRows, task % columns * kHiddenColumns, gradients.hidden);
        return;
      }
      const std::int64_t first = (task - hidden_tasks) * kTableRows;
      if (gradients.table != nullptr) table_block(first, gradients.table);
      if (gradients.bias != nullptr) bias_block(first, gradients.bias);
    });
  }

 private:
  std::int64_t stride() const { return stride(problem_.vocabulary); }
  const float* hidden() const { return problem_.hidden + begin_ * problem_.width; }

  void hidden_block(std::int64_t row, std::int64_t column, float* dhidden) const {
    matmul_serial(std::min(kHiddenRows, rows_ - row), std::min(kHiddenColumns, problem_.width - column),
                  problem_.vocabulary, {logits_ + row * stride(), stride(), false},
                  {problem_.table + column, problem_.width, false}, false,
                  dhidden + (begin_ + row) * problem_.width + column, problem_.width);
  }

  void table_block(std::int64_t first, float* dtable) const {
    const std::int64_t count = std::min(kTableRows, problem_.vocabulary - first);
    const std::int64_t width = problem_.width;
    float* out = dtable + first * width;
    Scratch<float> sum(begin_ == 0 ? 0 : count * width);
    matmul_serial(count, width, rows_, {logits_ + first, stride(), true}, {hidden(), width, false}, false,
                  begin_ == 0 ? out : sum.data(), width);
    if (begin_ == 0) return;
    for (std::int64_t i = 0; i < count * width; ++i) out[i] += sum[i];
  }

  void bias_block(std::int64_t first, float* dbias) const {
    const std::int64_t count = std::min(kTableRows, problem_.vocabulary - first);
    float sum[kTableRows] = {};
    for (std::int64_t row = 0; row < rows_; ++row) {
      const float* x = logits_ + row * stride() + first;
      for (std::int64_t j = 0; j < count; ++j) sum[j] += x[j];
    }
    for (std::int64_t j = 0; j < count; ++j)
      dbias[first + j] = begin_ == 0 ? sum[j] : dbias[first + j] + sum[j];
  }

  const VocabularyProblem& problem_;
  std::int64_t begin_, rows_;
  float* logits_;
};

// Ends of the chunks, in order.
std::int64_t chunk_end(std::int64_t begin, std::int64_t rows) {
  const std::int64_t end = begin + kGradientRows;
  return rows - end < kShortestChunk ? rows : end;
}

}  // namespace

void vocabulary_cross_entropy(const VocabularyProblem& problem, const VocabularyGradients& gradients,
                              float* losses, std::uint8_t* correct) {
  const std::int64_t most_rows = std::min(problem.rows, kGradientRows + kShortestChunk - 1);
  Scratch<float> logits(most_rows * Chunk::stride(problem.vocabulary));
  const bool with_gradient =
      gradients.hidden != nullptr || gradients.table != nullptr || gradients.bias != nullptr;
  for (std::int64_t begin = 0; begin < problem.rows; begin = chunk_end(begin, problem.rows)) {
    const Chunk chunk(problem, begin, chunk_end(begin, problem.rows), logits.data());
    chunk.compute_logits();
    chunk.compute_losses(with_gradient, gradients.factor, losses, correct);
    if (with_gradient) chunk.compute_gradients(gradients);
  }
  if (problem.rows > 0) return;
  if (gradients.table != nullptr) std::fill_n(gradients.table, problem.vocabulary * problem.width, 0.0F);
  if (gradients.bias != nullptr) std::fill_n(gradients.bias, problem.vocabulary, 0.0F);
}

}  // namespace espalier::kernels
