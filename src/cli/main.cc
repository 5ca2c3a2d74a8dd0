// espalier: parses the command line, runs one verb, and turns errors into one or two lines and an exit
// status.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>

#include "cli/verbs.h"
#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/base/log.h"
#include "espalier/base/parallel.h"

namespace {

constexpr const char* kVersion = "0.1.0";

void add_global_options(CLI::App& app) {
  app.set_version_flag("--version", std::string("espalier ") + kVersion);
  app.add_option_function<int>(
         "--threads", [](const int& threads) { espalier::set_thread_count(threads); },
         "Threads (default: the cores this process may use)")
      ->check(CLI::Range(1, 4096));
  app.add_flag_callback(
      "--quiet", [] { espalier::set_quiet(true); }, "No progress and no log on standard error");
  app.require_subcommand(1);
  app.fallthrough();
}

void add_verbs(CLI::App& app) {
  using namespace espalier::cli;
  add_prepare(app);
  add_pretrain(app);
  add_finetune(app);
  add_evaluate(app);
  add_fill_mask(app);
  add_classify(app);
  add_embed(app);
  add_tokenize(app);
  add_export(app);
  add_import(app);
  add_inspect(app);
}

int run(int argc, char** argv) {
  CLI::App app("Espalier trains and runs BERT models whose feedforward layers are trees.", "espalier");
  add_global_options(app);
  add_verbs(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  espalier::install_interrupt_handlers();
  try {
    const int status = run(argc, argv);
    if (std::fflush(stdout) != 0)
      throw espalier::RunError("standard output: cannot write (is the disk full?)");
    return status;
  } catch (const espalier::Error& error) {
    fmt::print(stderr, "espalier: {}\n", error.what());
    return error.exit_status();
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "espalier: out of memory; use a smaller model or a smaller train.micro_batch\n");
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "espalier: {}\n", error.what());
    return 1;
  }
}
