// Text, labels and tiny runs for the tests of the verbs that train.
#pragma once

#include <string>
#include <vector>

#include "tests/cli/cli_support.h"

namespace espalier::testing {

using Arguments = std::vector<std::string>;

// A folder with text, labelled tables and a prepared token store of 16-token sequences; made once.
struct Workshop {
  TempDir dir;
  std::string data = (dir / "data").string();
  std::string train = (dir / "train.tsv").string();
  std::string dev = (dir / "dev.tsv").string();
  std::string pretrain_config = (dir / "pretrain.yaml").string();
  std::string finetune_config = (dir / "finetune.yaml").string();

  Workshop();
  std::string path(const std::string& name) const { return (dir / name).string(); }
  // `pretrain` of a model of d 16, one layer, a tree of depth 2, for 20 steps, into NAME.
  Arguments pretrain(const std::string& name, const Arguments& overrides = {}) const;
  // `finetune` of MODEL (a name here) for two epochs of four steps, into NAME.
  Arguments finetune(const std::string& model, const std::string& name,
                     const Arguments& overrides = {}) const;
};

const Workshop& workshop();

// weights_checksum as `inspect --json` prints it.
std::string weights_checksum_of(const std::string& model);

// RUN/metrics.jsonl without what depends on the clock.
std::string steady_metrics(const std::string& run);

}  // namespace espalier::testing
