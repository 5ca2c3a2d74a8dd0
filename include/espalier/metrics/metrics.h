// Scores of predictions, with the values that scikit-learn and scipy give, degenerate cases included; those
// carry a warning instead of passing silently.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::metrics {

struct MetricValue {
  double value = 0;
  // Empty, or why the value says little ("only one class was predicted ...").
  std::string warning;
  std::vector<std::int32_t> classes = {};  // that the warning is about
};

// What a model said about the rows of a file, and what is true: classes, or values where the task is a
// regression; the other pair is empty. Predicted values are computed in float32.
struct Predictions {
  std::vector<std::int32_t> true_classes, classes;
  std::vector<double> true_values, values;
};

using Classes = std::span<const std::int32_t>;
using Values = std::span<const double>;

// Share of equal entries.
MetricValue accuracy(Classes truth, Classes predicted);
// Matthews' correlation for any number of classes (Gorodkin, 2004, as sklearn.metrics.matthews_corrcoef); 0
// where truth or prediction has one class only.
MetricValue matthews_correlation(Classes truth, Classes predicted);
// F1 of class 1 (sklearn.metrics.f1_score, zero_division 0).
MetricValue f1(Classes truth, Classes predicted);
// Mean of the F1 of all classes that occur in either (average="macro").
MetricValue f1_macro(Classes truth, Classes predicted);
// The width of the floats that values were computed in, whatever holds them now.
enum class Width { kFloat32, kFloat64 };

// scipy.stats.pearsonr, but NaN, with the reason as the warning, where either side has fewer than two rows, a
// value that is not finite, or values that are constant up to rounding: their root mean square distance from
// the mean is below eps^(3/4) of the mean's magnitude, which is 6.4e-6 for float32 and 1.8e-12 for float64.
// That is scipy's bound for near-constant input (1.15 and later; 1e-13 before), where scipy only warns; scipy
// compares the norm of the distances, which grows with the rows, and would let the rounding of 10,000
// predictions pass. A spread this small is mostly rounding: equal texts get predictions that differ by 1e-7
// where the instruction set sums rows of a batch in different orders. True values are taken as float64.
MetricValue pearson(Values truth, Values predicted, Width predicted_width = Width::kFloat64);
// scipy.stats.spearmanr: Pearson of the ranks, ties given their mean rank. NaN where Pearson is: the ranks of
// values that differ by rounding say nothing, however far apart they are.
MetricValue spearman(Values truth, Values predicted, Width predicted_width = Width::kFloat64);
MetricValue mean_squared_error(Values truth, Values predicted);

// Stands before the names of scores in files, as Hugging Face's Trainer has them.
inline constexpr char kEvaluationPrefix[] = "eval_";

// A metric by the name Hugging Face reports it under: accuracy, f1, f1_macro, matthews_correlation, pearson,
// spearmanr, mse. Throws InputError for another name.
MetricValue compute_metric(std::string_view name, const Predictions& predictions);
// All of these, and what each needs.
const std::vector<std::string>& metric_names();
// False for mse: smaller is better.
bool higher_is_better(std::string_view metric);

}  // namespace espalier::metrics
