// A folder that appears under its name whole or not at all.
#pragma once

#include <filesystem>

namespace espalier::io {

// Files are written into temporary(), a folder beside the target; commit() makes it durable and puts it in
// the target's place, whatever was there. Without commit() the destructor removes it. Throws RunError with
// path and reason.
class StagedFolder {
 public:
  explicit StagedFolder(std::filesystem::path target);
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  const std::filesystem::path& temporary() const { return temporary_; }
  void commit();

 private:
  void check(const char* operation, int error) const;

  std::filesystem::path target_;
  std::filesystem::path temporary_;
};

}  // namespace espalier::io
