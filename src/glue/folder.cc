#include "glue/folder.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "espalier/io/run_files.h"
#include "espalier/io/text_file.h"
#include "espalier/processes/processes.h"
#include "espalier/train/same_config.h"

namespace espalier::glue {
namespace {

namespace fs = std::filesystem;

// A begun run has a config.yaml with glue.dir; before that there are a lock and unfinished files at most.
fs::path checked(const config::GlueConfig& config) {
  const fs::path path = config.run;
  if (!processes::writes()) return path;  // process 0 may be writing there already
  if (!fs::exists(path)) return path;
  if (!fs::is_directory(path)) {
    throw InputError(fmt::format("run: {} is a file; give a folder", path.string()));
  }
  if (fs::exists(path / "config.yaml")) {
    for (const config::Setting& setting : config::read_yaml(path / "config.yaml")) {
      if (setting.key != "glue.dir") continue;
      if (config.resume != "never") return path;
      throw InputError(fmt::format("run: {} already holds a run; resume=auto continues it", path.string()));
    }
    throw InputError(fmt::format("run: {} holds a run of another kind; give a new folder", path.string()));
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (name == "lock" || name.find(".tmp-") != std::string::npos) continue;
    throw InputError(
        fmt::format("run: {} holds files but no run; give an empty or a new folder", path.string()));
  }
  return path;
}

}  // namespace

GlueFolder::GlueFolder(const config::GlueConfig& config) : path_(checked(config)), lock_(path_) {
  io::remove_stale_temporaries(lock_);
  const fs::path file = path_ / "config.yaml";
  if (fs::exists(file)) {
    const std::string way_out = "To start anew, or to train longer, give another `run` folder.";
    train::require_same_config(io::read_text_file(file), file.string(), settings_of(config),
                               {config::glue_resume_rule, fs::exists(path_ / "model.json"), way_out,
                                settings_of(config::GlueConfig())});
  }
}

std::vector<GlueTraining> GlueFolder::finished() const {
  std::vector<GlueTraining> trainings;
  std::error_code not_yet;  // process 0 makes it
  for (const fs::directory_entry& task : fs::directory_iterator(path_, not_yet)) {
    if (!task.is_directory()) continue;
    for (const fs::directory_entry& training : fs::directory_iterator(task)) {
      try {
        const auto result =
            read<GlueTraining>(task.path().filename() / training.path().filename() / "result.json");
        if (result) trainings.push_back(*result);
      } catch (const InputError&) {
        continue;
      }
    }
  }
  return trainings;
}

void GlueFolder::write_text(const fs::path& below, const std::string& text) const {
  io::make_folders((path_ / below).parent_path());
  io::write_text_atomically(path_ / below, text);
}

}  // namespace espalier::glue
