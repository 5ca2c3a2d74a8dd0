// Token stores: the token ids of a prepared corpus in one HDF5 file, in sequences of equal length, with the
// tokenizer that made them and a manifest of where they came from.
//
//     train/tokens, validation/tokens   [sequences, sequence_length], uint16 up to 65,536 words, else uint32
//     train/unigram_counts              [vocabulary_size] uint64: how often each id occurs in train/tokens
//     tokenizer.json, manifest.json, store.json
//
// Memory stays bounded however large the corpus is, writing and reading.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "espalier/io/hdf5_file.h"
#include "espalier/io/json.h"

namespace espalier::io {

inline constexpr std::uint32_t kTokenStoreVersion = 1;

enum class Split { kTrain, kValidation };
// "train", "validation"
const char* split_name(Split split);

struct TokenStoreOptions {
  std::int64_t vocabulary_size = 0;  // ids are 0 .. vocabulary_size - 1
  std::int64_t sequence_length = 0;  // tokens
};

// Writes a store. Training sequences go where they will be in the file; those of validation are spooled to an
// unnamed file in the target's folder until finish(), since one dataset alone can grow. A killed writer
// leaves at most NAME.tmp-PID behind. RunError: the disk failed; what was at `path` stays.
class TokenStoreWriter {
 public:
  TokenStoreWriter(const std::filesystem::path& path, const TokenStoreOptions& options);
  ~TokenStoreWriter();
  TokenStoreWriter(const TokenStoreWriter&) = delete;
  TokenStoreWriter& operator=(const TokenStoreWriter&) = delete;

  // Adds one or more whole sequences. InputError: an id outside the vocabulary.
  void append(Split split, std::span<const std::int32_t> tokens);
  std::int64_t sequences(Split split) const;

  // Makes the file. `manifest` (an object) is stored as it is: sources with checksums, documents, what was
  // dropped, configuration. Nothing may follow.
  void finish(const std::string& tokenizer_json, const Json& manifest);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads a store. Its structure and texts are verified when it is opened; 1 MiB blocks of tokens when they are
// first read, or all at once with `verify`. All const members are thread-safe. InputError: not a token store,
// truncated, inconsistent, an id outside the vocabulary; DamagedFile: a checksum does not match.
class TokenStoreReader {
 public:
  explicit TokenStoreReader(const std::filesystem::path& path, Verify verify = Verify::kAsRead);

  const std::filesystem::path& path() const { return file_.path(); }
  std::int64_t vocabulary_size() const { return vocabulary_size_; }
  std::int64_t sequence_length() const { return sequence_length_; }
  std::int64_t sequences(Split split) const;
  const std::string& tokenizer_json() const { return tokenizer_json_; }
  const Json& manifest() const { return manifest_; }
  const std::vector<std::uint64_t>& unigram_counts() const { return unigram_counts_; }
  // 16 hexadecimal digits: equal for stores of the same tokens and tokenizer. Reads no tokens.
  std::string fingerprint() const;
  const std::vector<Hdf5Dataset>& datasets() const { return file_.datasets(); }

  // Sequence `index` of a split into `out`, whose size must be sequence_length().
  void read(Split split, std::int64_t index, std::span<std::int32_t> out) const;
  void verify_everything() const { file_.verify_everything(); }

 private:
  const Hdf5Dataset& tokens(Split split) const;

  Hdf5Reader file_;
  std::int64_t vocabulary_size_ = 0;
  std::int64_t sequence_length_ = 0;
  std::string tokenizer_json_;
  Json manifest_;
  std::vector<std::uint64_t> unigram_counts_;
};

// The store in a folder (its tokens.h5), or the file itself.
TokenStoreReader open_token_store(const std::filesystem::path& folder_or_file,
                                  Verify verify = Verify::kAsRead);

}  // namespace espalier::io
