#include "model/metrics_history.h"

#include <algorithm>
#include <utility>

#include "espalier/metrics/metrics.h"

namespace espalier::model {
namespace {

void for_each_line(const std::string& metrics_jsonl, const std::function<void(const std::string&)>& use) {
  for (std::size_t begin = 0; begin < metrics_jsonl.size();) {
    const std::size_t end = std::min(metrics_jsonl.find('\n', begin), metrics_jsonl.size());
    use(metrics_jsonl.substr(begin, end - begin));
    begin = end + 1;
  }
}

io::Json parsed(const std::string& line) {
  return io::parse_json(line, "metrics.jsonl");
}

}  // namespace

void for_each_metrics_line(const std::string& metrics_jsonl, const std::function<void(io::Json&&)>& use) {
  for_each_line(metrics_jsonl, [&](const std::string& line) { use(parsed(line)); });
}

bool is_evaluation(const io::Json& line) {
  return line.is_object() && std::any_of(line.items().begin(), line.items().end(), [](const auto& item) {
           return item.key().starts_with(metrics::kEvaluationPrefix);
         });
}

std::vector<io::Json> evaluations_of(const std::string& metrics_jsonl) {
  std::vector<io::Json> evaluations;
  for_each_line(metrics_jsonl, [&](const std::string& line) {
    // Most lines are of steps, and need no parsing to tell.
    if (line.find(metrics::kEvaluationPrefix) == std::string::npos) return;
    io::Json json = parsed(line);
    if (is_evaluation(json)) evaluations.push_back(std::move(json));
  });
  return evaluations;
}

io::Json last_evaluation(const std::string& metrics_jsonl) {
  const std::vector<io::Json> evaluations = evaluations_of(metrics_jsonl);
  return evaluations.empty() ? io::Json() : evaluations.back();
}

}  // namespace espalier::model
