#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/output_path.h"
#include "cli/verbs.h"
#include "espalier/base/error.h"
#include "espalier/io/text_file.h"
#include "espalier/report/report.h"

namespace espalier::cli {

void add_report(Command& app) {
  struct Arguments {
    std::vector<std::string> runs;
    std::string output;
    bool text = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  Command* verb =
      app.add_subcommand("report", "Curves, trees and scores of runs as one page for the browser");
  verb->add_option("RUN", arguments->runs, "Folders of pretrain, finetune or glue, finished or not")
      ->required();
  Option* output =
      verb->add_option("--output", arguments->output,
                       "The page (default: report.html in the run's folder, of several runs here)")
          ->check(a_path());
  verb->add_flag("--text", arguments->text, "A summary for the terminal instead")->excludes(output);
  verb->callback([arguments] {
    const std::vector<std::filesystem::path> runs(arguments->runs.begin(), arguments->runs.end());
    if (arguments->text) {
      fmt::print("{}", report::text_report(runs));
      return;
    }
    std::vector<Input> inputs;
    for (const std::string& run : arguments->runs) inputs.push_back({"RUN", run});
    require_free_output(arguments->output, inputs);
    const std::filesystem::path page = arguments->output.empty() ? report::default_report_path(runs)
                                                                 : std::filesystem::path(arguments->output);
    const std::string html = report::html_report(runs);
    try {
      io::write_text_atomically(page, html);
    } catch (const Error& error) {
      if (!arguments->output.empty()) throw;
      throw InputError(fmt::format("{}; --output PAGE.html puts it elsewhere", error.what()));
    }
    fmt::print("{}\n", page.string());
  });
}

}  // namespace espalier::cli
