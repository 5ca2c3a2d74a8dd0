#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/io/token_store.h"
#include "io/file_ops.h"

namespace espalier::io {

namespace {

constexpr std::size_t kSpoolBytes = std::size_t{1} << 20U;

// Bytes on disk in a file without a name, which the system removes with the process.
class Spool {
 public:
  explicit Spool(const std::filesystem::path& path) : path_(path) {
    check("create", file_ops::create(path_, file_));
    check("unlink", file_ops::unlink(path_));
  }

  void append(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    buffer_.insert(buffer_.end(), bytes, bytes + size);
    if (buffer_.size() >= kSpoolBytes) flush();
  }

  // Feeds everything to take(data, size), in order.
  template <class Take>
  void replay(const Take& take) {
    flush();
    std::vector<std::byte> chunk(kSpoolBytes);
    for (std::uint64_t at = 0; at < written_; at += chunk.size()) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), written_ - at));
      read_exactly_at(file_, path_, at, chunk.data(), size);
      take(chunk.data(), size);
    }
  }

 private:
  void flush() {
    check("write", file_ops::write_at(file_.get(), written_, buffer_.data(), buffer_.size()));
    written_ += buffer_.size();
    buffer_.clear();
  }
  void check(const char* operation, int error) const {
    if (error != 0) throw_write_failure(path_, operation, error);
  }

  std::filesystem::path path_;
  FileDescriptor file_;
  std::vector<std::byte> buffer_;
  std::uint64_t written_ = 0;
};

Hdf5Type type_of(const TokenStoreOptions& options) {
  return options.vocabulary_size <= 65536 ? Hdf5Type::kUint16 : Hdf5Type::kUint32;
}

std::string dataset_of(Split split) {
  return std::string(split_name(split)) + "/tokens";
}

}  // namespace

struct TokenStoreWriter::State {
  std::filesystem::path path;
  TokenStoreOptions options;
  Hdf5Writer writer;
  std::vector<std::byte> train;  // not written yet
  Spool validation;
  std::array<std::int64_t, 2> sequences{};
  std::vector<std::uint64_t> unigram_counts;

  State(const std::filesystem::path& target, const TokenStoreOptions& given)
      : path(target),
        options(given),
        writer(target, "token store", kTokenStoreVersion),
        validation(temporary_beside(target).string() + "." + split_name(Split::kValidation)),
        unigram_counts(static_cast<std::size_t>(given.vocabulary_size)) {
    writer.begin_rows(dataset_of(Split::kTrain), type_of(given), given.sequence_length);
  }

  void check(std::span<const std::int32_t> tokens) const {
    const auto words = static_cast<std::uint64_t>(options.vocabulary_size);
    bool inside = true;  // without a branch for each: 270 million of 1 GB of text
    for (const std::int32_t id : tokens) inside &= static_cast<std::uint32_t>(id) < words;
    if (inside) return;
    const auto found = std::find_if(tokens.begin(), tokens.end(),
                                    [&](std::int32_t id) { return static_cast<std::uint32_t>(id) >= words; });
    throw InputError(fmt::format("{}: the token id {} is outside the vocabulary of {} words", path.string(),
                                 *found, words));
  }

  template <class Id>
  void append(Split split, std::span<const std::int32_t> tokens) {
    const std::vector<Id> ids(tokens.begin(), tokens.end());
    if (split == Split::kValidation) return validation.append(ids.data(), ids.size() * sizeof(Id));
    for (const Id id : ids) ++unigram_counts[id];
    const auto* bytes = reinterpret_cast<const std::byte*>(ids.data());
    train.insert(train.end(), bytes, bytes + ids.size() * sizeof(Id));
    if (train.size() >= kSpoolBytes) write_train();
  }

  void write_train() {
    writer.append(train.data(), train.size());
    train.clear();
  }
};

TokenStoreWriter::TokenStoreWriter(const std::filesystem::path& path, const TokenStoreOptions& options) {
  ESPALIER_CHECK(options.vocabulary_size > 0 && options.sequence_length > 0);
  state_ = std::make_unique<State>(path, options);
}

TokenStoreWriter::~TokenStoreWriter() = default;

void TokenStoreWriter::append(Split split, std::span<const std::int32_t> tokens) {
  const auto length = static_cast<std::size_t>(state_->options.sequence_length);
  ESPALIER_CHECK(tokens.size() % length == 0);
  state_->check(tokens);
  if (state_->options.vocabulary_size <= 65536) {
    state_->append<std::uint16_t>(split, tokens);
  } else {
    state_->append<std::uint32_t>(split, tokens);
  }
  state_->sequences[static_cast<std::size_t>(split)] += static_cast<std::int64_t>(tokens.size() / length);
}

std::int64_t TokenStoreWriter::sequences(Split split) const {
  return state_->sequences[static_cast<std::size_t>(split)];
}

void TokenStoreWriter::finish(const std::string& tokenizer_json, const Json& manifest) {
  State& s = *state_;
  s.write_train();
  Json store;
  store["vocabulary_size"] = s.options.vocabulary_size;
  store["sequence_length"] = s.options.sequence_length;
  s.writer.write_text("store.json", json_text(store));
  s.writer.write_text("manifest.json", json_text(manifest));
  s.writer.write_text("tokenizer.json", tokenizer_json);
  const auto words = static_cast<std::int64_t>(s.unigram_counts.size());
  s.writer.write<std::uint64_t>("train/unigram_counts", {words}, s.unigram_counts);
  s.writer.begin(dataset_of(Split::kValidation), type_of(s.options),
                 {sequences(Split::kValidation), s.options.sequence_length});
  s.validation.replay([&](const void* data, std::size_t size) { s.writer.append(data, size); });
  s.writer.commit();
}

}  // namespace espalier::io
