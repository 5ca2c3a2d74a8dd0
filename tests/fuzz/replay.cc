// usage: fuzz_TARGET_replay FILE|FOLDER...
// Runs a fuzz target over inputs that are kept, without a fuzzer.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// How many inputs the path holds; 0 where it cannot be read.
int run(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path)) count += run(entry.path());
    return count;
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return 0;
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  LLVMFuzzerInitialize(&argc, &argv);
  int total = 0;
  for (int i = 1; i < argc; ++i) {
    const int count = run(argv[i]);
    if (count == 0) {
      std::fprintf(stderr, "%s: no input there\n", argv[i]);
      return 1;
    }
    total += count;
  }
  std::printf("%d inputs\n", total);
  return total > 0 ? 0 : 1;
}
