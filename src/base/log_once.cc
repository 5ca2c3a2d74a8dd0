#include "espalier/base/log_once.h"

#include <mutex>
#include <set>

#include "espalier/base/log.h"

namespace espalier {

void log_warning_once(const std::string& message) {
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  if (said.insert(message).second) log_warning(message);
}

}  // namespace espalier
