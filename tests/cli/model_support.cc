#include "tests/cli/model_support.h"

#include "tests/support/hf_folder.h"

namespace espalier::testing {

Models::Models() {
  small_masked_lm().write(lm);
  HfFolder folder = small_classifier(3);
  folder.write(classifier);
  folder.config["espalier"]["task"] = {
      {"text", "question1"}, {"text_pair", "question2"}, {"header", true}, {"max_length", 0}};
  folder.write(pairs);
  small_classifier(1).write(regression);
}

}  // namespace espalier::testing
