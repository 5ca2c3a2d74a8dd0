#include "espalier/train/run_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/io/text_file.h"
#include "espalier/processes/processes.h"
#include "model/checkpoint_metadata.h"
#include "model/metrics_history.h"
#include "train/event_log.h"
#include "train/metric_events.h"

namespace espalier::train {

namespace fs = std::filesystem;

// A run writes metrics.jsonl before config.yaml: a config.yaml alone is somebody's own. Before that, it
// leaves a lock and unfinished files at most.
static bool holds_something_else(const fs::path& folder) {
  const bool begun = fs::exists(folder / "config.yaml") && fs::exists(folder / "metrics.jsonl");
  if (begun || fs::exists(folder / "checkpoints")) return false;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name != "lock" && name != "metrics.jsonl" && name.find(".tmp-") == std::string::npos) return true;
  }
  return false;
}

static fs::path checked(fs::path path) {
  if (!processes::writes()) return path;  // process 0 may be writing there already
  if (fs::exists(path) && !fs::is_directory(path)) {
    throw InputError(fmt::format("run: {} is a file; give a folder", path.string()));
  }
  if (fs::is_directory(path) && holds_something_else(path)) {
    throw InputError(
        fmt::format("run: {} holds files but no run; give an empty or a new folder", path.string()));
  }
  return path;
}

RunDirectory::RunDirectory(fs::path path) : path_(checked(std::move(path))), lock_(path_) {
  if (lock_.stale_process()) {
    log_info(fmt::format("{}: process {} ended here without cleaning up; its unfinished files are removed",
                         path_.string(), *lock_.stale_process()));
  }
  io::remove_stale_temporaries(lock_);
}

RunDirectory::~RunDirectory() = default;

// What a run can go on from, the newest first: its step files, and, where they are gone or all damaged, the
// files that named one of them.
static std::vector<fs::path> checkpoints_in(const fs::path& run) {
  std::vector<fs::path> files;
  for (const io::StepFile& file : io::step_files(run)) files.insert(files.begin(), file.path);
  for (const char* name : {"last.h5", "best.h5"}) {
    const fs::path file = run / name;
    const auto same = [&](const fs::path& other) { return fs::equivalent(file, other); };
    if (fs::exists(file) && std::none_of(files.begin(), files.end(), same)) files.push_back(file);
  }
  return files;
}

bool RunDirectory::has_run() const {
  return fs::exists(path_ / "config.yaml") || !checkpoints_in(path_).empty();
}

std::optional<RunDirectory::Found> RunDirectory::load_newest() const {
  const std::vector<fs::path> files = checkpoints_in(path_);
  if (files.empty()) {
    const fs::path metrics = path_ / "metrics.jsonl";
    if (fs::exists(metrics) && !fs::is_empty(metrics)) {
      log_warning(fmt::format(
          "{}: a run was begun here, but no checkpoint of it is there: it begins anew, and so do its metrics",
          path_.string()));
    }
    return std::nullopt;
  }
  for (const fs::path& file : files) {
    try {
      Found found{io::load_checkpoint(file), file};
      if (file.parent_path() == path_)
        log_warning(fmt::format("{}: continuing from {}", path_.string(), file.string()));
      return found;
    } catch (const InputError& error) {
      log_warning(fmt::format("{}; trying the checkpoint before it", error.what()));
    }
  }
  throw InputError(
      fmt::format("run: none of the {} checkpoints in {} is whole; move the folder away to start anew",
                  files.size(), path_.string()));
}

static void require_kind(const io::Checkpoint& checkpoint, const std::string& kind,
                         const std::string& where) {
  if (checkpoint.kind == kind) return;
  throw InputError(fmt::format(
      "{}: holds a checkpoint of kind `{}`, but only one of kind `{}` can be continued here; give "
      "another `run` folder, and {}= to start from these weights",
      where, checkpoint.kind, kind, kind == "pretrain" ? "init" : "model"));
}

void describe(SavedStep& saved, io::JsonFields& fields) {
  fields.add("step", saved.step);
  fields.add("best", saved.best);
}

static bool names_file(const std::string& resume) {
  return resume != "auto" && resume != "never";
}

