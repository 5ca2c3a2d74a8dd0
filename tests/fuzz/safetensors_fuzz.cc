// safetensors: a file, its header and all of its tensors.
#include "espalier/io/safetensors.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

namespace {

bool holds_whole_numbers(io::DType dtype) {
  switch (dtype) {
    case io::DType::kI64:
    case io::DType::kI32:
    case io::DType::kI16:
    case io::DType::kI8:
    case io::DType::kU8:
    case io::DType::kBool:
      return true;
    default:
      return false;
  }
}

}  // namespace

void fuzz_one(std::string_view bytes) {
  const io::SafetensorsReader reader(testing::fuzz_file("model.safetensors", bytes));
  for (const std::string& name : reader.names()) {
    if (holds_whole_numbers(reader.info(name).dtype)) {
      reader.read_ints(name);
      if (reader.info(name).dtype == io::DType::kI8) reader.read_bytes(name);
    } else {
      reader.read(name);
      reader.read_doubles(name);
    }
  }
}
