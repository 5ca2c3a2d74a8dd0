#include "tests/data/prepare_support.h"

#include "espalier/base/philox.h"

namespace espalier::testing {
namespace {

const char* const kWords[] = {"the",  "cat",   "sat",   "on",   "mat",      "while",   "rain",    "fell",
                              "over", "hills", "and",   "old",  "farmers",  "drank",   "their",   "tea",
                              "in",   "quiet", "rooms", "with", "children", "playing", "outside", "today"};

}  // namespace

std::span<const char* const> prose_words() {
  return kWords;
}

std::string prose(int documents, std::uint64_t seed) {
  const Philox random(seed, RandomStream::kTest);
  std::string text;
  std::uint64_t draw = 0;
  for (int document = 0; document < documents; ++document) {
    for (int sentence = 0; sentence < 12; ++sentence) {
      const int words = 3 + document % 9;
      for (int word = 0; word < words; ++word) {
        text += kWords[random.below(draw++, 24)];
        text += word + 1 < words ? " " : ". ";
      }
    }
    text += "\n\n";
  }
  return text;
}

data::PrepareOptions prepare_options(const TempDir& dir, const std::string& files) {
  data::PrepareOptions options;
  options.text_files = {(dir.path() / files).string()};
  options.out = dir / "out";
  options.vocabulary_size = 120;
  options.sequence_length = 16;
  options.validation_fraction = 0.2;
  options.order = data::SequenceOrder::kStored;
  return options;
}

std::string error_of_preparing(const data::PrepareOptions& options) {
  return error_of([&] { data::prepare(options); });
}

std::vector<Ids> sequences_of(const std::filesystem::path& out, io::Split split) {
  const io::TokenStoreReader store = io::open_token_store(out);
  std::vector<Ids> sequences;
  for (std::int64_t i = 0; i < store.sequences(split); ++i) {
    Ids& sequence = sequences.emplace_back(static_cast<std::size_t>(store.sequence_length()));
    store.read(split, i, sequence);
  }
  return sequences;
}

std::set<std::string> files_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

}  // namespace espalier::testing
