#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "data/prepare_parts.h"
#include "espalier/base/error.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/processes/processes.h"
#include "text/utf8.h"

namespace espalier::data {
namespace {

// Text that a process encodes at a time: enough for many threads, little beside everything else in memory.
constexpr std::size_t kBatchBytes = std::size_t{8} << 20;
constexpr std::size_t kBatchDocuments = 8192;

Encoded encode(const PrepareJob& job, const text::Tokenizer& tokenizer, const std::string& text) {
  return {.ids = tokenizer.encode(text),
          .characters = static_cast<std::int64_t>(text::count_code_points(text)),
          .other_letters = static_cast<std::int64_t>(text::count_letters_beyond_ascii(text)),
          .validation = job.is_validation(text)};
}

// On their way to process 0: three numbers a document and its ids.
void append(const Encoded& encoded, std::vector<std::int32_t>& numbers) {
  const auto add = [&](std::int64_t number) {
    numbers.push_back(static_cast<std::int32_t>(static_cast<std::uint64_t>(number) & 0xFFFFFFFFU));
    numbers.push_back(static_cast<std::int32_t>(number >> 32));
  };
  add(static_cast<std::int64_t>(encoded.ids.size()));
  add(encoded.characters);
  add(encoded.other_letters);
  numbers.push_back(encoded.validation ? 1 : 0);
  numbers.insert(numbers.end(), encoded.ids.begin(), encoded.ids.end());
}

std::int64_t read_number(std::span<const std::int32_t>& numbers) {
  const auto low = static_cast<std::int64_t>(static_cast<std::uint32_t>(numbers[0]));
  const std::int64_t number = low | (static_cast<std::int64_t>(numbers[1]) << 32);
  numbers = numbers.subspan(2);
  return number;
}

Encoded read_encoded(std::span<const std::int32_t>& numbers) {
  Encoded encoded;
  const auto ids = static_cast<std::size_t>(read_number(numbers));
  encoded.characters = read_number(numbers);
  encoded.other_letters = read_number(numbers);
  encoded.validation = numbers.front() != 0;
  numbers = numbers.subspan(1);
  encoded.ids.assign(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(ids));
  numbers = numbers.subspan(ids);
  return encoded;
}

}  // namespace

CorpusReader for_each_batch(PrepareJob& job, FunctionRef<void(const std::vector<Document>& batch)> take) {
  const auto processes = static_cast<std::size_t>(processes::place().count);
  CorpusReader reader = job.open_corpus();
  std::vector<Document> batch;
  std::size_t bytes = 0;
  Document document;
  while (reader.next(document)) {
    bytes += document.text.size();
    batch.push_back(std::move(document));
    if (bytes < processes * kBatchBytes && batch.size() < processes * kBatchDocuments) continue;
    take(batch);
    batch.clear();
    bytes = 0;
    job.step("encoding", reader.position(), reader.total_bytes());
  }
  take(batch);
  job.step("encoding", reader.total_bytes(), reader.total_bytes());
  return reader;
}

std::vector<Encoded> encode_together(const PrepareJob& job, const text::Tokenizer& tokenizer,
                                     const std::vector<Document>& batch) {
  const processes::Range own = processes::own_share(static_cast<std::int64_t>(batch.size()));
  std::vector<Encoded> encoded(static_cast<std::size_t>(own.size()));
  parallel_for(own.size(), 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      encoded[static_cast<std::size_t>(i)] =
          encode(job, tokenizer, batch[static_cast<std::size_t>(own.begin + i)].text);
    }
  });
  if (processes::alone()) return encoded;
  std::vector<std::int32_t> numbers;
  for (const Encoded& one : encoded) append(one, numbers);
  std::vector<Encoded> all;
  for (const processes::Bytes& bytes : processes::gather_at_first(std::as_bytes(std::span(numbers)))) {
    std::vector<std::int32_t> part(bytes.size() / sizeof(std::int32_t));
    if (!part.empty()) std::memcpy(part.data(), bytes.data(), bytes.size());
    for (std::span<const std::int32_t> rest(part); !rest.empty();) all.push_back(read_encoded(rest));
  }
  return all;
}

void tell_others(const PrepareJob& job, const std::string& tokenizer_json) {
  processes::text_of_first(tokenizer_json);
  processes::of_first(job.validation_below);
}

void tell_others_of_nothing() {
  processes::text_of_first("");
}

void help_first(PrepareJob& job) {
  const std::string tokenizer_json = processes::text_of_first("");
  if (tokenizer_json.empty()) return;
  job.validation_below = processes::of_first(job.validation_below);
  const text::Tokenizer tokenizer = io::parse_tokenizer(tokenizer_json, "the tokenizer of process 0");
  for_each_batch(job, [&](const std::vector<Document>& batch) { encode_together(job, tokenizer, batch); });
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
