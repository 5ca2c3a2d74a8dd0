#include <fmt/format.h>

#include <memory>

#include "cli/completion.h"
#include "cli/verbs.h"
#include "espalier/base/version.h"

namespace espalier::cli {

void add_completion(Command& app) {
  const auto format = std::make_shared<std::string>();
  Command* verb =
      app.add_subcommand("completion", "Print a script by which a shell completes, or the manual page");
  verb->hide();
  verb->add_option("FORMAT", *format, "bash or zsh; man: the manual page")
      ->required()
      ->check(one_of({"bash", "zsh", "man"}));
  verb->callback([format, &app] {
    const CommandDescription program = app.describe();
    if (*format == "bash") fmt::print("{}", bash_completion(program));
    if (*format == "zsh") fmt::print("{}", zsh_completion(program));
    if (*format == "man") fmt::print("{}", manual_page(program, kVersion));
  });
}

}  // namespace espalier::cli
