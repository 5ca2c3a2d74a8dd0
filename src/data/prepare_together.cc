#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <span>
#include <utility>

#include "data/prepare_parts.h"
#include "espalier/base/checksum.h"
#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/processes/processes.h"
#include "processes/rounds.h"
#include "text/utf8.h"

namespace espalier::data {
namespace {

// Text that a process encodes at a time: enough for many threads, little beside everything else in memory.
constexpr std::uint64_t kPortionBytes = std::uint64_t{8} << 20;

// What a document costs beside its bytes, in bytes: few processes are to share few long ones as many short
// ones.
constexpr std::uint64_t kDocumentCost = 512;

struct Encoded {
  EncodedFigures figures;
  std::vector<std::int32_t> tokens;
};

Encoded encode(const PrepareJob& job, const text::Tokenizer& tokenizer, const std::string& text) {
  Encoded encoded{
      .figures = {.bytes = static_cast<std::int64_t>(text.size()),
                  .characters = static_cast<std::int64_t>(text::count_code_points(text)),
                  .other_letters = static_cast<std::int64_t>(text::count_letters_beyond_ascii(text)),
                  .validation = job.is_validation(text) ? 1 : 0},
      .tokens = tokenizer.encode(text)};
  std::vector<std::int32_t>& tokens = encoded.tokens;
  encoded.figures.unknown_tokens = std::count(tokens.begin(), tokens.end(), tokenizer.unk_id());
  encoded.figures.special_tokens = std::count_if(tokens.begin(), tokens.end(), [&](std::int32_t id) {
    return tokenizer.is_special(id) && id != tokenizer.unk_id();
  });
  if (!tokens.empty()) tokens.push_back(tokenizer.sep_id());
  encoded.figures.tokens = static_cast<std::int64_t>(tokens.size());
  return encoded;
}

// On their way to process 0: the figures of a document, then its tokens as `Id`, uint16_t where that holds
// them.
template <class Id>
processes::Bytes message_of(const std::vector<Encoded>& documents) {
  std::size_t size = 0;
  for (const Encoded& document : documents) {
    size += sizeof(document.figures) + document.tokens.size() * sizeof(Id);
  }
  processes::Bytes message(size);
  std::byte* to = message.data();
  std::vector<Id> ids;
  const auto put = [&](const void* data, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, data, bytes);
    to += bytes;
  };
  for (const Encoded& document : documents) {
    put(&document.figures, sizeof(document.figures));
    ids.assign(document.tokens.begin(), document.tokens.end());
    put(ids.data(), ids.size() * sizeof(Id));
  }
  return message;
}

template <class Id>
void take_all(std::span<const std::byte> message, TakeEncoded take) {
  std::vector<Id> ids;
  std::vector<std::int32_t> tokens;
  while (!message.empty()) {
    EncodedFigures figures;
    std::memcpy(&figures, message.data(), sizeof(figures));
    message = message.subspan(sizeof(figures));
    ids.resize(static_cast<std::size_t>(figures.tokens));
    const std::size_t bytes = ids.size() * sizeof(Id);
    if (bytes > 0) std::memcpy(ids.data(), message.data(), bytes);
    message = message.subspan(bytes);
    tokens.assign(ids.begin(), ids.end());
    take(figures, tokens);
  }
}

// Encodes round by round: each process keeps its portion of the text that all read.
class SharedPass {
 public:
  SharedPass(PrepareJob& job, const text::Tokenizer& tokenizer, text::CharacterCounts& letters,
             TakeEncoded take)
      : job_(job), tokenizer_(tokenizer), letters_(letters), take_(take) {}

  CorpusReader run() {
    CorpusReader reader = job_.open_corpus();
    for (Document document; reader.next(document);) {
      const bool own = rounds_.owner(filled_, round_) == place_.number;
      const std::uint64_t cost = document.text.size() + kDocumentCost;
      if (!processes::alone()) read_.update(document.text.data(), document.text.size());
      filled_ += cost;
      if (own) {
        own_filled_ += cost;
        texts_.push_back(std::move(document.text));
      }
      if (filled_ < round_) continue;
      finish_round(false);
      job_.step("encoding", reader.position(), reader.total_bytes());
    }
    finish_round(true);
    processes::require_alike(read_.hex(), "text.files");
    add_letters();
    job_.step("encoding", reader.total_bytes(), reader.total_bytes());
    return reader;
  }

