#include "espalier/train/same_config.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "model/checkpoint_metadata.h"

namespace espalier::train {

namespace fs = std::filesystem;

// Of a single task: such keys are there only if they were given, and have no default.
static bool is_exception(const std::string& key) {
  return key.starts_with("per_task.");
}

static bool is_same_path(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return a == b;
  std::error_code error;
  const fs::path first = fs::weakly_canonical(fs::path(a) / "", error);
  return !error && first == fs::weakly_canonical(fs::path(b) / "", error) && !error;
}

static bool may_differ(const std::string& key, const std::string& before, const std::string& now,
                       const ConfigComparison& comparison) {
  switch (comparison.rules(key)) {
    case config::ResumeRule::kSame:
      return false;
    case config::ResumeRule::kFree:
      return true;
    case config::ResumeRule::kInput:
      // Something where there was nothing is another run, whatever it holds.
      return (comparison.inputs_recorded && before.empty() == now.empty()) || is_same_path(before, now);
    case config::ResumeRule::kRounding:
      log_warning(
          fmt::format("{}: {} in the run, {} now: from here on it is not, to the last bit, the run that it "
                      "would have been",
                      key, before, now));
      return true;
  }
  return false;
}

void require_same_config(const std::string& saved_yaml, const std::string& saved_where,
                         const std::vector<config::Setting>& now, const ConfigComparison& comparison) {
  std::map<std::string, std::string> saved;
  for (const config::Setting& setting : config::parse_yaml(saved_yaml, saved_where)) {
    saved[setting.key] = setting_text(setting);
  }
  std::string changes;
  const auto note = [&](const std::string& key, const std::string& before, const std::string& after) {
    if (before == after || may_differ(key, before, after, comparison)) return;
    changes += fmt::format("\n  {}: {} in the run, {} now", key, before, after);
  };
  for (const config::Setting& setting : comparison.defaults)
    saved.emplace(setting.key, setting_text(setting));
  for (const config::Setting& setting : now) {
    const auto before = saved.find(setting.key);
    note(setting.key, before != saved.end() ? before->second : "not set", setting_text(setting));
    if (before != saved.end()) saved.erase(before);
  }
  // Other keys are there always: one that is not now was of another version of the program.
  for (const auto& [key, value] : saved) {
    if (is_exception(key)) note(key, value, "not set");
  }
  if (changes.empty()) return;
  throw InputError(
      fmt::format("{}: the run was begun with another configuration:{}\nGive the old values to resume. {}",
                  saved_where, changes, comparison.way_out));
}

void warn_of_other_program(const io::Checkpoint& checkpoint, const std::string& where, bool with_bfloat16) {
  const std::string changes = model::program_changes(checkpoint, where, with_bfloat16);
  if (changes.empty()) return;
  log_warning(fmt::format(
      "{}: {}: from here on it is not, to the last bit, the run that it would have been{}", where, changes,
      changes.starts_with("instruction set") ? " (ESPALIER_ISA pins a lesser one)" : ""));
}

void require_steps_left(std::int64_t max_steps, std::int64_t step, const std::string& run) {
  if (max_steps == 0 || step <= max_steps) return;
  throw InputError(
      fmt::format("train.max_steps is {}, but the run {} is at step {} already; give a larger one, 0 for "
                  "none, or another `run` folder",
                  max_steps, run, step));
}

std::string way_out_by(const std::string& key, const std::string& where) {
  const std::string anew = fs::is_regular_file(where)
                               ? "leave out `resume`"
                               : fmt::format("give another `run` folder (or move {} away)", where);
  return fmt::format(
      "To start anew {}; to train on from these weights, longer or on something else, give {}={} and another "
      "`run` folder.",
      anew, key, where);
}

}  // namespace espalier::train
