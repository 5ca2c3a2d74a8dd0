#include "io/event_file.h"

#include <array>
#include <type_traits>

#include "io/protobuf_message.h"

namespace espalier::io {
namespace {

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
    table.at(i) = crc;
  }
  return table;
}();

// A crc of bytes that hold crcs says little: TFRecord stores it rotated and moved.
std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

template <class Bits>
std::string little_endian(Bits value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(Bits); ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xffU);
  return bytes;
}

// Event: wall_time 1, step 2, file_version 3, summary 5, session_log 7.
std::string summary_record(double time, std::int64_t step, const ProtobufMessage& summary) {
  ProtobufMessage event;
  event.add_double(1, time);
  if (step != 0) event.add_integer(2, step);  // what is not there is 0
  event.add_message(5, summary);
  return event_record(event.bytes());
}

// HistogramProto: min 1, max 2, num 3, sum 4, sum_squares 5, bucket_limit 6, bucket 7. Sums take a bucket's
// middle for all of it.
ProtobufMessage histogram_message(const EventHistogram& histogram) {
  double number = 0, sum = 0, squares = 0, left = histogram.low;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    const double middle = (left + histogram.limits[i]) / 2, count = histogram.counts[i];
    number += count;
    sum += count * middle;
    squares += count * middle * middle;
    left = histogram.limits[i];
  }
  ProtobufMessage message;
  message.add_double(1, histogram.low);
  message.add_double(2, left);
  message.add_double(3, number);
  message.add_double(4, sum);
  message.add_double(5, squares);
  message.add_doubles(6, histogram.limits);
  message.add_doubles(7, histogram.counts);
  return message;
}

// google.protobuf.Value: number_value 2, string_value 3, bool_value 4.
ProtobufMessage value_message(const Hyperparameter& parameter) {
  ProtobufMessage message;
  std::visit(
      [&message](const auto& value) {
        using Type = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Type, bool>) {
          message.add_integer(4, value ? 1 : 0);
        } else if constexpr (std::is_same_v<Type, double>) {
          message.add_double(2, value);
        } else {
          message.add_bytes(3, value);
        }
      },
      parameter);
  return message;
}

// Of a summary that says all in its metadata: float32, of shape [1], 0. TensorBoard drops one without a
// value.
ProtobufMessage null_tensor() {
  ProtobufMessage dim, shape, tensor;
  dim.add_integer(1, 1);
  shape.add_message(2, dim);
  tensor.add_integer(1, 1);
  tensor.add_message(2, shape);
  tensor.add_bytes(5, std::string(sizeof(float), '\0'));
  return tensor;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc = (crc >> 8U) ^ kCrcTable.at((crc ^ static_cast<unsigned char>(byte)) & 0xffU);
  }
  return ~crc;
}

std::string event_record(std::string_view bytes) {
  const std::string length = little_endian(std::uint64_t{bytes.size()});
  return length + little_endian(masked_crc(length)) + std::string(bytes) + little_endian(masked_crc(bytes));
}

std::string first_event(double time) {
  ProtobufMessage version;
  version.add_double(1, time);
  version.add_bytes(3, "brain.Event:2");
  // SessionLog's START, of step 0: a TensorBoard that has shown an earlier file of the run forgets its steps.
  ProtobufMessage session, start;
  session.add_integer(1, 1);
  start.add_double(1, time);
  start.add_message(7, session);
  return event_record(version.bytes()) + event_record(start.bytes());
}

std::string hyperparameters_event(double time, const Hyperparameters& parameters) {
  // SessionStartInfo: hparams 1 (a map), start_time_secs 5. HParamsPluginData: version 1,
  // session_start_info 3.
  ProtobufMessage session, plugin;
  for (const auto& [name, value] : parameters) {
    ProtobufMessage entry;
    entry.add_bytes(1, name);
    entry.add_message(2, value_message(value));
    session.add_message(1, entry);
  }
  session.add_double(5, time);
  plugin.add_message(3, session);
  // SummaryMetadata: plugin_data 1, of plugin_name 1 and content 2.
  ProtobufMessage data, metadata, value, summary;
  data.add_bytes(1, "hparams");
  data.add_message(2, plugin);
  metadata.add_message(1, data);
  value.add_bytes(1, "_hparams_/session_start_info");
  value.add_message(8, null_tensor());
  value.add_message(9, metadata);
  summary.add_message(1, value);
  return summary_record(time, 0, summary);
}

// Summary.Value: tag 1, simple_value 2, histo 5, tensor 8, metadata 9.
std::string summary_event(double time, const EventSummary& summary) {
  ProtobufMessage message;
  for (const auto& [tag, number] : summary.scalars) {
    ProtobufMessage value;
    value.add_bytes(1, tag);
    value.add_float(2, static_cast<float>(number));
    message.add_message(1, value);
  }
  for (const EventHistogram& histogram : summary.histograms) {
    ProtobufMessage value;
    value.add_bytes(1, histogram.tag);
    value.add_message(5, histogram_message(histogram));
    message.add_message(1, value);
  }
  return summary_record(time, summary.step, message);
}

}  // namespace espalier::io