 private:
  void finish_round(bool last) {
    const processes::Elapsed encoding;
    const std::vector<Encoded> own = encode_own();
    processes::Bytes made;
    if (!writes()) made = narrow_ ? message_of<std::uint16_t>(own) : message_of<std::int32_t>(own);
    const std::vector<processes::Bytes> messages =
        rounds_.finish(std::move(made), own_filled_, encoding.seconds(), filled_, last);
    const processes::Elapsed joining;
    if (writes()) {
      for (const Encoded& document : own) take_(document.figures, document.tokens);
      for (const processes::Bytes& message : messages) {
        narrow_ ? take_all<std::uint16_t>(message, take_) : take_all<std::int32_t>(message, take_);
      }
    }
    rounds_.joined(joining.seconds());
    texts_.clear();
    filled_ = own_filled_ = 0;
  }

  std::vector<Encoded> encode_own() {
    std::vector<Encoded> encoded(texts_.size());
    std::mutex mutex;
    parallel_for(static_cast<std::int64_t>(texts_.size()), 4, [&](std::int64_t begin, std::int64_t end) {
      text::CharacterCounts letters;
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        letters.add(texts_[i]);
        encoded[i] = encode(job_, tokenizer_, texts_[i]);
      }
      const std::scoped_lock lock(mutex);
      letters_.add(letters);
    });
    return encoded;
  }

  void add_letters() {
    const std::vector<std::uint64_t> own = letters_.numbers();
    const auto all = processes::gather_numbers(std::span<const std::uint64_t>(own));
    for (std::size_t i = 1; i < all.size(); ++i) letters_.add_numbers(all[i]);
  }

  bool writes() const { return place_.number == 0; }

  PrepareJob& job_;
  const text::Tokenizer& tokenizer_;
  text::CharacterCounts& letters_;
  TakeEncoded take_;
  processes::Place place_ = processes::place();
  processes::Rounds rounds_;
  bool narrow_ = tokenizer_.vocabulary_size() <= 65536;  // tokens in messages
  std::uint64_t round_ = kPortionBytes * static_cast<std::uint64_t>(place_.count);
  Checksum read_;                   // of all text
  std::vector<std::string> texts_;  // this process's portion
  std::uint64_t filled_ = 0, own_filled_ = 0;
};

}  // namespace

CorpusReader encode_together(PrepareJob& job, const text::Tokenizer& tokenizer,
                             text::CharacterCounts& letters, TakeEncoded take) {
  return SharedPass(job, tokenizer, letters, take).run();
}

void tell_others_to_begin(const PrepareJob& job) {
  processes::of_first(char{1});
  processes::of_first(job.validation_below);
}

void tell_others_of_nothing() {
  processes::of_first(char{0});
}

void help_first(PrepareJob& job) {
  source_checksums(job);
  if (processes::of_first(char{0}) == 0) return;
  job.validation_below = processes::of_first(job.validation_below);
  if (job.options.tokenizer_path.empty()) help_count_words(job);
  const text::Tokenizer tokenizer =
      io::parse_tokenizer(processes::text_of_first(""), "the tokenizer of process 0");
  text::CharacterCounts letters;
  encode_together(job, tokenizer, letters, [](const EncodedFigures&, std::span<const std::int32_t>) {});
}

void require_files_for_all(const PrepareJob& job) {
  for (const std::filesystem::path& file : job.files) {
    if (processes::alone() || std::filesystem::is_regular_file(file)) continue;
    throw InputError(fmt::format(
        "text.files: {} can be read once, by process 0 alone, but {} processes were started: give a file",
        file.string(), processes::place().count));
  }
}

}  // namespace espalier::data
