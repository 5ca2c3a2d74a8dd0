#include "espalier/report/report.h"

#include <utility>

#include "base/joined.h"
#include "report/page.h"
#include "report/run_folder.h"
#include "report/sections.h"

namespace espalier::report {

std::string html_report(const std::vector<std::filesystem::path>& runs) {
  std::vector<Pretraining> pretrainings;
  std::vector<std::string> labels, paths;
  for (RunFolder& run : open_run_folders(runs)) {
    labels.push_back(run.label);
    paths.push_back(run.path.string());
    pretrainings.push_back(read_pretraining(std::move(run)));
  }
  std::vector<const RunFolder*> folders;
  for (const Pretraining& run : pretrainings) folders.push_back(&run.run);
  std::string sections = pretraining_sections(pretrainings);
  sections += tree_sections(pretrainings);
  sections += difference_section(folders);
  return page_html(joined(labels), joined(paths), "tokens", sections);
}

std::filesystem::path default_report_path(const std::vector<std::filesystem::path>& runs) {
  return runs.size() == 1 ? runs.front() / "report.html" : std::filesystem::path("report.html");
}

}  // namespace espalier::report
