// TensorBoard's event files: records (TFRecord's framing) of `Event` messages. Read by TensorBoard, the
// Hugging Face Hub and whatever else reads those.
// Source: tensorflow/core/lib/io/record_writer.h; tensorboard/compat/proto/event.proto and summary.proto;
// tensorboard/plugins/hparams/plugin_data.proto.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace espalier::io {

// Counts of values between `low` and limits[0], limits[0] and limits[1], ...
struct EventHistogram {
  std::string tag;
  double low = 0;
  std::vector<double> limits, counts;
};

// What is known of one step.
struct EventSummary {
  std::int64_t step = 0;
  std::vector<std::pair<std::string, double>> scalars;  // by tag; stored as float32
  std::vector<EventHistogram> histograms;
};

using Hyperparameter = std::variant<bool, double, std::string>;
using Hyperparameters = std::vector<std::pair<std::string, Hyperparameter>>;

// CRC-32C (Castagnoli), as iSCSI has it.
std::uint32_t crc32c(std::string_view bytes);

// The record of these bytes: their number (uint64), the masked crc of that, the bytes, their masked crc, all
// little-endian.
std::string event_record(std::string_view bytes);

// Records of a file, in this order: the first of every file; the hyperparameters; one a step. Times are
// seconds since 1970.
std::string first_event(double time);
std::string hyperparameters_event(double time, const Hyperparameters& parameters);
std::string summary_event(double time, const EventSummary& summary);

}  // namespace espalier::io
