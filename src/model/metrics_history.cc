#include "model/metrics_history.h"

#include <algorithm>
#include <sstream>

#include "espalier/metrics/metrics.h"

namespace espalier::model {

std::vector<io::Json> evaluations_of(const std::string& metrics_jsonl) {
  std::vector<io::Json> evaluations;
  std::istringstream lines(metrics_jsonl);
  for (std::string line; std::getline(lines, line);) {
    // Most lines are of steps, and need no parsing to tell.
    if (line.find(metrics::kEvaluationPrefix) == std::string::npos) continue;
    io::Json json = io::parse_json(line, "metrics.jsonl");
    const bool evaluation = std::any_of(json.items().begin(), json.items().end(), [](const auto& item) {
      return item.key().starts_with(metrics::kEvaluationPrefix);
    });
    if (evaluation) evaluations.push_back(std::move(json));
  }
  return evaluations;
}

io::Json last_evaluation(const std::string& metrics_jsonl) {
  const std::vector<io::Json> evaluations = evaluations_of(metrics_jsonl);
  return evaluations.empty() ? io::Json() : evaluations.back();
}

}  // namespace espalier::model
