#include "kernels/vocabulary_cross_entropy.h"

#include <algorithm>
#include <type_traits>

#include "espalier/base/parallel.h"
#include "kernels/bfloat16.h"
#include "kernels/cross_entropy.h"
#include "kernels/matmul.h"
#include "kernels/scratch.h"
#include "tensor/half.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kShortestChunk = 48;  // fewer rows take another path of oneDNN
constexpr std::int64_t kRowGrain = 4;        // rows of a softmax task
// Vocabulary entries of a gradient task, and the terms in which the gradient of hidden is summed.
constexpr std::int64_t kSlice = 2048;
constexpr std::int64_t kTableRows = 512;  // table rows of one product
constexpr std::int64_t kSumRows = 16;     // rows of a task that adds up the slices

std::int64_t pieces(std::int64_t extent, std::int64_t piece) {
  return (extent + piece - 1) / piece;
}

float as_float(float value) {
  return value;
}
float as_float(Bfloat16 value) {
  return float_from_bfloat16(value);
}

// The factors of products that are given.
template <class Element>
struct Factors {
  const Element* hidden;
  const Element* table;
};

// A run of rows and their logits, which become their gradients: as Element, in the same memory.
template <class Element>
class Chunk {
  static constexpr bool kRounds = std::is_same_v<Element, Bfloat16>;

 public:
  Chunk(const VocabularyProblem& problem, const Factors<Element>& factors, std::int64_t begin,
        std::int64_t end, float* logits)
      : problem_(problem), factors_(factors), begin_(begin), rows_(end - begin), logits_(logits) {}

  // Floats between rows of logits: a power of two would put a column's elements into the same cache sets.
  static std::int64_t stride(std::int64_t vocabulary) { return (vocabulary + 15) / 16 * 16 + 16; }

  void compute_logits() const {
    matmul(rows_, problem_.vocabulary, problem_.width, {hidden(), problem_.width, false},
           {factors_.table, problem_.width, true}, logits_, stride());
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
        if constexpr (kRounds) {
          if (with_gradient) round_to_bfloat16_serial(problem_.vocabulary, x, reinterpret_cast<Bfloat16*>(x));
        }
      }
    });
  }

  // Turns the gradients of the logits into the others, a slice of the vocabulary at a time: what a task reads
  // of the logits serves both products.
  void compute_gradients(const VocabularyGradients& gradients) const {
    const std::int64_t slices = pieces(problem_.vocabulary, kSlice);
    const std::int64_t block = rows_ * problem_.width;
    Scratch<float> parts(gradients.hidden == nullptr ? 0 : slices * block);
    parallel_for(slices, 1, [&](std::int64_t slice, std::int64_t) {
      const std::int64_t first = slice * kSlice;
      const std::int64_t last = std::min(first + kSlice, problem_.vocabulary);
      if (gradients.hidden != nullptr) hidden_part(first, last, parts.data() + slice * block);
      for (std::int64_t row = first; row < last; row += kTableRows) {
        if (gradients.table != nullptr) table_block(row, gradients.table);
        if (gradients.bias != nullptr) bias_block(row, gradients.bias);
      }
    });
    if (gradients.hidden != nullptr) add_parts(slices, parts.data(), gradients.hidden);
  }

 private:
  std::int64_t stride() const { return stride(problem_.vocabulary); }
  const Element* hidden() const { return factors_.hidden + begin_ * problem_.width; }
  // Of the logits: what they have become, from this column on, and elements between its rows.
  const Element* slopes(std::int64_t column) const {
    return reinterpret_cast<const Element*>(logits_) + column;
  }
  std::int64_t slope_stride() const {
    return stride() * static_cast<std::int64_t>(sizeof(float) / sizeof(Element));
  }

  // [rows, width] = the columns [first, last) of the logits' gradients times these rows of the table.
  void hidden_part(std::int64_t first, std::int64_t last, float* part) const {
    matmul_serial(rows_, problem_.width, last - first, {slopes(first), slope_stride(), false},
                  {factors_.table + first * problem_.width, problem_.width, false}, part, problem_.width);
  }

  // Adds the parts in order.
  void add_parts(std::int64_t slices, const float* parts, float* dhidden) const {
    const std::int64_t width = problem_.width;
    parallel_for(rows_, kSumRows, [&](std::int64_t begin, std::int64_t end) {
      float* out = dhidden + (begin_ + begin) * width;
      const std::int64_t count = (end - begin) * width;
      std::copy_n(parts + begin * width, count, out);
      for (std::int64_t slice = 1; slice < slices; ++slice) {
        const float* part = parts + (slice * rows_ + begin) * width;
        for (std::int64_t i = 0; i < count; ++i) out[i] += part[i];
      }
    });
  }

  void table_block(std::int64_t first, float* dtable) const {
    const std::int64_t count = std::min(kTableRows, problem_.vocabulary - first);
    const std::int64_t width = problem_.width;
    float* out = dtable + first * width;
    Scratch<float> sum(begin_ == 0 ? 0 : count * width);
    matmul_serial(count, width, rows_, {slopes(first), slope_stride(), true}, {hidden(), width, false},
                  begin_ == 0 ? out : sum.data(), width);
    if (begin_ == 0) return;
    for (std::int64_t i = 0; i < count * width; ++i) out[i] += sum[i];
  }

  void bias_block(std::int64_t first, float* dbias) const {
    const std::int64_t count = std::min(kTableRows, problem_.vocabulary - first);
    float sum[kTableRows] = {};
    for (std::int64_t row = 0; row < rows_; ++row) {
      const Element* x = slopes(first) + row * slope_stride();
      for (std::int64_t j = 0; j < count; ++j) sum[j] += as_float(x[j]);
    }
    for (std::int64_t j = 0; j < count; ++j)
      dbias[first + j] = begin_ == 0 ? sum[j] : dbias[first + j] + sum[j];
  }

  const VocabularyProblem& problem_;
  const Factors<Element>& factors_;
  std::int64_t begin_, rows_;
  float* logits_;
};

