// Which run lies in a folder, and the lines that it has written.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "espalier/base/error.h"
#include "espalier/config/fields.h"
#include "espalier/io/json.h"

namespace espalier::report {

enum class RunKind { kPretraining, kFinetuning, kGlue };

struct RunFolder {
  std::filesystem::path path;
  std::string label = {};  // short, another for each of the report's runs
  RunKind kind = RunKind::kPretraining;
  std::vector<config::Setting> settings = {};  // of config.yaml; empty where there is none (yet)
  std::string written = {};  // when a line was written last, "2026-11-28 22:10 UTC"; empty: none was
  std::vector<std::string> notes = {};  // what a reader has to know: "a line is left out: ..."
};

// InputError for a folder that holds no run, with what would be one, and for one that is named twice.
std::vector<RunFolder> open_run_folders(const std::vector<std::filesystem::path>& paths);

// When a file was written last, "2026-11-28 22:10 UTC"; empty where there is none.
std::string time_written(const std::filesystem::path& file);

// Calls `use` with each line of `file` below the run, if it is there; `is_evaluation` where it holds one.
// What is no whole JSON document, or is refused by `use` with an InputError, is left out and noted: with the
// reason, but for a last line without its end.
void for_each_metrics_line(RunFolder& run, const std::filesystem::path& file,
                           const std::function<void(const io::JsonView& line, bool is_evaluation)>& use);

// Notes where metrics.jsonl lacks lines that the history in last.h5 has: it was removed, or cut short.
void note_lost_lines(RunFolder& run);

// The keys of the configuration that this version of the program knows. InputError for a value it does not.
template <class Config>
Config config_of(const RunFolder& run) {
  Config config;
  config::Fields fields;
  describe(config, fields);
  std::vector<config::Setting> known;
  for (const config::Setting& setting : run.settings) {
    if (fields.has(setting.key)) known.push_back(setting);
  }
  fields.apply(known);
  return config;
}

// The same; a configuration with such a value is noted, and taken for one without keys.
template <class Config>
Config config_or_note(RunFolder& run) {
  try {
    return config_of<Config>(run);
  } catch (const InputError& error) {
    run.notes.emplace_back(error.what());
    return {};
  }
}

// The value of a key as text, "[1, 2]" of a list; empty where the run does not have it.
std::string setting_text(const RunFolder& run, const std::string& key);

}  // namespace espalier::report
