// The folder of a GLUE run: who may write there, what it was begun with, and what is finished.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "espalier/config/glue_config.h"
#include "espalier/glue/results.h"
#include "espalier/io/json_fields.h"
#include "espalier/io/run_files.h"

namespace espalier::glue {

class GlueFolder {
 public:
  // Creates and locks the folder. InputError if another process holds it, if it holds something else, if it
  // was begun with other settings (each is named), or if it holds a run and `resume` is never. The new ones
  // are not written yet: whether the files are the same is still to be checked.
  explicit GlueFolder(const config::GlueConfig& config);

  const std::filesystem::path& path() const { return path_; }
  // The trainings that are finished; without those whose result.json is damaged, which is told where it is
  // used.
  std::vector<GlueTraining> finished() const;
  // A document below the folder; none if it is not there.
  template <class T>
  std::optional<T> read(const std::filesystem::path& below) const {
    if (!std::filesystem::exists(path_ / below)) return std::nullopt;
    return io::read_record<T>(path_ / below);
  }
  // Replaces it.
  template <class T>
  void write(const std::filesystem::path& below, const T& value) const {
    write_text(below, io::json_text(io::to_json(value)));
  }
  void write_text(const std::filesystem::path& below, const std::string& text) const;

 private:
  std::filesystem::path path_;
  io::RunLock lock_;
};

}  // namespace espalier::glue
