#include "espalier/io/run_files.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/processes/processes.h"
#include "io/file_ops.h"

namespace espalier::io {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyBytes = std::size_t{1} << 20U;
constexpr std::string_view kEvents = "events.out.tfevents.";
constexpr std::string_view kProgram = ".espalier.";

// The number that makes up all of `text`.
std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

bool remove_with_warning(const fs::path& path) {
  const int error = file_ops::unlink(path);
  if (error != 0)
    log_warning(fmt::format("{}: could not be removed: {}", path.string(), std::strerror(error)));
  return error == 0;
}

void copy_atomically(const fs::path& from, const fs::path& to) {
  const FileDescriptor source = open_for_reading(from);
  AtomicFile copy(to);
  std::vector<char> chunk(kCopyBytes);
  while (const std::size_t got = read_some(source, from, chunk.data(), chunk.size()))
    copy.append(chunk.data(), got);
  copy.commit();
}

std::string readable(std::uint64_t bytes) {
  const double megabytes = static_cast<double>(bytes) / 1e6;
  return megabytes < 1000 ? fmt::format("{:.1f} MB", megabytes) : fmt::format("{:.2f} GB", megabytes / 1e3);
}

}  // namespace

fs::path step_path(const fs::path& run, std::int64_t step) {
  return run / "checkpoints" / fmt::format("step-{}.h5", step);
}

std::vector<StepFile> step_files(const fs::path& run) {
  std::vector<StepFile> found;
  for (const fs::path& path : files_in(run / "checkpoints")) {
    const std::string stem = path.stem().string();
    if (path.extension() != ".h5" || !stem.starts_with("step-")) continue;
    if (const auto step = whole_number(std::string_view(stem).substr(5))) found.push_back({*step, path});
  }
  std::sort(found.begin(), found.end(), [](const StepFile& a, const StepFile& b) { return a.step < b.step; });
  return found;
}

// TensorBoard takes files of a folder in the order of their names, and those alone that have "tfevents" in
// it.
fs::path event_path(const fs::path& run, std::int64_t begin, std::int64_t sitting) {
  return run / "tensorboard" / fmt::format("{}{:010}{}{:04}", kEvents, begin, kProgram, sitting);
}

std::vector<EventFile> event_files(const fs::path& run) {
  std::vector<EventFile> found;
  for (const fs::path& path : files_in(run / "tensorboard")) {
    const std::string name = path.filename().string();
    const std::size_t mark = name.find(kProgram);
    if (!name.starts_with(kEvents) || mark == name.npos) continue;
    const auto begin = whole_number(std::string_view(name).substr(kEvents.size(), mark - kEvents.size()));
    const auto sitting = whole_number(std::string_view(name).substr(mark + kProgram.size()));
    if (begin && sitting) found.push_back({*begin, *sitting, path});
  }
  return found;
}

// Among a folder and those above it, a link that leads nowhere; empty without one.
static fs::path broken_link(fs::path folder) {
  for (; folder.has_relative_path(); folder = folder.parent_path()) {
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(folder, error)) && !fs::exists(folder, error)) return folder;
  }
  return {};
}

bool make_folders(const fs::path& folder) {
  if (!processes::writes()) return false;
  std::error_code error;
  const bool made = fs::create_directories(folder, error);
  if (!error) return made;
  if (const fs::path link = broken_link(folder); !link.empty()) {
    throw InputError(fmt::format("{}: is a link to {}, which is not there: make it, or give another folder",
                                 link.string(), fs::read_symlink(link).string()));
  }
  throw_write_failure(folder, "mkdir", error.value());
}

void link_atomically(const fs::path& target, const fs::path& link) {
  if (!processes::writes()) return;
  if (same_file(target, link)) return;
  const fs::path temporary = temporary_beside(link);
  // Ours alone by its name; there may be one from a failure before.
  ::unlink(temporary.c_str());
  int error = file_ops::link(target, temporary);
  if (error == EPERM || error == ENOTSUP || error == EMLINK || error == EXDEV || error == ENOSYS) {
    return copy_atomically(target, link);
  }
  const char* operation = "link";
  if (error == 0) {
    operation = "rename";
    error = file_ops::rename(temporary, link);
    if (error != 0) file_ops::unlink(temporary);
  }
  if (error == 0) {
    operation = "fsync of the folder";
    error = file_ops::sync_folder(folder_of(link));
  }
  if (error != 0) throw_write_failure(link, operation, error);
}

std::vector<fs::path> prune_step_files(const fs::path& run, int keep) {
  ESPALIER_CHECK(keep >= 1);
  if (!processes::writes()) return {};
  std::vector<StepFile> files = step_files(run);
  files.resize(files.size() - std::min(files.size(), static_cast<std::size_t>(keep)));
  std::vector<fs::path> removed;
  for (const StepFile& file : files) {
    if (same_file(file.path, run / "last.h5") || same_file(file.path, run / "best.h5")) continue;
    if (remove_with_warning(file.path)) removed.push_back(file.path);
  }
  return removed;
}

std::vector<fs::path> remove_stale_temporaries(const RunLock& lock) {
  if (!processes::writes()) return {};
  std::vector<fs::path> removed;
  std::vector<fs::path> files = files_in(lock.folder());
  for (const char* below : {"checkpoints", "submission"}) {
    const std::vector<fs::path> deeper = files_in(lock.folder() / below);
    files.insert(files.end(), deeper.begin(), deeper.end());
  }
  for (const fs::path& path : files) {
    const std::string name = path.filename().string();
    const std::size_t mark = name.rfind(".tmp-");
    if (mark == name.npos) continue;
    // What follows the process id, if anything, is the writer's own: the spools of a token store.
    const std::string_view rest = std::string_view(name).substr(mark + 5);
    if (!whole_number(rest.substr(0, rest.find('.')))) continue;
    if (remove_with_warning(path)) removed.push_back(path);
  }
  return removed;
}

std::uint64_t free_bytes(const fs::path& folder) {
  fs::path there = folder.empty() ? fs::path(".") : folder;
  struct statvfs status {};
  while (::statvfs(there.c_str(), &status) != 0) {
    if (errno != ENOENT || there == "." || there == "/") {
      throw RunError(
          fmt::format("{}: the free space can't be read: {}", there.string(), std::strerror(errno)));
    }
    there = folder_of(there);
  }
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

void check_free_space(const fs::path& folder, std::uint64_t bytes, const std::string& what,
                      const std::string& way_out) {
  const std::uint64_t free = free_bytes(folder);
  if (free >= bytes) return;
  throw RunError(
      fmt::format("{}: {} are free, but {} may take {}: free some space, or write to another disk{}",
                  folder.string(), readable(free), what, readable(bytes), way_out));
}

}  // namespace espalier::io
