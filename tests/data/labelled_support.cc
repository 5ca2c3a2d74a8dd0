#include "tests/data/labelled_support.h"

namespace espalier::testing {

std::string without_folder(std::string message, const std::filesystem::path& folder) {
  const std::string prefix = folder.string() + "/";
  for (std::size_t at = 0; (at = message.find(prefix)) != message.npos;) message.erase(at, prefix.size());
  return message;
}

}  // namespace espalier::testing
