#include "tests/fuzz/fuzz_support.h"

#include <unistd.h>

#include <fstream>
#include <system_error>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/base/parallel.h"

namespace espalier::testing {

namespace {

class Folder {
 public:
  Folder() {
    const bool in_memory = std::filesystem::is_directory("/dev/shm");
    path_ = (in_memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path()) /
            ("espalier-fuzz-" + std::to_string(getpid()));
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

std::filesystem::path fuzz_file(const std::string& name, std::string_view bytes) {
  static const Folder folder;
  const std::filesystem::path path = folder.path() / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

Choice choose(std::string_view bytes, std::size_t count) {
  if (bytes.empty()) return {0, bytes};
  return {static_cast<unsigned char>(bytes[0]) % count, bytes.substr(1)};
}

}  // namespace espalier::testing

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  espalier::set_quiet(true);
  espalier::set_thread_count(1);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    fuzz_one({reinterpret_cast<const char*>(data), size});
  } catch (const espalier::Error&) {
    // Refused, as a reader should.
  }
  return 0;
}
