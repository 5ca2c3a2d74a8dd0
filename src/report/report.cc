#include "espalier/report/report.h"

#include <optional>
#include <utility>

#include "base/joined.h"
#include "report/page.h"
#include "report/run_folder.h"
#include "report/sections.h"

namespace espalier::report {

// A page that a browser opens at once. What many runs draw is coarser, as far as they can be told apart.
static constexpr std::size_t kMostBytes = 3'000'000, kMostHalvings = 6;

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
  std::string progress = pretrainings.empty() ? "" : "tokens";
  if (!finetunings.empty()) progress += progress.empty() ? "epochs" : " or epochs";
  const std::string differences =
      difference_section({folders_of(pretrainings), folders_of(finetunings), folders_of(glue_runs)});
  std::string html;
  for (Detail detail; detail.halvings <= kMostHalvings; ++detail.halvings) {
    const std::string sections = pretraining_sections(pretrainings, detail) +
                                 tree_sections(pretrainings, detail) + visits_section(pretrainings, detail) +
                                 leaves_section(leaves, detail) + finetuning_sections(finetunings, detail) +
                                 glue_sections(glue_runs, detail) + differences;
    html = page_html(joined(labels), joined(paths), progress, sections, detail);
    if (html.size() <= kMostBytes) break;
  }
  return html;
}

std::filesystem::path default_report_path(const std::vector<std::filesystem::path>& runs) {
  return runs.size() == 1 ? runs.front() / "report.html" : std::filesystem::path("report.html");
}

}  // namespace espalier::report
