#include "espalier/report/report.h"

#include <optional>
#include <utility>

#include "base/joined.h"
#include "report/page.h"
#include "report/run_folder.h"
#include "report/sections.h"

namespace espalier::report {

template <class Run>
static std::vector<const RunFolder*> folders_of(const std::vector<Run>& runs) {
  std::vector<const RunFolder*> folders;
  for (const Run& run : runs) folders.push_back(&run.run);
  return folders;
}

std::string html_report(const std::vector<std::filesystem::path>& runs) {
  std::vector<Pretraining> pretrainings;
  std::vector<Finetuning> finetunings;
  std::vector<GlueRun> glue_runs;
  std::vector<RunLeaves> leaves;
  std::vector<std::string> labels, paths;
  for (RunFolder& run : open_run_folders(runs)) {
    labels.push_back(run.label);
    paths.push_back(run.path.string());
    if (std::optional<RunLeaves> read = read_leaves(run)) leaves.push_back(std::move(*read));
    switch (run.kind) {
      case RunKind::kPretraining:
        pretrainings.push_back(read_pretraining(std::move(run)));
        break;
      case RunKind::kFinetuning:
        finetunings.push_back(read_finetuning(std::move(run)));
        break;
      case RunKind::kGlue:
        glue_runs.push_back(read_glue_run(std::move(run)));
        break;
    }
  }
  std::string sections = pretraining_sections(pretrainings) + tree_sections(pretrainings) +
                         visits_section(pretrainings) + leaves_section(leaves);
  sections += finetuning_sections(finetunings) + glue_sections(glue_runs) +
              difference_section({folders_of(pretrainings), folders_of(finetunings), folders_of(glue_runs)});
  std::string progress = pretrainings.empty() ? "" : "tokens";
  if (!finetunings.empty()) progress += progress.empty() ? "epochs" : " or epochs";
  return page_html(joined(labels), joined(paths), progress, sections);
}

std::filesystem::path default_report_path(const std::vector<std::filesystem::path>& runs) {
  return runs.size() == 1 ? runs.front() / "report.html" : std::filesystem::path("report.html");
}

}  // namespace espalier::report
