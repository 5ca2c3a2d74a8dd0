#include "cli/text_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/table_options.h"
#include "data/delimited.h"
#include "espalier/base/checksum.h"
#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/data/labels.h"
#include "espalier/processes/processes.h"
#include "train/agreement.h"

namespace espalier::cli {

TextSource::TextSource(const TextSourceOptions& options, const model::LoadedModel& model)
    : texts_(options.texts), pair_(options.pair), trained_(train::columns_of(model)) {
  if (model.tokenizer) unread_.emplace(*model.tokenizer);
  if (options.file.empty() && texts_.empty()) throw InputError("no text: give TEXT arguments or --file");
  check_pairs(options);
  if (options.file.empty()) {
    if (!options.text_column.empty() || !options.pair_column.empty()) {
      throw InputError("--text-column and --pair-column name columns of --file, which is not given");
    }
    return;
  }
  table_.emplace(options.file, options.format, options.table);
  choose_columns(options);
  if (!options.label_column.empty()) label_column_ = table_->column(options.label_column, "--label-column");
  label_is_number_ = options.label_is_number;
}

// Half of what a model of pairs reads must not be missing unsaid, nor be there in vain.
void TextSource::check_pairs(const TextSourceOptions& options) const {
  const bool trained_on_pairs = !trained_.text_pair.empty();
  if (!options.takes_pairs) {
    if (trained_on_pairs) {
      log_warning(
          fmt::format("the model was trained on pairs of texts (`{}` and `{}`); here it reads single texts",
                      trained_.text, trained_.text_pair));
    }
    return;
  }
  if (pair_ && !options.file.empty()) {
    throw InputError("--pair goes with a TEXT argument; for --file name the --pair-column");
  }
  if (pair_ && texts_.size() != 1) {
    throw InputError(
        fmt::format("--pair is the second part of one TEXT, but {} are given; use --file", texts_.size()));
  }
  if (options.file.empty() && trained_on_pairs && !pair_) {
    throw InputError(fmt::format(
        "the model was trained on pairs of texts (`{}` and `{}`): give the second text as --pair TEXT, "
        "or many pairs by --file",
        trained_.text, trained_.text_pair));
  }
  if (!trained_on_pairs && !trained_.text.empty() && (pair_ || !options.pair_column.empty())) {
    log_warning(
        "the model was trained on single texts; a second text is nothing that it has learned to read");
  }
}

std::string TextSource::text_column_name(const TextSourceOptions& options) const {
  if (!options.text_column.empty()) return options.text_column;
  if (!trained_.text_pair.empty()) return trained_.text;
  const std::string usual = usual_text_column(*table_, options.table.header);
  // A single column leaves no choice, unless its name may be a first row taken for a header.
  if (table_->columns() == std::vector<std::string>{usual}) return usual;
  // Another column that happens to be there is not what the model has learned to read. Plain text has none.
  if (!trained_.text.empty() && table_->format() != data::TableFormat::kText) return trained_.text;
  return usual;
}

void TextSource::choose_columns(const TextSourceOptions& options) {
  const bool named = options.table.header && (table_->format() == data::TableFormat::kCsv ||
                                              table_->format() == data::TableFormat::kTsv);
  // A first row is no header because its values are the numbers of columns.
  const bool settled =
      trained_.text_pair.empty() &&
      table_->columns() == std::vector<std::string>{usual_text_column(*table_, options.table.header)};
  if (named && !trained_.header && options.text_column.empty() && !settled) {
    throw InputError(
        fmt::format("{}: the model was trained on column {} of tables without a header: give --no-header, or "
                    "--text-column for a "
                    "table with one",
                    table_->path().string(), trained_.text));
  }
  std::string trained;
  if (!trained_.text_pair.empty() && options.takes_pairs) {
    trained =
        fmt::format("; the model was trained on pairs of `{}` and `{}`", trained_.text, trained_.text_pair);
  } else if (options.text_column.empty() && !trained_.text.empty()) {
    trained = "; the model was fine-tuned on it";
  }
  text_column_ = table_->column(text_column_name(options), "--text-column" + trained);
  if (!options.takes_pairs) return;
  const std::string pair = options.pair_column.empty() ? trained_.text_pair : options.pair_column;
  if (!pair.empty()) pair_column_ = table_->column(pair, "--pair-column" + trained);
}

std::string TextSource::label_of(const data::Row& row) const {
  std::string label = table_->value(row, *label_column_);
  double value = 0;
  if (label_is_number_ && !data::parse_number(label, value)) {
    table_->fail(
        row.line,
        fmt::format("expected a finite number as label (the model is a regression), found `{}`", label));
  }
  return label;
}

// False after the last.
bool TextSource::read_row(TextRow& row) {
  while (table_->next(row.row)) {
    try {
      row.text = table_->text(row.row, text_column_);
      if (pair_column_) row.pair = table_->text(row.row, *pair_column_);
      if (label_column_) row.label = label_of(row.row);
      return true;
    } catch (const data::BadRecord& record) {
      table_->leave_out(record);
    }
  }
  if (rows_ == 0) fail_without_rows(*table_);
  return false;
}

// Each process computes a part of them.
static void require_same_rows(const std::vector<TextRow>& rows) {
  if (processes::alone()) return;
  Checksum checksum;
  for (const TextRow& row : rows) {
    for (const std::string& text : {row.text, row.pair}) checksum.update(text.c_str(), text.size() + 1);
  }
  processes::require_alike(checksum.hex(), "--file");
}

bool TextSource::next(std::size_t most, std::vector<TextRow>& rows) {
  train::leave_if_asked("stopped before the end of the texts");
  if (failure_) std::rethrow_exception(failure_);
  rows.clear();
  while (!table_ && rows.size() < most && next_text_ < texts_.size()) {
    rows.push_back({texts_[next_text_++], pair_.value_or(""), {}});
    bytes_.look(rows.back().text, rows.back().pair);
  }
  while (table_ && rows.size() < most) {
    TextRow row;
    try {
      if (!read_row(row)) break;
    } catch (const InputError&) {
      if (rows.empty()) throw;
      failure_ = std::current_exception();
      break;
    }
    ++rows_;
    bytes_.look(row.text, row.pair, row.row.line, row.row.repaired);
    if (data::trimmed(row.text).empty()) blank_texts_.add(row.row.line);
    if (pair_column_ && data::trimmed(row.pair).empty()) blank_pairs_.add(row.row.line);
    rows.push_back(std::move(row));
  }
  for (const TextRow& row : rows) {
    if (unread_) unread_->add(row.pair.empty() ? row.text : row.text + " " + row.pair);
  }
  require_same_rows(rows);
  return !rows.empty();
}

void TextSource::leave_out(const TextRow& row, const std::string& reason) {
  if (!table_) throw InputError(reason);
  table_->leave_out(data::BadRecord(table_->path(), row.row.line, reason));
}

// An empty text has a prediction like any other, which says nothing.
void TextSource::report_blank(const Blank& blank, std::size_t column, const char* option) const {
  if (blank.rows == 0) return;
  const std::string where = table_->path().string();
  const std::string& name = table_->columns()[column];
  if (blank.rows == rows_) {
    throw InputError(fmt::format("{}: the column `{}` is empty in all {} rows; name another by {}", where,
                                 name, rows_, option));
  }
  log_warning(fmt::format(
      "{}: the column `{}` is empty in {} of {} rows (line {} first); what the model makes of these means "
      "nothing",
      where, name, blank.rows, rows_, blank.first_line));
}

void TextSource::report() const {
  if (table_) report_blank(blank_texts_, text_column_, "--text-column");
  if (pair_column_) report_blank(blank_pairs_, *pair_column_, "--pair-column");
  const std::string unread = unread_ ? unread_->warning() : "";
  if (!unread.empty()) log_warning(unread);
  if (table_) report_left_out(*table_);
  bytes_.report(table_ ? table_->path().string() : "");
}

}  // namespace espalier::cli
