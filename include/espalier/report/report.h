// What `espalier report` makes of run folders: a page for the browser, or lines for the terminal.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace espalier::report {

// One HTML document about the runs of pretrain, finetune and glue, which may be mixed: those of a kind are
// drawn over each other. It needs no network, no script and no other file. Folders are read only, whether a
// program is at work there or was killed; a line of metrics.jsonl that cannot be read, as the last of a
// killed run, is left out and named. Of so many runs that the page would be beyond 3 MB it draws less, and
// says so. InputError: no folder, or one without a run.
std::string html_report(const std::vector<std::filesystem::path>& runs);

// The same curves as sparklines with the numbers that matter, for a terminal with UTF-8; a paragraph a run.
std::string text_report(const std::vector<std::filesystem::path>& runs);

// Where the page goes if nothing else is said: into the folder of a single run, for several into this one.
std::filesystem::path default_report_path(const std::vector<std::filesystem::path>& runs);

}  // namespace espalier::report
