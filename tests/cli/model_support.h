// Small models in a folder, for the tests of the verbs that use a model.
#pragma once

#include <string>

#include "tests/support/support.h"

namespace espalier::testing {

// A masked LM, classifiers of three classes for single texts and for pairs (`question1` and `question2`), and
// a regression.
struct Models {
  TempDir dir;
  std::string lm = (dir / "lm").string();
  std::string classifier = (dir / "classifier").string();
  std::string pairs = (dir / "pairs").string();
  std::string regression = (dir / "regression").string();

  Models();
};

}  // namespace espalier::testing