std::optional<io::Checkpoint> RunDirectory::load_to_resume(const std::string& resume,
                                                           const std::string& kind) const {
  std::optional<io::Checkpoint> checkpoint = find_to_resume(resume, kind);
  // From here on process 0 writes there.
  processes::meet();
  return checkpoint;
}

std::optional<io::Checkpoint> RunDirectory::find_to_resume(const std::string& resume,
                                                           const std::string& kind) const {
  if (resume == "never" && has_run()) {
    throw InputError(fmt::format("run: {} already holds a run; resume=auto continues it", path_.string()));
  }
  std::optional<Found> found =
      names_file(resume) ? Found{io::load_checkpoint(resume), resume} : load_newest();
  if (!found) return std::nullopt;
  const std::string where = names_file(resume) ? resume : path_.string();
  require_kind(found->checkpoint, kind, where);
  const auto [step, best] =
      io::from_json<SavedStep>(io::JsonView(found->checkpoint.state, where + ": state"));
  const std::vector<io::StepFile> files = io::step_files(path_);
  if (names_file(resume) && !files.empty() && files.back().step > step) {
    throw InputError(fmt::format(
        "resume: {} is of step {}, but {} is of a later one; resume=auto continues that; to go back, "
        "give another `run` folder or move the later checkpoints away",
        resume, step, files.back().path.string()));
  }
  if (!names_file(resume)) {
    const fs::path file = io::step_path(path_, step);
    io::make_folders(file.parent_path());
    io::link_atomically(found->file, file);
    // A kill may have come between the checkpoint and the names that point at it.
    point_at(step, best);
  }
  return std::move(found->checkpoint);
}

void RunDirectory::take_in(const std::string& resume, const io::Checkpoint& checkpoint, std::int64_t keep) {
  if (names_file(resume)) {
    const auto [step, best] = io::from_json<SavedStep>(io::JsonView(checkpoint.state, resume + ": state"));
    std::error_code error;
    if (fs::equivalent(resume, io::step_path(path_, step), error)) {
      point_at(step, best);
    } else {
      // Written anew: a link would change with the file, and what has its name here may be damaged.
      save(checkpoint, step, best, keep);
    }
    processes::meet();  // the others ask for the best
  }
  restore_metrics(checkpoint.metrics_jsonl);
}

bool RunDirectory::has_checkpoint() const {
  return fs::exists(path_ / "last.h5");
}

std::string RunDirectory::last_checkpoint() const {
  return has_checkpoint() ? fmt::format("The last checkpoint is {}.", (path_ / "last.h5").string())
                          : std::string("No checkpoint had been written yet.");
}

bool RunDirectory::evaluated_at(std::int64_t step) const {
  const io::Json line = model::last_evaluation(metrics_);
  return line.is_object() && line.value("step", std::int64_t{-1}) == step;
}

// What is in it, if it is whole: every byte of its model is read.
static std::optional<io::CheckpointContents> contents_of(const fs::path& file) {
  try {
    return io::list_checkpoint(file);
  } catch (const InputError& error) {
    log_warning(error.what());
    return std::nullopt;
  }
}

bool RunDirectory::find_best(const std::string& resume, const std::string& key, double score) const {
  const fs::path best = path_ / "best.h5";
  if (fs::exists(best) && contents_of(best)) return true;
  for (const io::StepFile& file : io::step_files(path_)) {
    if (fs::exists(best) && fs::equivalent(file.path, best)) continue;
    const std::optional<io::CheckpointContents> contents = contents_of(file.path);
    if (!contents) continue;
    const io::JsonView state(contents->state, file.path.string() + ": state");
    // Later ones have the same score of the best, but it is not their own.
    if (!io::from_json<SavedStep>(state).best || state[key].as_double() != score) continue;
    log_warning(fmt::format("{}: was gone or damaged; it is {} again", best.string(), file.path.string()));
    io::link_atomically(file.path, best);
    return true;
  }
  // Of a run in another folder the best stays there.
  if (!names_file(resume)) {
    log_warning(fmt::format(
        "{}: is gone or damaged, and so is the checkpoint that it named: what is evaluated from here "
        "on becomes the best, whatever was before",
        best.string()));
  }
  return false;
}

bool RunDirectory::restore_best(const std::string& resume, const std::string& key, double score) const {
  return processes::of_first(processes::writes() && find_best(resume, key, score) ? 1 : 0) == 1;
}

