// A model, two tasks of GLUE and `espalier glue` on them.
#pragma once

#include <filesystem>
#include <string>

#include "tests/cli/training_support.h"

namespace espalier::testing {

// A small model and a folder with CoLA and RTE, 40 rows each; RTE has a test file. Two seeds; CoLA for two
// epochs, RTE for one; WNLI is asked for and has no files.
struct GlueWorkshop {
  TempDir dir;
  std::string model = (dir / "model").string();
  std::string config = (dir / "glue.yaml").string();

  GlueWorkshop();
  std::string run(const std::string& name) const { return (dir / name).string(); }
  Arguments command(const std::string& name, const Arguments& overrides = {}) const;
  // What equal runs have in common, byte for byte: the archive, and every prediction.
  std::string fingerprint(const std::string& name) const;
};

}  // namespace espalier::testing
