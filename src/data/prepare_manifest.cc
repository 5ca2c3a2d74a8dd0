#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <span>
#include <sstream>
#include <string_view>
#include <vector>

#include "base/joined.h"
#include "data/prepare_parts.h"
#include "espalier/base/checksum.h"
#include "espalier/base/error.h"
#include "espalier/io/tokenizer_source.h"
#include "espalier/processes/processes.h"

namespace espalier::data {
namespace {

// Raised when the same text and settings would give another result than before.
constexpr int kPipelineVersion = 3;

// Do not change the result, or are recorded in another way.
constexpr std::array<std::string_view, 4> kNotRecorded = {"text.files", "tokenizer.path", "sort_memory_mb",
                                                          "out"};
// Recorded whatever they are. Another key, known today or not yet, is recorded where it is not at its
// default: stores from before it came stay what they were.
constexpr std::array<std::string_view, 12> kAlwaysRecorded = {"text.max_document_bytes",
                                                              "text.max_token_ratio",
                                                              "tokenizer.vocab_size",
                                                              "tokenizer.normalizer",
                                                              "tokenizer.lowercase",
                                                              "tokenizer.limit_alphabet",
                                                              "tokenizer.max_words",
                                                              "tokenizer.sample_bytes",
                                                              "sequence_length",
                                                              "validation_fraction",
                                                              "order",
                                                              "seed"};

template <std::size_t count>
bool holds(const std::array<std::string_view, count>& keys, const std::string& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

io::Json value_of(const config::Setting& setting) {
  const std::string& text = setting.values.at(0);
  return setting.kind == config::Kind::kText ? io::Json(text) : io::parse_json(text, setting.key);
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
  const std::vector<config::Setting> settings = config::settings_of(options);
  const std::vector<config::Setting> defaults = config::settings_of(PrepareOptions());
  io::Json json;
  json["pipeline"] = kPipelineVersion;
  json["tokenizer.path"] = own_tokenizer;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const std::string& key = settings[i].key;
    if (holds(kNotRecorded, key)) continue;
    if (!own_tokenizer.empty() && key.starts_with("tokenizer.")) continue;  // they are of training one
    if (holds(kAlwaysRecorded, key) || settings[i].values != defaults[i].values)
      json[key] = value_of(settings[i]);
  }
  if (own_tokenizer.empty() && !names_normalizer(options.normalizer)) {
    json["tokenizer.normalizer"] = tokenizer_checksum(options.normalizer);
  }
  return json;
}

std::vector<std::string> source_checksums(const PrepareJob& job) {
  const processes::Place place = processes::place();
  std::uint64_t total = 0, before = 0;
  std::string sizes;
  for (const std::filesystem::path& file : job.files) {
    total += std::filesystem::file_size(file);
    sizes += fmt::format("{} ", std::filesystem::file_size(file));
  }
  processes::require_alike(sizes, "text.files");
  std::string own;  // a line each
  for (std::size_t i = 0; i < job.files.size(); ++i) {
    const auto step = [&](std::uint64_t done) { job.step("reading sources", before + done, total); };
    if (i % static_cast<std::size_t>(place.count) == static_cast<std::size_t>(place.number)) {
      own += checksum_of(job.files[i], step) + '\n';
    }
    before += std::filesystem::file_size(job.files[i]);
  }
  std::vector<std::istringstream> lines;
  for (const processes::Bytes& bytes : processes::gather(std::as_bytes(std::span(own)))) {
    lines.emplace_back(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  std::vector<std::string> checksums(job.files.size());
  for (std::size_t i = 0; i < checksums.size(); ++i) std::getline(lines[i % lines.size()], checksums[i]);
  return checksums;
}

io::Json sources_json(const PrepareJob& job, const std::vector<std::string>& checksums) {
  io::Json sources = io::Json::array();
  for (std::size_t i = 0; i < job.files.size(); ++i) {
    io::Json source;
    source["file"] = job.shown[i].filename().string();
    source["bytes"] = std::filesystem::file_size(job.files[i]);
    source["checksum"] = checksums[i];
    sources.push_back(std::move(source));
  }
  return sources;
}

std::string prepare_summary(const io::Json& manifest) {
  const io::Json& documents = manifest.at("documents");
  const auto number = [](const io::Json& object, const char* key) {
    return object.at(key).get<std::int64_t>();
  };
  const std::int64_t bad = number(documents, "bad_records");
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
