#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <set>

#include "espalier/base/error.h"
#include "espalier/data/corpus.h"

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

void check_kind(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) {
    throw InputError(fmt::format("text.files: `{}` is a folder; name its files, as `{}`", path.string(),
                                 (path / "*.txt.gz").string()));
  }
  std::filesystem::path name = path.filename();
  if (name.extension() == ".gz") name = name.stem();
  if (name.extension() == ".txt" || name.extension() == ".jsonl") return;
  throw InputError(
      fmt::format("text.files: expected .txt, .txt.gz, .jsonl or .jsonl.gz, found `{}`", path.string()));
}

}  // namespace

std::vector<std::filesystem::path> expand_globs(const std::vector<std::string>& patterns) {
  if (patterns.empty()) throw InputError("text.files: no files are named");
  std::vector<std::filesystem::path> files;
  std::set<std::string> seen;
  for (const std::string& pattern : patterns) {
    const bool literal = std::filesystem::exists(pattern);
    const std::vector<std::string> matches = literal ? std::vector{pattern} : matches_of(pattern);
    if (matches.empty()) {
      throw InputError(fmt::format("text.files: `{}` matches no file (from the folder {})", pattern,
                                   std::filesystem::current_path().string()));
    }
    for (const std::string& match : matches) {
      check_kind(match);
      if (seen.insert(std::filesystem::weakly_canonical(match).string()).second) files.emplace_back(match);
    }
  }
  return files;
}

}  // namespace espalier::data
