// What a training noted of itself in metrics.jsonl.
#pragma once

#include <string>
#include <vector>

#include "espalier/io/json.h"

namespace espalier::model {

// The lines of metrics.jsonl that have an evaluation: a key that begins with metrics::kEvaluationPrefix.
std::vector<io::Json> evaluations_of(const std::string& metrics_jsonl);
// The last of them; null if there is none.
io::Json last_evaluation(const std::string& metrics_jsonl);

}  // namespace espalier::model
