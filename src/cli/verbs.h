// The verbs of the command line: one file each, verb_<name>.cc.
#pragma once

#include "cli/command.h"

namespace espalier::cli {

// Each adds one subcommand whose callback does the work. Results go to standard output; errors are thrown.
void add_prepare(Command& app);
void add_pretrain(Command& app);
void add_finetune(Command& app);
void add_glue(Command& app);
void add_evaluate(Command& app);
void add_fill_mask(Command& app);
void add_classify(Command& app);
void add_embed(Command& app);
void add_tokenize(Command& app);
void add_export(Command& app);
void add_import(Command& app);
void add_inspect(Command& app);
void add_report(Command& app);
void add_trees(Command& app);
void add_bench(Command& app);
void add_completion(Command& app);

}  // namespace espalier::cli
