#include "train/event_log.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "espalier/base/log.h"
#include "espalier/io/run_files.h"
#include "model/metrics_history.h"
#include "train/metric_events.h"

namespace espalier::train {
namespace {

namespace fs = std::filesystem;

// Seconds of training at a line; evaluations of fine-tunings do not say.
std::optional<double> seconds_at(const io::Json& line) {
  const auto time = line.find("time");
  return time != line.end() && time->is_number() ? std::optional(time->get<double>()) : std::nullopt;
}

std::int64_t now() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

// When a run began that has these metrics, but no event file yet.
std::int64_t begin_of(const std::string& metrics) {
  double seconds = 0;
  model::for_each_metrics_line(metrics,
                               [&](const io::Json& line) { seconds = seconds_at(line).value_or(seconds); });
  return now() - static_cast<std::int64_t>(seconds);
}

}  // namespace

EventLog::EventLog(fs::path run, io::Hyperparameters parameters, const std::string& metrics)
    : run_(std::move(run)), parameters_(std::move(parameters)) {
  const std::vector<io::EventFile> before = io::event_files(run_);
  begin_ = before.empty() ? begin_of(metrics) : before.front().begin;
  sitting_ = before.empty() ? 1 : before.back().sitting + 1;
  std::error_code error;  // what cannot be written shows below
  for (const io::EventFile& file : before) fs::remove(file.path, error);
  write_anew(metrics);
}

void EventLog::write_anew(const std::string& metrics) {
  const fs::path path = io::event_path(run_, begin_, sitting_);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  file_ = std::ofstream(path, std::ios::binary | std::ios::trunc);
  seconds_ = 0;
  const auto begin = static_cast<double>(begin_);
  file_ << io::first_event(begin) << io::hyperparameters_event(begin, parameters_);
  model::for_each_metrics_line(metrics, [&](const io::Json& line) { append(line); });
  finish_lines();
}

void EventLog::append(const io::Json& line) {
  seconds_ = seconds_at(line).value_or(seconds_);
  file_ << io::summary_event(static_cast<double>(begin_) + seconds_, summary_of(line));
}

void EventLog::finish_lines() {
  file_.flush();
  const bool failed = !file_;
  if (failed && !incomplete_) {
    log_warning(
        fmt::format("{}: cannot be written (is the disk full?); it lacks lines of metrics.jsonl until it can",
                    io::event_path(run_, begin_, sitting_).string()));
  }
  incomplete_ = failed;
}

void EventLog::log(const io::Json& line, const std::string& metrics) {
  if (incomplete_) return write_anew(metrics);
  append(line);
  finish_lines();
}

}  // namespace espalier::train
