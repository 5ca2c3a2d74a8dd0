#include "report/run_folder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>
#include <set>

#include "base/joined.h"
#include "espalier/base/error.h"
#include "espalier/config/finetune_config.h"
#include "espalier/config/glue_config.h"
#include "espalier/config/pretrain_config.h"
#include "espalier/io/checkpoint.h"
#include "espalier/io/hdf5_file.h"
#include "espalier/io/line_reader.h"
#include "espalier/io/text_file.h"
#include "model/metrics_history.h"

namespace espalier::report {
namespace {

namespace fs = std::filesystem;

bool is_run(const fs::path& folder) {
  return fs::exists(folder / "metrics.jsonl") || fs::exists(folder / "config.yaml") ||
         fs::exists(folder / "results.json");
}

// " ..., but runs/a and runs/b are" for the parent folder of runs.
std::string runs_below(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && is_run(entry.path())) names.push_back(entry.path().string());
  }
  if (names.empty()) return "";
  std::sort(names.begin(), names.end());
  if (names.size() > 3) names.resize(3);
  return "; there are runs below it, as " + joined(names);
}

void require_run(const fs::path& path) {
  if (!fs::exists(path)) throw InputError(fmt::format("{}: no such folder", path.string()));
  if (!fs::is_directory(path)) {
    throw InputError(fmt::format("{}: a file; give the folder of a run", path.string()));
  }
  if (is_run(path)) return;
  throw InputError(fmt::format(
      "{}: holds no run: expected config.yaml and metrics.jsonl as pretrain and finetune write them, or "
      "results.json of glue{}",
      path.string(), runs_below(path)));
}

template <class Config>
std::size_t known_keys(const std::vector<config::Setting>& settings) {
  Config config;
  config::Fields fields;
  describe(config, fields);
  return static_cast<std::size_t>(std::count_if(settings.begin(), settings.end(),
                                                [&](const config::Setting& s) { return fields.has(s.key); }));
}

// By whose keys the configuration has.
RunKind kind_of(const fs::path& path, const std::vector<config::Setting>& settings) {
  const std::size_t pretraining = known_keys<config::PretrainConfig>(settings);
  const std::size_t finetuning = known_keys<config::FinetuneConfig>(settings);
  const std::size_t glue = known_keys<config::GlueConfig>(settings);
  if (glue > std::max(pretraining, finetuning) || (settings.empty() && fs::exists(path / "results.json"))) {
    return RunKind::kGlue;
  }
  return finetuning > pretraining ? RunKind::kFinetuning : RunKind::kPretraining;
}

RunFolder open_run_folder(const fs::path& path) {
  require_run(path);
  RunFolder run{.path = path};
  const fs::path config = path / "config.yaml";
  try {
    if (fs::exists(config)) {
      run.settings = config::parse_yaml(io::read_text_file(config), config.string());
    } else {
      run.notes.emplace_back("there is no config.yaml");
    }
  } catch (const Error& error) {
    run.notes.emplace_back(error.what());
  }
  run.kind = kind_of(path, run.settings);
  run.written = time_written(path / (run.kind == RunKind::kGlue ? "results.json" : "metrics.jsonl"));
  return run;
}

// The last `count` parts of a path; the whole path where it has no more.
std::string tail_of(const fs::path& path, std::size_t count) {
  std::vector<fs::path> parts;
  for (const fs::path& part : fs::absolute(path).lexically_normal()) {
    if (!part.empty()) parts.push_back(part);
  }
  if (count >= parts.size()) return path.string();
  fs::path tail;
  for (std::size_t i = parts.size() - count; i < parts.size(); ++i) tail /= parts[i];
  return tail.string();
}

// As many parts of their paths as tell them apart: a, or a/seed-1 and b/seed-1.
void set_labels(std::vector<RunFolder>& runs) {
  for (std::size_t count = 1;; ++count) {
    std::set<std::string> seen;
    bool more = false;
    for (RunFolder& run : runs) {
      run.label = tail_of(run.path, count);
      seen.insert(run.label);
      more = more || run.label != run.path.string();
    }
    if (seen.size() == runs.size() || !more) return;
  }
}

