#include "config/nearest.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <vector>

namespace espalier::config {

namespace fs = std::filesystem;

namespace {

// A folder of a million files must not delay a message.
constexpr int kMostEntries = 10'000;

bool is_configuration(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

fs::path name_of(const fs::path& path) {
  return is_configuration(path) ? path.stem() : path.filename();
}

// Appends the configuration files of a folder, with `below` those of its folders too.
void collect(const fs::path& folder, bool below, std::vector<fs::path>& found) {
  std::error_code error;
  fs::directory_iterator entry(folder.empty() ? fs::path(".") : folder, error);
  for (int i = 0; !error && entry != fs::directory_iterator() && i < kMostEntries; ++i) {
    std::error_code unknown;
    const fs::path path = folder / entry->path().filename();
    if (is_configuration(path)) {
      found.push_back(path);
    } else if (below && entry->is_directory(unknown)) {
      collect(path, false, found);
    }
    entry.increment(error);
  }
}

}  // namespace

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row.back();
}

fs::path nearest_config_file(const fs::path& missing) {
  std::error_code error;
  const fs::path folder = missing.parent_path();
  std::vector<fs::path> candidates;
  if (folder.empty() || fs::is_directory(folder, error)) {
    collect(folder, false, candidates);
  } else if (folder.parent_path() != folder.root_path()) {
    collect(folder.parent_path(), true, candidates);
  }
  collect("configs", true, candidates);
  const auto rank = [&](const fs::path& path) {
    return std::tuple(edit_distance(name_of(path).string(), name_of(missing).string()),
                      edit_distance(path.string(), missing.string()), path.string());
  };
  const auto nearest =
      std::min_element(candidates.begin(), candidates.end(),
                       [&](const fs::path& a, const fs::path& b) { return rank(a) < rank(b); });
  return nearest == candidates.end() ? fs::path() : *nearest;
}

}  // namespace espalier::config
