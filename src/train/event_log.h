// metrics.jsonl over again, as a file that TensorBoard shows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "espalier/io/json.h"
#include "io/event_file.h"

namespace espalier::train {

// One file, io::event_path(). Each sitting writes a new one from the metrics of its checkpoint and removes
// those before, so that no step is there twice and none is missing, wherever the sitting before was killed;
// TensorBoard, which reads files by name, takes up the new one. What is in it follows from the second at
// which the run began, the hyperparameters and the metrics: the time of a step is that second plus the
// training until then, pauses left out.
class EventLog {
 public:
  EventLog(std::filesystem::path run, io::Hyperparameters parameters, const std::string& metrics);

  // One more line; `metrics` ends with it. A disk that does not take it is warned of; the file is written
  // anew with a later line.
  void log(const io::Json& line, const std::string& metrics);

 private:
  void write_anew(const std::string& metrics);
  void append(const io::Json& line);
  void finish_lines();

  std::filesystem::path run_;
  io::Hyperparameters parameters_;
  std::int64_t begin_ = 0, sitting_ = 0;
  double seconds_ = 0;  // of training, at the last line that says
  std::ofstream file_;
  bool incomplete_ = false;
};

}  // namespace espalier::train
