// Where a verb may write: never over what it reads, nor over a file that a model, a run or a store of tokens
// consists of.
#pragma once

#include <string>
#include <vector>

namespace espalier::cli {

struct Input {
  std::string name;  // as the command line has it: "MODEL", "--file"
  std::string path;  // a file or a folder; empty or "-": none
};

// InputError: `output`, the value of --output, is there already and is one of `inputs`, a file of one of
// these folders that belongs to the model or run, or a checkpoint or token store; or `-`, as none of these
// verbs writes to standard output. Empty: nothing is written. `own`: the name of the run's file that this
// verb writes anew.
void require_free_output(const std::string& output, const std::vector<Input>& inputs,
                         const std::string& own = "");

}  // namespace espalier::cli
