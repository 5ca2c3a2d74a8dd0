// The verbs of the command line: one file each, verb_<name>.cc.
#pragma once

#include <CLI/CLI.hpp>

namespace espalier::cli {

// Each adds one subcommand whose callback does the work. Results go to standard output; errors are thrown.
void add_prepare(CLI::App& app);
void add_pretrain(CLI::App& app);
void add_finetune(CLI::App& app);
void add_glue(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_fill_mask(CLI::App& app);
void add_classify(CLI::App& app);
void add_embed(CLI::App& app);
void add_tokenize(CLI::App& app);
void add_export(CLI::App& app);
void add_import(CLI::App& app);
void add_inspect(CLI::App& app);
void add_bench(CLI::App& app);

}  // namespace espalier::cli
