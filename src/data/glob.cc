#include "espalier/data/glob.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <set>

#include "espalier/base/error.h"
#include "espalier/data/file_format.h"

namespace espalier::data {
namespace {

std::vector<std::string> matches_of(const std::string& pattern) {
  glob_t found = {};
  const int status = glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  if (status != 0 && status != GLOB_NOMATCH) {
    throw RunError(fmt::format("text.files: the folder of `{}` cannot be read", pattern));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void check_kind(const std::filesystem::path& path, bool any_extension) {
  if (std::filesystem::is_directory(path)) {
    throw InputError(fmt::format("text.files: `{}` is a folder; name its files, as `{}`", path.string(),
                                 (path / "*.txt.gz").string()));
  }
  if (any_extension) return;
  try {
    table_format(path);
  } catch (const InputError& error) {
    throw InputError(fmt::format("text.files: {}; text.format names the format of such files", error.what()));
  }
}

// Of two spellings of one file. What /dev/fd/N links to, as in <(...), is no path.
std::string identity_of(const std::string& path) {
  const bool file = std::filesystem::is_regular_file(path);
  return file ? std::filesystem::canonical(path).string() : path;
}

// `-` is standard input, and a path that exists is no pattern.
bool is_literal(const std::string& pattern) {
  return pattern == "-" || std::filesystem::exists(pattern);
}

}  // namespace

std::vector<std::filesystem::path> expand_globs(const std::vector<std::string>& patterns,
                                                bool any_extension) {
  if (patterns.empty()) throw InputError("text.files: no files are named");
  std::vector<std::filesystem::path> files;
  std::set<std::string> seen;
  for (const std::string& pattern : patterns) {
    const std::vector<std::string> matches = is_literal(pattern) ? std::vector{pattern} : matches_of(pattern);
    if (matches.empty()) {
      throw InputError(fmt::format("text.files: `{}` matches no file (from the folder {})", pattern,
                                   std::filesystem::current_path().string()));
    }
    for (const std::string& match : matches) {
      if (match != "-") check_kind(match, any_extension);
      if (seen.insert(identity_of(match)).second) files.emplace_back(match);
    }
  }
  return files;
}

}  // namespace espalier::data
