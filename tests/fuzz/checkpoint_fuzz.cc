// Our readers of .h5 files behind valid checksums: a checkpoint and a token store whose datasets are forged
// in name, type, shape and content, written by our own writer, so that libhdf5 finds nothing wrong with them.
#include <algorithm>
#include <cstring>
#include <vector>

#include "espalier/io/checkpoint.h"
#include "espalier/io/token_store.h"
#include "espalier/model/loaded_model.h"
#include "espalier/nn/masked_lm.h"
#include "tests/fuzz/checkpoint_support.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;
using testing::Dataset;

namespace {

// Takes values from the front of the input; zeros when it is used up.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : left_(bytes) {}
  bool empty() const { return left_.empty(); }
  unsigned next() {
    if (left_.empty()) return 0;
    const auto value = static_cast<unsigned char>(left_[0]);
    left_.remove_prefix(1);
    return value;
  }
  std::string text(std::size_t length) {
    const std::string taken(left_.substr(0, length));
    left_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view left_;
};

// Extents of up to 2^16 elements in all: the reader's business is what they claim, not their size.
Shape forged_shape(Bytes& bytes) {
  std::vector<std::int64_t> extents(bytes.next() % 5);
  std::int64_t left = 1 << 16;
  for (std::int64_t& extent : extents) {
    extent = std::min<std::int64_t>(bytes.next() * (bytes.next() % 4 == 0 ? 37 : 1), left);
    left = extent == 0 ? left : left / extent;
  }
  return Shape(extents);
}

void forge(std::vector<Dataset>& datasets, Bytes& bytes) {
  Dataset& one = datasets[bytes.next() % datasets.size()];
  switch (bytes.next() % 7) {
    case 0:
      one.name = bytes.text(bytes.next() % 40);
      return;
    case 1:
      std::swap(one.name, datasets[bytes.next() % datasets.size()].name);
      return;
    case 2:
      one.type = static_cast<io::Hdf5Type>(bytes.next() % 7);
      return;
    case 3:
      one.shape = forged_shape(bytes);
      return;
    case 4:
      one.content = bytes.text(bytes.next() * 4);
      one.type = io::Hdf5Type::kUint8;
      one.shape = {static_cast<std::int64_t>(one.content.size())};
      return;
    case 5: {
      // A piece of a text, of a configuration most of all, replaced.
      const std::size_t at = (bytes.next() << 8U | bytes.next()) % (one.content.size() + 1);
      const std::size_t length = bytes.next() % 16;
      one.content.replace(at, length, bytes.text(bytes.next() % 16));
      if (one.type == io::Hdf5Type::kUint8) one.shape = {static_cast<std::int64_t>(one.content.size())};
      return;
    }
    default:
      if (datasets.size() > 1)
        datasets.erase(datasets.begin() + static_cast<std::ptrdiff_t>(&one - datasets.data()));
  }
}

}  // namespace

void fuzz_one(std::string_view input) {
  Bytes bytes(input);
  const bool store = bytes.next() % 2 == 1;
  std::vector<Dataset> datasets = store ? testing::token_store_datasets() : testing::checkpoint_datasets();
  for (int edit = 0; edit < 8 && !bytes.empty(); ++edit) forge(datasets, bytes);
  const std::filesystem::path path = testing::fuzz_file("forged.h5", "");
  testing::write_datasets(path, store ? "token store" : "checkpoint", datasets);
  if (!store) {
    io::list_checkpoint(path);
    model::load_model(path);
    return;
  }
  const io::TokenStoreReader reader(path);
  std::vector<std::int32_t> ids(static_cast<std::size_t>(reader.sequence_length()));
  for (const io::Split split : {io::Split::kTrain, io::Split::kValidation}) {
    for (std::int64_t i = 0; i < reader.sequences(split); ++i) reader.read(split, i, ids);
  }
}
