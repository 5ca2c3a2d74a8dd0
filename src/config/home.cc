#include "config/home.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "espalier/base/error.h"

namespace espalier::config {

static bool is_user_name(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string home_expanded(const std::string& text, const std::string& where) {
  if (!text.starts_with('~')) return text;
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return text;
  const std::string user = text.substr(1, slash - 1);
  if (is_user_name(user)) {
    throw InputError(fmt::format("{}: `{}`: only ~/ (your own home folder) is understood; write the path out",
                                 where, text));
  }
  if (!user.empty()) return text;
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    throw InputError(fmt::format("{}: `{}`: HOME is not set; write the path out", where, text));
  }
  return home + text.substr(slash);
}

}  // namespace espalier::config