std::string RunDirectory::how_to_continue(const std::string& resume) {
  return names_file(resume) ? "resume=auto continues" : "the same command continues";
}

// While the newest is written, those that are kept and the best are there too.
void RunDirectory::check_space(const io::Checkpoint& first, std::int64_t keep, std::int64_t left,
                               const std::string& way_out) const {
  const std::uint64_t text =
      first.config_yaml.size() + first.tokenizer_json.size() + first.metrics_jsonl.size();
  const std::uint64_t one = io::expected_checkpoint_bytes(first.model, first.optimizer, text);
  const std::uint64_t most = static_cast<std::uint64_t>(keep) + 2;
  log_info(fmt::format("{}: a checkpoint takes about {:.1f} MB, all that are kept at most {:.1f} MB",
                       path_.string(), static_cast<double>(one) / 1e6,
                       static_cast<double>(one * most) / 1e6));
  const std::uint64_t there = std::min<std::uint64_t>(io::step_files(path_).size(), most - 1);
  const std::uint64_t more = std::min(most - there, static_cast<std::uint64_t>(left));
  io::check_free_space(path_, one * more, "the checkpoints still to come", way_out);
}

void RunDirectory::save(io::Checkpoint checkpoint, std::int64_t step, bool best, std::int64_t keep) {
  lock_.require_folder();
  const fs::path file = io::step_path(path_, step);
  io::make_folders(file.parent_path());
  checkpoint.state.update(io::to_json(SavedStep{step, best}));
  io::save_checkpoint(file, checkpoint);
  point_at(step, best);
  io::prune_step_files(path_, static_cast<int>(keep));
}

void RunDirectory::point_at(std::int64_t step, bool best) const {
  const fs::path file = io::step_path(path_, step);
  io::link_atomically(file, path_ / "last.h5");
  if (best) io::link_atomically(file, path_ / "best.h5");
}

void RunDirectory::log(const io::Json& line) {
  const std::filesystem::path path = path_ / "metrics.jsonl";
  const std::string text = io::json_text(line, -1) + "\n";
  metrics_ += text;
  if (!processes::writes()) return;
  const bool there = lock_.has_folder();
  bool written = there;
  if (there) {
    std::ofstream file(path, std::ios::binary | (metrics_incomplete_ ? std::ios::trunc : std::ios::app));
    file << (metrics_incomplete_ ? metrics_ : text);
    file.flush();
    written = file.good();
  }
  if (!written && !metrics_incomplete_) {
    log_warning(fmt::format(
        "{}: cannot be written ({}); its lines are kept in memory and in the checkpoints until it can",
        path.string(), there ? "is the disk full?" : "its folder was moved, removed or replaced"));
  }
  metrics_incomplete_ = !written;
  if (!there) return;
  if (events_) events_->log(line, metrics_);
}

void RunDirectory::restore_metrics(const std::string& history) {
  metrics_ = history;
  io::write_text_atomically(path_ / "metrics.jsonl", history);
}

void RunDirectory::write_events(const std::vector<config::Setting>& settings,
                                const config::ResumeRules& rules) {
  if (!processes::writes()) return;
  events_ = std::make_unique<EventLog>(path_, hyperparameters_of(settings, rules), metrics_);
}

void RunDirectory::write_config(const std::string& yaml, bool done) const {
  const fs::path file = path_ / "config.yaml";
  if (!done || !fs::exists(file)) io::write_text_atomically(file, yaml);
}

void RunDirectory::write_trainer_state(std::int64_t step, double epoch, std::int64_t max_steps,
                                       double best_metric) const {
  if (!processes::writes()) return;
  lock_.require_folder();
  const bool any = std::isfinite(best_metric);
  io::Json state;
  state["global_step"] = step;
  state["epoch"] = epoch;
  state["max_steps"] = max_steps;
  state["best_metric"] = any ? io::Json(best_metric) : io::Json();
  state["best_model_checkpoint"] = any ? io::Json((path_ / "best.h5").string()) : io::Json();
  io::Json history = io::Json::array();
  model::for_each_metrics_line(metrics_, [&](io::Json&& line) { history.push_back(std::move(line)); });
  state["log_history"] = std::move(history);
  io::write_text_atomically(path_ / "trainer_state.json", io::json_text(state));
}

}  // namespace espalier::train
