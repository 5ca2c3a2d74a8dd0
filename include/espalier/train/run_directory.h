// A run's folder: config.yaml, metrics.jsonl, trainer_state.json, checkpoints/step-N.h5, last.h5, best.h5,
// tensorboard/ where it is asked for, and the lock that keeps a second process out. Of several processes of
// one run, process 0 alone writes there; the others read the same files, by the same path.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "espalier/config/fields.h"
#include "espalier/config/resume_rule.h"
#include "espalier/io/checkpoint.h"
#include "espalier/io/json_fields.h"
#include "espalier/io/run_files.h"

namespace espalier::train {

class EventLog;

class RunDirectory {
 public:
  // Creates the folder if need be and locks it. InputError if another process holds it, or if it holds files
  // that no run has left there.
  explicit RunDirectory(std::filesystem::path path);
  ~RunDirectory();

  const std::filesystem::path& path() const { return path_; }
  // Whether a run was begun here.
  bool has_run() const;
  // The newest checkpoint that is whole, also last.h5 or best.h5 where checkpoints/ has none; what is damaged
  // is reported as a warning and passed over. last.h5 and best.h5 then point at it as a kill may have
  // prevented. None if there is none; InputError if there are checkpoints but none is whole. Or for
  // resume=FILE that checkpoint: InputError then if the folder holds checkpoints of later steps, which would
  // take precedence over what comes after it. InputError for a checkpoint of another kind than `kind`.
  std::optional<io::Checkpoint> load_to_resume(const std::string& resume, const std::string& kind) const;
  // For a checkpoint that was loaded by that and found to fit: metrics.jsonl becomes its history, and that of
  // resume=FILE the newest checkpoint here, with which resume=auto goes on.
  void take_in(const std::string& resume, const io::Checkpoint& checkpoint, std::int64_t keep);
  // "the same command continues", or what else does.
  static std::string how_to_continue(const std::string& resume);
  // Whether there is a last.h5.
  bool has_checkpoint() const;
  // "The last checkpoint is FILE.", or that there is none.
  std::string last_checkpoint() const;
  // Whether the metrics end with an evaluation of that step: a signal may have cut it short.
  bool evaluated_at(std::int64_t step) const;
  // Whether there is a best.h5 that is whole; where it is not, the checkpoint that it named, whose state says
  // `score` under `key`, becomes it again if that has stayed, else a warning says that the best is lost (of
  // resume=FILE it is in another folder, and no warning). Called by all processes.
  bool restore_best(const std::string& resume, const std::string& key, double score) const;
  // RunError if the disk cannot hold what a run will write that keeps the `keep` newest checkpoints and saves
  // `left` times more at most; way_out: what helps beside more space (", or set ...").
  void check_space(const io::Checkpoint& first, std::int64_t keep, std::int64_t left,
                   const std::string& way_out = "") const;

  // Saves, points last.h5 (and best.h5, if `best`) at it, and removes all but the `keep` newest and the best.
  // RunError if the disk failed, or if another folder, or none, has this one's name by now.
  void save(io::Checkpoint checkpoint, std::int64_t step, bool best, std::int64_t keep);

  // One line of metrics.jsonl; kept in memory too, because checkpoints carry the history. What a full disk
  // does not take is written with a later line.
  void log(const io::Json& line);
  const std::string& metrics() const { return metrics_; }
  // Replaces metrics.jsonl by the history of a checkpoint.
  void restore_metrics(const std::string& history);
  // From here on, and for the metrics so far, tensorboard/ too, with the same numbers;
  // `settings` are those of the run, its hyperparameters the ones that `rules` hold fast. After
  // restore_metrics() and config.yaml.
  void write_events(const std::vector<config::Setting>& settings, const config::ResumeRules& rules);
  // config.yaml; that of a run that is `done` stays what the run had.
  void write_config(const std::string& yaml, bool done) const;
  // trainer_state.json as Hugging Face's Trainer lays it out. `best_metric`: not finite where there is none.
  void write_trainer_state(std::int64_t step, double epoch, std::int64_t max_steps, double best_metric) const;

 private:
  struct Found {
    io::Checkpoint checkpoint;
    std::filesystem::path file;
  };
  std::optional<Found> load_newest() const;
  std::optional<io::Checkpoint> find_to_resume(const std::string& resume, const std::string& kind) const;
  bool find_best(const std::string& resume, const std::string& key, double score) const;
  // Points last.h5, and best.h5 if `best`, at the checkpoint of `step`.
  void point_at(std::int64_t step, bool best) const;
  std::filesystem::path path_;
  io::RunLock lock_;
  std::string metrics_;
  bool metrics_incomplete_ = false;  // the file lacks lines, or the end of one
  std::unique_ptr<EventLog> events_;
};

// What the state of every checkpoint says, beside what its kind of run keeps there.
struct SavedStep {
  std::int64_t step = 0;
  bool best = false;  // so far
};
void describe(SavedStep& saved, io::JsonFields& fields);

}  // namespace espalier::train
