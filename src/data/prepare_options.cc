// The keys of `espalier prepare`.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "data/prepare_parts.h"
#include "espalier/base/error.h"
#include "espalier/data/prepare.h"
#include "espalier/data/table_reader.h"
#include "io/byte_source.h"

namespace espalier::data {

static void describe_text(PrepareOptions& options, config::Fields& fields) {
  fields.add(
      "text.files", options.text_files,
      "Files of the corpus, as shell patterns: .txt (a paragraph a line, blank lines between documents), "
      ".jsonl "
      "or .ndjson (one object a line), .csv and .tsv (a row a document), also .gz or .zst; - is standard "
      "input.");
  fields.add("text.field", options.text_field, "Key or column of the text in .jsonl, .csv and .tsv.");
  fields.choice("text.format", options.text_format,
                {{"auto", std::nullopt},
                 {"txt", TableFormat::kText},
                 {"jsonl", TableFormat::kJsonl},
                 {"csv", TableFormat::kCsv},
                 {"tsv", TableFormat::kTsv}},
                "What all text.files hold; auto: by the extension, and txt for standard input.");
  fields.add("text.separator", options.text_separator,
             "Between the fields of .csv and .tsv: auto (comma in .csv, tab in .tsv), tab, comma, semicolon, "
             "pipe or the character.");
  fields.add("text.header", options.text_header,
             "Whether .csv and .tsv begin with a line of column names; without one columns go by number, "
             "from 1 (text.field=2).");
  fields.choice(
      "text.on_bad_record", options.on_bad_record,
      {{"stop", OnBadRecord::kStop}, {"skip", OnBadRecord::kSkip}},
      "At a record of .jsonl, .csv or .tsv without a text that can be read: stop, or skip it, counted.");
  fields.add("text.max_document_bytes", options.max_document_bytes,
             "Longer documents are cut in pieces, at line ends, that count as documents.",
             config::between(1024, 64 << 20));
  fields.add(
      "text.max_token_ratio", options.max_token_ratio,
      "Documents with this many tokens a character or more, <sep> included, are dropped as symbols (0.25 in "
      "the published recipe); 0: 0.25 where the vocabulary has 32768 entries of several characters or more, "
      "a tenth more for every halving to 1024, an eighth more for every one below, where 8 tokens are free, "
      "so that short texts stay, and letters outside ASCII may take 1.5 each; 9 keeps all.",
      config::between(0, 9));
}

static void describe_tokenizer(PrepareOptions& options, config::Fields& fields) {
  fields.add(
      "tokenizer.path", options.tokenizer_path,
      "A tokenizer to use as it is: a tokenizer.json, or a MODEL or folder with one; empty: a WordPiece "
      "tokenizer is trained on the text.");
  fields.add(
      "tokenizer.normalizer", options.normalizer,
      "What a trained tokenizer does to the text first. crammed: lower case, accents stripped, everything "
      "outside ASCII deleted (as published; for English). bert: BertNormalizer, which keeps every script. "
      "none: nothing. Or a tokenizer.json or MODEL whose normalizer and pre-tokenizer are taken.");
  fields.add("tokenizer.lowercase", options.lowercase,
             "bert: lower case without accents, as uncased models; false: as cased models.");
  fields.add(
      "tokenizer.limit_alphabet", options.limit_alphabet,
      "Most frequent characters that a trained tokenizer knows; words with others are unknown. Chinese "
      "and Japanese need some thousands.",
      config::between(1, 1 << 21));
  fields.add("tokenizer.vocab_size", options.vocabulary_size,
             "Entries of the trained tokenizer, special tokens included.", config::between(16, 1 << 24));
  fields.add("tokenizer.max_words", options.max_words,
             "Most words in the table that the tokenizer is trained from, about 110 bytes each at the peak; "
             "above it the "
             "rarest are dropped and counted.",
             config::between(1000, 1e9));
  fields.add("tokenizer.sample_bytes", options.tokenizer_sample_bytes,
             "Train the tokenizer on about this many bytes of text, taken from the start of each file in "
             "proportion to its size; 0: on all.",
             config::at_least(0));
  // A configuration's size of a tokenizer to train does not matter to who brings one.
  fields.replaces("tokenizer.path", {"tokenizer.vocab_size", "tokenizer.limit_alphabet",
                                     "tokenizer.max_words", "tokenizer.sample_bytes"});
}

void describe(PrepareOptions& options, config::Fields& fields) {
  describe_text(options, fields);
  describe_tokenizer(options, fields);
  fields.add("sequence_length", options.sequence_length, "Tokens of a sequence.", config::between(2, 65536));
  fields.add(
      "validation_fraction", options.validation_fraction,
      "Share of the documents, chosen by the hash of their text, that is held out for validation; where "
      "there are so few that one split might have no sequence, the nearest share that gives both one.",
      config::fraction_below_one());
  fields.choice("order", options.order,
                {{"stored", SequenceOrder::kStored},
                 {"shuffled", SequenceOrder::kShuffled},
                 {"full_stops", SequenceOrder::kFullStops}},
                "Order of the training sequences: stored is that of the text, shuffled is random, full_stops "
                "puts those with most full stops first, the recipe's curriculum.");
  fields.add(
      "sort_memory_mb", options.sort_memory_mb,
      "Memory for ordering the sequences; what does not fit goes to a temporary file in `out`, as large "
      "as all sequences.",
      config::between(1, 1 << 20));
  fields.add("out", options.out, "Folder for tokenizer.json and tokens.h5.");
  fields.add("seed", options.seed, "Key of the split and of the order.");
}

void validate(const PrepareOptions& options) {
  if (!names_normalizer(options.normalizer) && !std::filesystem::exists(options.normalizer)) {
    throw InputError(fmt::format(
        "tokenizer.normalizer: expected crammed, bert, none, or a tokenizer.json or MODEL, found `{}`",
        options.normalizer));
  }
  parse_separator(options.text_separator, "text.separator");
  if (options.text_files.empty())
    throw InputError("text.files: give the files to read, as [data/text/*.txt.gz]");
  if (!options.tokenizer_path.empty() && options.normalizer != PrepareOptions().normalizer) {
    throw InputError(
        "tokenizer.normalizer: the tokenizer of tokenizer.path has one of its own; give one of the two keys");
  }
  if (!options.tokenizer_path.empty()) {
    const PrepareOptions unset;
    const auto refuse = [&](bool is_set, const char* key) {
      if (!is_set) return;
      throw InputError(
          fmt::format("tokenizer.{}: nothing is trained where tokenizer.path={} gives the tokenizer; "
                      "give one of the two keys",
                      key, options.tokenizer_path));
    };
    refuse(options.vocabulary_size != unset.vocabulary_size, "vocab_size");
    refuse(options.limit_alphabet != unset.limit_alphabet, "limit_alphabet");
    refuse(options.max_words != unset.max_words, "max_words");
    refuse(options.tokenizer_sample_bytes != unset.tokenizer_sample_bytes, "sample_bytes");
  }
  if (!options.lowercase && options.normalizer != "bert" && options.normalizer != "none") {
    throw InputError("tokenizer.lowercase: false needs tokenizer.normalizer=bert");
  }
  if (options.out.empty()) throw InputError("out: give the folder to write to");
}

std::optional<TableFormat> format_of_all(const PrepareOptions& options,
                                         const std::vector<std::filesystem::path>& files) {
  const bool piped = std::any_of(files.begin(), files.end(), io::is_standard_input);
  std::optional<TableFormat> format = options.text_format;
  if (!format && piped) {
    if (files.size() > 1) {
      throw InputError(
          "text.files: standard input has no extension, other files have: say what all of them hold by "
          "text.format");
    }
    format = TableFormat::kText;
  }
  const auto has = [&](const auto& wanted) {
    if (format) return wanted(*format);
    return std::any_of(files.begin(), files.end(),
                       [&](const auto& file) { return wanted(table_format(file)); });
  };
  const bool separated =
      has([](TableFormat one) { return one == TableFormat::kCsv || one == TableFormat::kTsv; });
  const auto refuse = [](const char* key, const char* what) {
    throw InputError(
        fmt::format("{}: {}; leave it out, or say by text.format what text.files hold", key, what));
  };
  if (!separated && options.text_separator != "auto") refuse("text.separator", "no file is a .csv or .tsv");
  if (!separated && !options.text_header) refuse("text.header", "no file is a .csv or .tsv");
  if (!has([](TableFormat one) { return one != TableFormat::kText; }) && options.text_field != "text") {
    refuse("text.field", "all files are plain text, which has no keys or columns");
  }
  return format;
}

bool names_normalizer(const std::string& normalizer) {
  return normalizer == "crammed" || normalizer == "bert" || normalizer == "none";
}

double default_token_ratio(std::int64_t words) {
  const double halvings = 15 - std::log2(static_cast<double>(std::clamp<std::int64_t>(words, 1, 32768)));
  return 0.25 * std::pow(1.1, std::min(halvings, 5.0)) * std::pow(1.125, std::max(halvings - 5, 0.0));
}

}  // namespace espalier::data
