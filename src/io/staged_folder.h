// A folder that appears under its name whole or not at all.
#pragma once

#include <filesystem>
#include <string>

namespace espalier::io {

// Files are written into temporary(), a folder beside the target; commit() makes it durable and puts it in
// the target's place, whatever was there. Without commit() the destructor removes it. Throws RunError with
// path and reason.
//
// An empty folder stays the folder that it is, since a shell may stand in it or a file system be mounted
// there: files are moved into it, `last` at the end.
class StagedFolder {
 public:
  explicit StagedFolder(const std::filesystem::path& target, std::string last = "");
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  // Whether it is the temporary of an empty target, which one that was killed leaves there with what it had
  // not moved yet.
  static bool is_unfinished(const std::filesystem::path& entry);

  const std::filesystem::path& temporary() const { return temporary_; }
  void commit();

 private:
  void check(const char* operation, int error) const;
  void fill();

  std::filesystem::path target_;
  std::string last_;
  bool empty_;  // the target is an empty folder
  std::filesystem::path temporary_;
};

}  // namespace espalier::io
