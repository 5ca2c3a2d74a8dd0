// espalier: parses the command line, runs one verb, and turns errors into one or two lines and an exit
// status.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "cli/build_report.h"
#include "cli/command.h"
#include "cli/verbs.h"
#include "config/nearest.h"
#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/base/log.h"
#include "espalier/base/parallel.h"
#include "espalier/base/version.h"
#include "espalier/processes/processes.h"

namespace {

using espalier::cli::Command;

std::string version_text() {
  const std::string mpi = espalier::processes::library();
  return fmt::format("espalier {} ({})", espalier::kVersion, mpi.empty() ? "without MPI" : "with " + mpi);
}

void add_global_options(Command& app) {
  app.set_version_flag("--version", version_text(), espalier::cli::build_report);
  app.add_option_function(
         "--threads", [](int threads) { espalier::set_thread_count(threads); },
         "Threads of each process (default: the cores it may use, shared with the others of its host)")
      ->check(espalier::cli::within(1, 4096));
  app.add_flag_callback(
      "--quiet", [] { espalier::set_quiet(true); }, "No progress and no log on standard error");
  app.require_subcommand();
  app.fallthrough();
}

void add_verbs(Command& app) {
  using namespace espalier::cli;
  add_prepare(app);
  add_pretrain(app);
  add_finetune(app);
  add_glue(app);
  add_evaluate(app);
  add_fill_mask(app);
  add_classify(app);
  add_embed(app);
  add_tokenize(app);
  add_export(app);
  add_import(app);
  add_inspect(app);
  add_report(app);
  add_trees(app);
  add_bench(app);
  add_completion(app);
}

// The options of the whole program work behind a verb too, but CLI11 lists them only before it.
void mention_global_options(Command& app) {
  for (Command* verb : app.subcommands()) {
    verb->footer("\n--threads N and --quiet work too (see espalier --help).\n" + verb->get_footer());
  }
}

// Words that an option of the whole program takes, itself among them; 0 if it is none of these.
std::size_t words_of_option(const Command& app, const std::string& word) {
  for (const espalier::cli::OptionDescription& option : app.describe().options) {
    if (option.name == word) return option.value.empty() ? 1 : 2;
    if (word.starts_with(option.name + "=")) return 1;
  }
  return 0;
}

// CLI11 only says that a verb is missing, where one is given that does not exist.
void require_known_verb(const Command& app, const std::vector<std::string>& words) {
  const Command* above = &app;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::vector<Command*> verbs = above->subcommands();
    if (verbs.empty()) return;
    if (word.starts_with("-")) {
      const std::size_t count = words_of_option(app, word);
      if (count == 0) return;
      i += count - 1;
      continue;
    }
    const auto found =
        std::find_if(verbs.begin(), verbs.end(), [&](const Command* verb) { return verb->name() == word; });
    if (found != verbs.end()) {
      above = *found;
      continue;
    }
    std::vector<std::string> names;
    for (const Command* verb : verbs) names.push_back(verb->name());
    if (above == &app) {
      const std::string nearest = espalier::config::nearest_word(word, names);
      throw espalier::InputError(
          fmt::format("there is no verb `{}`{}; espalier --help lists them", word,
                      nearest.empty() ? "" : fmt::format(", the nearest is `{}`", nearest)));
    }
    throw espalier::InputError(
        fmt::format("{}: expected one of {}, found `{}`", above->name(), fmt::join(names, ", "), word));
  }
}

int run(int argc, char** argv) {
  Command app("Espalier trains and runs BERT models whose feedforward layers are trees.", "espalier");
  add_global_options(app);
  add_verbs(app);
  mention_global_options(app);
  require_known_verb(app, {argv + std::min(argc, 1), argv + argc});
  return app.parse(argc, argv);
}

// Says what is wrong, and ends the other processes, if there are any.
int fail(int status, const std::string& message) {
  espalier::processes::fail(status, [&] { espalier::log_error(message); });
  return status;
}

// The first file of ours would get the number of a standard stream that is closed, and what is printed would
// be written into it. Opened the other way round, so that using the stream fails as before.
void open_standard_streams() {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (fcntl(stream, F_GETFD) < 0) open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

int fail_to_print() {
  return fail(1, "standard output: cannot write (is the disk full?)");
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  espalier::install_interrupt_handlers();
  try {
    const int status = run(argc, argv);
    std::fflush(stdout);
    if (std::ferror(stdout) != 0) return fail_to_print();
    espalier::processes::finish();
    return status;
  } catch (const espalier::Error& error) {
    return fail(error.exit_status(), error.what());
  } catch (const std::bad_alloc&) {
    return fail(1,
                "out of memory; use a smaller model, or fewer sequences at a time (pretrain: "
                "train.micro_batch; finetune and "
                "glue: train.batch_size, or train.gradient_groups, whose parts go through one by one; else: "
                "--batch-size)");
  } catch (const std::exception& error) {
    if (std::ferror(stdout) != 0) return fail_to_print();
    return fail(1, error.what());
  }
}
