#include "model/metrics_history.h"

namespace espalier::model {

io::Json last_evaluation(const std::string& metrics_jsonl) {
  std::size_t end = metrics_jsonl.size();
  while (end > 0) {
    const std::size_t newline = metrics_jsonl.rfind('\n', end - 1);
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    if (begin < end) {
      const io::Json line = io::parse_json(metrics_jsonl.substr(begin, end - begin), "metrics.jsonl");
      for (const auto& item : line.items()) {
        if (item.key().starts_with("eval_")) return line;
      }
    }
    end = newline == std::string::npos ? 0 : newline;
  }
  return {};
}

}  // namespace espalier::model
