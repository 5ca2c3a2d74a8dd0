#include <fmt/format.h>

#include <fstream>
#include <vector>

#include "base/joined.h"
#include "data/prepare_parts.h"
#include "espalier/base/checksum.h"
#include "espalier/base/error.h"
#include "espalier/io/tokenizer_source.h"

namespace espalier::data {
namespace {

// Raised when the same text and settings would give another result than before.
constexpr int kPipelineVersion = 2;

const char* order_name(SequenceOrder order) {
  switch (order) {
    case SequenceOrder::kStored:
      return "stored";
    case SequenceOrder::kShuffled:
      return "shuffled";
    case SequenceOrder::kFullStops:
      return "full_stops";
  }
  check_failed("order", __FILE__, __LINE__);
}

std::string checksum_of(const std::filesystem::path& path, const std::function<void(std::uint64_t)>& step) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError(fmt::format("{}: cannot be read", path.string()));
  Checksum sum;
  std::vector<char> buffer(std::size_t{1} << 20);
  std::uint64_t done = 0;
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    sum.update(buffer.data(), static_cast<std::size_t>(file.gcount()));
    done += static_cast<std::uint64_t>(file.gcount());
    step(done);
  }
  if (file.bad()) throw RunError(fmt::format("{}: reading failed", path.string()));
  return "xxh3:" + sum.hex();
}

std::string shown(const io::Json& object, const std::string& key) {
  const auto found = object.find(key);
  return found == object.end() ? "not set" : io::json_text(*found, -1);
}

// "sequence_length is 64 there and 128 here"
void compare_objects(const io::Json& there, const io::Json& here, std::vector<std::string>& differences) {
  for (const auto& item : here.items()) {
    const std::string before = shown(there, item.key());
    const std::string now = shown(here, item.key());
    if (before != now) {
      differences.push_back(fmt::format("{} is {} there and {} here", item.key(), before, now));
    }
  }
  for (const auto& item : there.items()) {
    if (here.contains(item.key())) continue;
    differences.push_back(
        fmt::format("{} is {} there and not set here", item.key(), shown(there, item.key())));
  }
}

void compare_sources(const io::Json& there, const io::Json& here, std::vector<std::string>& differences) {
  if (there.size() != here.size()) {
    differences.push_back(
        fmt::format("the text was {} files there and is {} here", there.size(), here.size()));
    return;
  }
  for (std::size_t i = 0; i < here.size(); ++i) {
    if (there[i] == here[i]) continue;
    const std::string name = shown(here[i], "file");
    differences.push_back(shown(there[i], "file") == name
                              ? fmt::format("the file {} has changed", name)
                              : fmt::format("the text file {} was {} there", name, shown(there[i], "file")));
  }
}

}  // namespace

std::string tokenizer_checksum(const std::string& path) {
  const std::string json = io::tokenizer_json_of(path);
  return fmt::format("xxh3:{:016x}", checksum(json.data(), json.size()));
}

io::Json configuration_json(const PrepareOptions& options, const std::string& own_tokenizer) {
  io::Json json;
  json["pipeline"] = kPipelineVersion;
  if (own_tokenizer.empty()) {
    json["tokenizer.vocab_size"] = options.vocabulary_size;
    json["tokenizer.normalizer"] =
        names_normalizer(options.normalizer) ? options.normalizer : tokenizer_checksum(options.normalizer);
    json["tokenizer.lowercase"] = options.lowercase;
    json["tokenizer.limit_alphabet"] = options.limit_alphabet;
    json["tokenizer.max_words"] = options.max_words;
    json["tokenizer.sample_bytes"] = options.tokenizer_sample_bytes;
  }
  json["tokenizer.path"] = own_tokenizer;
  // Keys that came later, where they are not at their defaults: stores from before stay what they were.
  if (options.text_field != "text") json["text.field"] = options.text_field;
  if (options.text_format) json["text.format"] = static_cast<int>(*options.text_format);
  if (options.on_bad_record == OnBadRecord::kSkip) json["text.on_bad_record"] = "skip";
  json["text.max_document_bytes"] = options.max_document_bytes;
  json["text.max_token_ratio"] = options.max_token_ratio;
  json["sequence_length"] = options.sequence_length;
  json["validation_fraction"] = options.validation_fraction;
  json["order"] = order_name(options.order);
  json["seed"] = options.seed;
  return json;
}

io::Json sources_json(PrepareJob& job) {
  std::uint64_t total = 0, before = 0;
  for (const std::filesystem::path& file : job.files) total += std::filesystem::file_size(file);
  io::Json sources = io::Json::array();
  for (const std::filesystem::path& file : job.files) {
    const std::uint64_t bytes = std::filesystem::file_size(file);
    const auto step = [&](std::uint64_t done) { job.step("reading sources", before + done, total); };
    io::Json source;
    source["file"] = job.names[sources.size()];
    source["bytes"] = bytes;
    source["checksum"] = checksum_of(file, step);
    sources.push_back(std::move(source));
    before += bytes;
  }
  return sources;
}

std::string prepare_summary(const io::Json& manifest) {
  const io::Json& documents = manifest.at("documents");
  const auto number = [](const io::Json& object, const char* key) {
    return object.at(key).get<std::int64_t>();
  };
  const std::int64_t bad = documents.value("bad_records", std::int64_t{0});
  std::string text = fmt::format(
      "{} documents read, {} kept; dropped: {} as symbols ({:.3f} tokens a character or more), {} without "
      "tokens{}\nvocabulary: {} entries\n",
      number(documents, "read"), number(documents, "kept"), number(documents, "too_symbolic"),
      documents.at("max_token_ratio").get<double>(), number(documents, "without_tokens"),
      bad > 0 ? fmt::format("; {} bad records left out", bad) : "",
      number(manifest.at("tokenizer"), "vocabulary_size"));
  for (const char* split : {"train", "validation"}) {
    const io::Json& counts = manifest.at(split);
    text += fmt::format("{}: {} documents, {:.1f} MB of text, {} tokens in {} sequences of {} ({} left over)",
                        split, number(counts, "documents"),
                        static_cast<double>(number(counts, "bytes")) / 1e6, number(counts, "tokens"),
                        number(counts, "sequences"), number(manifest.at("configuration"), "sequence_length"),
                        number(counts, "dropped_tokens"));
    if (counts.contains("bytes_per_token")) {
      text += fmt::format(", {:.2f} bytes a token", counts.at("bytes_per_token").get<double>());
    }
    text += '\n';
  }
  return text;
}

std::string manifest_difference(const io::Json& manifest, const io::Json& configuration,
                                const io::Json& sources) {
  std::vector<std::string> differences;
  if (!manifest.is_object() || !manifest.contains("configuration") || !manifest.contains("sources")) {
    return "it was not made by `espalier prepare`";
  }
  compare_objects(manifest["configuration"], configuration, differences);
  compare_sources(manifest["sources"], sources, differences);
  return joined(differences, "; ");
}

}  // namespace espalier::data
