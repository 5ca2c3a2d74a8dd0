// Configurations from settings alone, for their tests.
#pragma once

#include <string>
#include <vector>

#include "espalier/config/fields.h"
#include "tests/support/support.h"

namespace espalier::config {

// Loads configurations of a kind from no file: what the kind cannot do without, and then other settings.
template <class Config>
struct ConfigOf {
  std::vector<std::string> needed;

  Config with(const std::vector<std::string>& settings) const {
    std::vector<std::string> all = needed;
    all.insert(all.end(), settings.begin(), settings.end());
    return load<Config>("", all);
  }
  // What validate() says of it, or the loading before.
  std::string error_with(const std::vector<std::string>& settings) const {
    return testing::error_of([&] { validate(with(settings)); });
  }
};

}  // namespace espalier::config
