#include <fmt/format.h>

#include <cstring>

#include "espalier/base/checksum.h"
#include "espalier/base/error.h"
#include "espalier/io/token_store.h"

namespace espalier::io {

namespace {

// Ids are int32 everywhere else.
constexpr std::int64_t kMaxVocabulary = std::int64_t{1} << 31U;
constexpr std::int64_t kMaxSequence = std::int64_t{1} << 24U;

template <class Id>
void widen(const std::byte* bytes, std::span<std::int32_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Id id;
    std::memcpy(&id, bytes + i * sizeof(Id), sizeof(Id));
    // An id that int32 can't hold becomes negative, which no vocabulary allows.
    out[i] = static_cast<std::int32_t>(id);
  }
}

}  // namespace

const char* split_name(Split split) {
  return split == Split::kTrain ? "train" : "validation";
}

TokenStoreReader::TokenStoreReader(const std::filesystem::path& path, Verify verify)
    : file_(path, "token store", kTokenStoreVersion, verify) {
  const std::string where = path.string() + ": store.json";
  const Json store = parse_json(file_.read_text("store.json"), where);
  vocabulary_size_ = JsonView(store, where)["vocabulary_size"].as_int(1, kMaxVocabulary);
  sequence_length_ = JsonView(store, where)["sequence_length"].as_int(1, kMaxSequence);
  tokenizer_json_ = file_.read_text("tokenizer.json");
  manifest_ = parse_json(file_.read_text("manifest.json"), path.string() + ": manifest.json");
  unigram_counts_ = file_.read<std::uint64_t>("train/unigram_counts");
  if (file_.dataset("train/unigram_counts").shape != Shape({vocabulary_size_})) {
    throw InputError(fmt::format("{}: train/unigram_counts: expected {} counts, found {}", path.string(),
                                 vocabulary_size_, unigram_counts_.size()));
  }
  for (const Split split : {Split::kTrain, Split::kValidation}) {
    const Hdf5Dataset& found = tokens(split);
    const Hdf5Type type = vocabulary_size_ <= 65536 ? Hdf5Type::kUint16 : Hdf5Type::kUint32;
    if (found.type != type || found.shape.rank() != 2 || found.shape[1] != sequence_length_) {
      throw InputError(fmt::format("{}: {}: expected {} of shape [sequences,{}], found {} of shape {}",
                                   path.string(), found.name, hdf5_type_name(type), sequence_length_,
                                   hdf5_type_name(found.type), found.shape.str()));
    }
  }
}

const Hdf5Dataset& TokenStoreReader::tokens(Split split) const {
  return file_.dataset(std::string(split_name(split)) + "/tokens");
}

std::int64_t TokenStoreReader::sequences(Split split) const {
  return tokens(split).shape[0];
}

std::string TokenStoreReader::fingerprint() const {
  Checksum sum;
  for (const char* name : {"store.json", "tokenizer.json", "train/tokens", "validation/tokens"}) {
    const std::uint64_t part = file_.fingerprint(file_.dataset(name));
    sum.update(&part, sizeof(part));
  }
  return sum.hex();
}

void TokenStoreReader::read(Split split, std::int64_t index, std::span<std::int32_t> out) const {
  const Hdf5Dataset& from = tokens(split);
  ESPALIER_CHECK(index >= 0 && index < from.shape[0]);
  ESPALIER_CHECK(out.size() == static_cast<std::size_t>(sequence_length_));
  thread_local std::vector<std::byte> bytes;
  bytes.resize(out.size() * hdf5_type_bytes(from.type));
  file_.read_bytes(from, static_cast<std::uint64_t>(index) * bytes.size(), bytes.data(), bytes.size());
  if (from.type == Hdf5Type::kUint16) {
    widen<std::uint16_t>(bytes.data(), out);
  } else {
    widen<std::uint32_t>(bytes.data(), out);
  }
  for (const std::int32_t id : out) {
    if (id >= 0 && id < vocabulary_size_) continue;
    throw InputError(fmt::format("{}: {}: sequence {} holds the id {}, outside the vocabulary of {} words",
                                 path().string(), from.name, index, static_cast<std::uint32_t>(id),
                                 vocabulary_size_));
  }
}

TokenStoreReader open_token_store(const std::filesystem::path& folder_or_file, Verify verify) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder_or_file, ignored)) {
    throw InputError(
        fmt::format("{}: no such file or folder: make it with `espalier prepare`", folder_or_file.string()));
  }
  if (!std::filesystem::is_directory(folder_or_file, ignored)) {
    if (folder_or_file.extension() != ".h5") {
      throw InputError(
          fmt::format("{}: expected the folder that `espalier prepare` makes of text, found a file",
                      folder_or_file.string()));
    }
    return TokenStoreReader(folder_or_file, verify);
  }
  const std::filesystem::path file = folder_or_file / "tokens.h5";
  if (!std::filesystem::exists(file, ignored)) {
    throw InputError(fmt::format("{}: there is no tokens.h5 in this folder: make it with `espalier prepare`",
                                 folder_or_file.string()));
  }
  return TokenStoreReader(file, verify);
}

}  // namespace espalier::io
