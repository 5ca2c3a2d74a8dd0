// What a training noted of itself in metrics.jsonl.
#pragma once

#include <string>

#include "espalier/io/json.h"

namespace espalier::model {

// The last line of metrics.jsonl that has an evaluation (a key that begins with "eval_"); null if none has.
io::Json last_evaluation(const std::string& metrics_jsonl);

}  // namespace espalier::model
