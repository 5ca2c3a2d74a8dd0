#include <fmt/format.h>

#include "cli/config_verb.h"
#include "cli/verbs.h"
#include "espalier/glue/glue.h"

namespace espalier::cli {

static void run_glue(const config::GlueConfig& config) {
  const glue::GlueResults results = glue::run_glue(config);
  fmt::print("{}\n", glue::glue_table(results));
  const bool packed = results.submission && !results.submission->files.empty();
  fmt::print("{0}/results.json, {0}/results.md{1}\n", config.run,
             packed ? fmt::format(", {}/submission.zip", config.run) : "");
}

void add_glue(Command& app) {
  add_config_verb<config::GlueConfig>(
      app, "glue", "Fine-tune a model on the tasks of GLUE with several seeds: table, submission.zip",
      run_glue, true, glue::require_read);
}

}  // namespace espalier::cli
