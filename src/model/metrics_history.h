// What a training noted of itself in metrics.jsonl.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "espalier/io/json.h"

namespace espalier::model {

// Parses each line of a metrics.jsonl that this process wrote or a checkpoint kept. InputError if one is not
// JSON.
void for_each_metrics_line(const std::string& metrics_jsonl, const std::function<void(io::Json&&)>& use);
// Whether a line has a key that begins with metrics::kEvaluationPrefix.
bool is_evaluation(const io::Json& line);
// The lines that have an evaluation.
std::vector<io::Json> evaluations_of(const std::string& metrics_jsonl);
// The last of them; null if there is none.
io::Json last_evaluation(const std::string& metrics_jsonl);

}  // namespace espalier::model
