// Runs a NormalizerSpec.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/text/tokenizer_model.h"

namespace espalier::text {

class Normalizer {
 public:
  // Throws InputError for a regular expression that is not supported or an empty pattern.
  explicit Normalizer(const NormalizerSpec& spec);

  // Room for texts on their way; reuse it to spare allocations.
  struct Buffers {
    std::string front;
    std::string back;
  };

  // `text` must be UTF-8. The result is `text` itself where no step changed anything, else it lies in
  // `buffers` until their next use.
  std::string_view operator()(std::string_view text, Buffers& buffers) const;

 private:
  // Writes the changed text, or returns false where nothing changes.
  using Step = std::function<bool(std::string_view text, std::string& out)>;
  std::vector<Step> steps_;
};

}  // namespace espalier::text
