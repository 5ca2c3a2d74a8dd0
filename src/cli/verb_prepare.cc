#include <fmt/format.h>

#include "cli/config_verb.h"
#include "cli/verbs.h"
#include "espalier/base/log.h"
#include "espalier/base/progress.h"
#include "espalier/data/prepare.h"
#include "espalier/processes/processes.h"

namespace espalier::cli {

static void run_prepare(const data::PrepareOptions& options) {
  Progress progress("prepare");
  const data::PrepareResult result = data::prepare(options, [&](const data::PrepareProgress& now) {
    progress.begin_phase(now.phase);
    const double total = static_cast<double>(std::max<std::uint64_t>(now.total, 1));
    progress.update(static_cast<double>(now.done) / total, "");
  });
  progress.clear();
  for (const std::string& warning : result.warnings) log_warning(warning);
  if (!processes::writes()) return;
  if (result.reused) {
    fmt::print("{} holds this text already, prepared the same way: reused\n", options.out);
    return;
  }
  fmt::print("{}", data::prepare_summary(result.manifest));
  fmt::print("{0}/tokenizer.json, {0}/tokens.h5\n", options.out);
}

void add_prepare(Command& app) {
  add_config_verb<data::PrepareOptions>(app, "prepare", "Turn text into a tokenizer and a token store",
                                        run_prepare, true);
}

}  // namespace espalier::cli