// Ends of the chunks, in order.
std::int64_t chunk_end(std::int64_t begin, std::int64_t rows) {
  const std::int64_t end = begin + kGradientRows;
  return rows - end < kShortestChunk ? rows : end;
}

template <class Element>
void by_chunks(const VocabularyProblem& problem, const Factors<Element>& factors,
               const VocabularyGradients& gradients, float* losses, std::uint8_t* correct) {
  const std::int64_t most_rows = std::min(problem.rows, kGradientRows + kShortestChunk - 1);
  Scratch<float> logits(most_rows * Chunk<Element>::stride(problem.vocabulary));
  const bool with_gradient =
      gradients.hidden != nullptr || gradients.table != nullptr || gradients.bias != nullptr;
  for (std::int64_t begin = 0; begin < problem.rows; begin = chunk_end(begin, problem.rows)) {
    const Chunk<Element> chunk(problem, factors, begin, chunk_end(begin, problem.rows), logits.data());
    chunk.compute_logits();
    chunk.compute_losses(with_gradient, gradients.factor, losses, correct);
    if (with_gradient) chunk.compute_gradients(gradients);
  }
}

}  // namespace

void vocabulary_cross_entropy(const VocabularyProblem& problem, const VocabularyGradients& gradients,
                              float* losses, std::uint8_t* correct) {
  if (problem.rows == 0) {
    if (gradients.table != nullptr) std::fill_n(gradients.table, problem.vocabulary * problem.width, 0.0F);
    if (gradients.bias != nullptr) std::fill_n(gradients.bias, problem.vocabulary, 0.0F);
    return;
  }
  if (!problem.bfloat16) {
    by_chunks<float>(problem, {problem.hidden, problem.table}, gradients, losses, correct);
    return;
  }
  Scratch<Bfloat16> hidden(problem.rows * problem.width), table(problem.vocabulary * problem.width);
  round_to_bfloat16(hidden.size(), problem.hidden, hidden.data());
  round_to_bfloat16(table.size(), problem.table, table.data());
  by_chunks<Bfloat16>(problem, {hidden.data(), table.data()}, gradients, losses, correct);
}

}  // namespace espalier::kernels
