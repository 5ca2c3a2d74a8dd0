#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/joined.h"
#include "cli/table_options.h"
#include "cli/utf8_watch.h"
#include "cli/verbs.h"
#include "data/json_lines.h"
#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/base/log.h"
#include "espalier/data/table_reader.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/io/tokenizer_source.h"
#include "espalier/text/tokenizer.h"
#include "espalier/text/unread_texts.h"

namespace espalier::cli {
namespace {

struct TokenizeArguments {
  std::string model;
  std::vector<std::string> texts;
  std::string file;
  std::string text_column;
  std::string pair_column;
  TableArguments table;
  bool json = false;
};

// Whether the template tells the parts of a pair apart, as BERT's does and a crammed BERT's does not.
bool has_types(const text::TokenizerModel& model) {
  const auto& pieces = model.pair.pieces;
  return std::any_of(pieces.begin(), pieces.end(),
                     [](const text::TemplatePiece& piece) { return piece.type_id != 0; });
}

void print_encoding(const text::Tokenizer& tokenizer, text::UnreadTexts& unread, const std::string& text,
                    const std::optional<std::string>& pair, bool as_json) {
  if (const int signal = interrupt_signal()) throw Interrupted("stopped before the end of the texts", signal);
  unread.add(pair ? text + " " + *pair : text);
  const text::Encoding encoding =
      tokenizer.encode_with_types(text, pair ? std::optional<std::string_view>(*pair) : std::nullopt);
  const std::vector<std::int32_t>& ids = encoding.ids;
  if (as_json) {
    io::Json json;
    json["ids"] = ids;
    if (has_types(tokenizer.model())) json["types"] = encoding.type_ids;
    json["tokens"] = io::Json::array();
    for (const std::int32_t id : ids) json["tokens"].push_back(std::string(tokenizer.token(id)));
    json["decoded"] = tokenizer.decode(ids, true);
    json["decoded_with_special"] = tokenizer.decode(ids, false);
    fmt::print("{}\n", io::json_text(json, -1));
    return;
  }
  std::string line;
  for (const std::int32_t id : ids)
    line += fmt::format("{}{}:{}", line.empty() ? "" : " ", tokenizer.token(id), id);
  fmt::print("{}\n", line);
}

// The member of a JSON lines row as text; none if it is absent or null, unless it is `required`.
std::optional<std::string> member(const data::TableReader& table, const data::Row& row,
                                  const std::string& key, bool required) {
  const auto found = row.object.find(key);
  if (found != row.object.end() && !found->is_null())
    return data::json_line_text(row.object, key, table.path(), row.line);
  if (!required) return std::nullopt;
  std::vector<std::string> keys;
  for (const auto& item : row.object.items()) keys.push_back('`' + item.key() + '`');
  table.fail(row.line, fmt::format("expected an object with `{}`, found {}", key,
                                   keys.empty() ? "no key" : joined(keys)));
}

struct Texts {
  std::string text;
  std::optional<std::string> pair;
};

Texts texts_of(const TokenizeArguments& arguments, const data::TableReader& table, const data::Row& row) {
  std::string text = arguments.text_column;
  const std::string& pair = arguments.pair_column;
  if (table.format() == data::TableFormat::kJsonl) {
    if (text.empty()) text = "text";
    // A key that was asked for must be there; `pair` may.
    return {*member(table, row, text, true), member(table, row, pair.empty() ? "pair" : pair, !pair.empty())};
  }
  if (text.empty()) text = usual_text_column(table, !arguments.table.no_header);
  Texts texts{table.text(row, table.column(text, "--text-column")), std::nullopt};
  if (!pair.empty()) texts.pair = table.text(row, table.column(pair, "--pair-column"));
  return texts;
}

// Every row of --file; one that is bad stops, or is left out, as the options say.
void tokenize_file(const text::Tokenizer& tokenizer, text::UnreadTexts& unread,
                   const TokenizeArguments& arguments) {
  data::TableReader table(arguments.file, arguments.table.format_of(arguments.file),
                          arguments.table.options());
  Utf8Watch bytes;
  std::uint64_t rows = 0;
  for (data::Row row; table.next(row);) {
    try {
      const Texts texts = texts_of(arguments, table, row);
      bytes.look(texts.text, texts.pair.value_or(""), row.line, row.repaired);
      print_encoding(tokenizer, unread, texts.text, texts.pair, arguments.json);
      ++rows;
    } catch (const data::BadRecord& record) {
      table.leave_out(record);
    }
  }
  if (rows == 0 && table.left_out().count() > 0) fail_without_rows(table);
  report_left_out(table);
  bytes.report(table.path().string());
}

void run_tokenize(const TokenizeArguments& arguments) {
  if (arguments.texts.empty() == arguments.file.empty()) {
    throw InputError("no text: give TEXT arguments or --file");
  }
  const text::Tokenizer tokenizer =
      io::parse_tokenizer(io::tokenizer_json_of(arguments.model), arguments.model + ": tokenizer.json");
  text::UnreadTexts unread(tokenizer);
  Utf8Watch bytes;
  for (const std::string& text : arguments.texts) {
    bytes.look(text);
    print_encoding(tokenizer, unread, text, std::nullopt, arguments.json);
  }
  if (arguments.file.empty()) {
    bytes.report("");
  } else {
    tokenize_file(tokenizer, unread, arguments);
  }
  const std::string warning = unread.warning();
  if (!warning.empty()) log_warning(warning);
}

}  // namespace

void add_tokenize(Command& app) {
  const auto arguments = std::make_shared<TokenizeArguments>();
  Command* verb = app.add_subcommand("tokenize", "The tokens and ids of texts");
  verb->add_option("MODEL", arguments->model, "A tokenizer.json, or any model or folder that holds one")
      ->required();
  Option* texts =
      verb->add_option("TEXT", arguments->texts, "Texts (put -- before one that begins with a dash)");
  Option* file = verb->add_option("--file", arguments->file,
                                  "Texts from a .jsonl (keys text and, optionally, pair), .txt (a text a "
                                  "line), .tsv or .csv, also .gz or .zst; - is standard input")
                     ->check(a_path());
  texts->excludes(file);
  verb->add_option(
          "--text-column", arguments->text_column,
          "Column or key of the texts in --file (default: text in .jsonl; else sentence, or text where that "
          "alone is there)")
      ->needs(file);
  verb->add_option("--pair-column", arguments->pair_column, "Column or key of the second parts in --file")
      ->needs(file);
  add_table_options(*verb, arguments->table, file);
  verb->add_flag(
      "--json", arguments->json,
      "A line of JSON an input: ids, types (of a tokenizer that tells the parts of a pair apart), tokens, "
      "decoded (without special tokens), decoded_with_special. tokens are the vocabulary's names of the ids "
      "(<unk> for a word that it has not), not parts of the text");
  verb->callback([arguments] { run_tokenize(*arguments); });
}

}  // namespace espalier::cli