// Whether the last line was written to its end.
bool ends_whole(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  in.seekg(-1, std::ios::end);
  return in.get() == '\n';
}

// What is wrong with a line, or nothing.
std::optional<std::string> refused(const std::string& text, const std::string& where,
                                   const std::function<void(const io::JsonView&, bool)>& use) {
  try {
    const io::Json json = io::parse_json(text, where);
    use(io::JsonView(json, where), model::is_evaluation(json));
    return std::nullopt;
  } catch (const InputError& error) {
    return error.what();
  }
}

}  // namespace

std::string time_written(const fs::path& file) {
  std::error_code error;
  const fs::file_time_type time = fs::last_write_time(file, error);
  if (error) return "";
  const auto system = std::chrono::time_point_cast<std::chrono::system_clock::duration>(
      time - fs::file_time_type::clock::now() + std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(system)));
}

std::vector<RunFolder> open_run_folders(const std::vector<fs::path>& paths) {
  if (paths.empty()) throw InputError("RUN: give the folder of a run");
  std::vector<RunFolder> runs;
  std::set<fs::path> seen;
  for (const fs::path& path : paths) {
    // With or without a slash at its end.
    if (!seen.insert((fs::absolute(path) / "").lexically_normal()).second) {
      throw InputError(fmt::format("{}: this run is named twice; name each once", path.string()));
    }
    runs.push_back(open_run_folder(path));
  }
  set_labels(runs);
  return runs;
}

void for_each_metrics_line(RunFolder& run, const fs::path& file,
                           const std::function<void(const io::JsonView&, bool)>& use) {
  const fs::path path = run.path / file;
  std::error_code error;
  if (!fs::exists(path) || fs::file_size(path, error) == 0 || error) return;
  std::optional<io::LineReader> lines;
  try {
    lines.emplace(path);
  } catch (const InputError& refusal) {
    run.notes.push_back(refusal.what());
    return;
  }
  std::optional<std::string> wrong;
  std::uint64_t wrong_line = 0, left_out = 0;
  std::string first_wrong;
  while (const auto line = lines->next()) {
    if (wrong && left_out++ == 0) first_wrong = *wrong;
    if (line->empty()) {
      wrong.reset();
      continue;
    }
    wrong_line = lines->line_number();
    wrong = refused(std::string(*line), fmt::format("{} line {}", file.string(), wrong_line), use);
  }
  if (wrong && ends_whole(path)) {
    if (left_out++ == 0) first_wrong = *wrong;
    wrong.reset();
  }
  if (left_out > 0) {
    run.notes.push_back(left_out == 1
                            ? "a line is left out: " + first_wrong
                            : fmt::format("{} lines are left out, the first: {}", left_out, first_wrong));
  }
  if (wrong) {
    run.notes.push_back(
        fmt::format("the last line ({}) of {} is torn and left out: it was being written, or the run was "
                    "killed then",
                    wrong_line, file.string()));
  }
}

void note_lost_lines(RunFolder& run) {
  const fs::path file = run.path / "metrics.jsonl", last = run.path / "last.h5";
  const std::uintmax_t bytes = fs::exists(file) ? fs::file_size(file) : 0;
  if (!fs::exists(last)) return;
  try {
    const io::Hdf5Reader checkpoint(last, "checkpoint", io::kCheckpointVersion, io::Verify::kAsRead);
    if (checkpoint.read_text("metrics.jsonl").size() <= bytes) return;
    run.notes.emplace_back(
        "metrics.jsonl lacks lines that last.h5 has: it was removed or cut short; the command of the run, "
        "given again, "
        "puts it back");
  } catch (const Error& error) {
    run.notes.emplace_back(error.what());
  }
}

std::string setting_text(const RunFolder& run, const std::string& key) {
  for (const config::Setting& setting : run.settings) {
    if (setting.key != key) continue;
    return config::setting_text(setting);
  }
  return "";
}

}  // namespace espalier::report
