// The index of a sharded model, beside two shards that are whole.
#include <string>

#include "espalier/io/safetensors.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

namespace {

// One tensor of two float32 numbers.
void write_shard(const std::string& file, const std::string& tensor) {
  std::string header = R"({")" + tensor + R"(":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  testing::fuzz_file(file, bytes + header + std::string(8, '\0'));
}

}  // namespace

void fuzz_one(std::string_view bytes) {
  static const bool written = (write_shard("1.safetensors", "a"), write_shard("2.safetensors", "b"), true);
  static_cast<void>(written);
  const io::SafetensorsReader reader(testing::fuzz_file("model.safetensors.index.json", bytes));
  for (const std::string& name : reader.names()) reader.read(name);
}
