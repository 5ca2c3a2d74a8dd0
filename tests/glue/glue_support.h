// A tiny GLUE folder, and runs on it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "espalier/config/glue_config.h"
#include "espalier/io/json.h"
#include "tests/support/support.h"

namespace espalier::testing {

// DIR/glue with texts of letters that write_tiny_model()'s model reads: CoLA, STS-B and RTE with 48 training
// and 24 dev rows, MNLI with both dev files; test files of 10 rows for all but STS-B, and the diagnostics.
void write_tiny_glue(const std::filesystem::path& dir);

// DIR/model.h5 on DIR/glue into DIR/NAME: two seeds, two epochs of three steps.
config::GlueConfig tiny_glue(const std::filesystem::path& dir, const std::string& name,
                             const std::vector<std::string>& overrides = {});

// A folder with write_tiny_model()'s model and these tasks, and runs in it.
struct GlueWorkspace {
  TempDir dir;

  GlueWorkspace();
  config::GlueConfig config(const std::string& name, const std::vector<std::string>& overrides = {}) const {
    return tiny_glue(dir.path(), name, overrides);
  }
  std::string text(const std::string& name) const { return read_text(dir / name); }
};

// results.json of a run without what differs between equal runs: times and speeds.
io::Json comparable(io::Json results);

}  // namespace espalier::testing
