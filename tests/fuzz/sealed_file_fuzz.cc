// The verifier of .h5 files, which runs before libhdf5 is let near them: bytes as they are, and with the
// checksums of the user block, or of that and the layout, made right, so that what lies behind these is
// reached.
#include <cstring>

#include "espalier/base/checksum.h"
#include "espalier/io/hdf5_file.h"
#include "io/sealed_file.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

namespace {

constexpr std::size_t kLayoutField = 56;
constexpr std::size_t kOwnChecksum = io::kUserBlockBytes - 8;

std::uint64_t number_at(const std::string& bytes, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
void put(std::string& bytes, std::size_t at, std::uint64_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace

void fuzz_one(std::string_view input) {
  const testing::Choice choice = testing::choose(input, 3);
  std::string bytes(choice.rest);
  if (bytes.size() >= io::kUserBlockBytes) {
    const std::uint64_t offset = number_at(bytes, kLayoutField);
    const std::uint64_t length = number_at(bytes, kLayoutField + 8);
    if (choice.variant == 2 && offset <= bytes.size() && length <= bytes.size() - offset) {
      put(bytes, kLayoutField + 16, checksum(bytes.data() + offset, length));
    }
    if (choice.variant >= 1) put(bytes, kOwnChecksum, checksum(bytes.data(), kOwnChecksum));
  }
  const io::SealedFile file(testing::fuzz_file("file.h5", bytes));
  file.verify_everything();
}
