#include "cli/text_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/config/fields.h"

namespace espalier::cli {

namespace {

// A key of the configuration the model was trained with; empty if it has none.
std::string trained_with(const train::LoadedModel& model, const std::string& key) {
  if (model.config_yaml.empty()) return "";
  for (const config::Setting& setting :
       config::parse_yaml(model.config_yaml, model.source.string() + ": config.yaml")) {
    if (setting.key == key && !setting.values.empty()) return setting.values[0];
  }
  return "";
}

}  // namespace

TextSource::TextSource(const TextSourceOptions& options, const train::LoadedModel& model)
    : texts_(options.texts), pair_(options.pair) {
  if (!options.file.empty()) {
    table_.emplace(options.file);
    choose_columns(options, model);
    return;
  }
  if (texts_.empty()) throw InputError("no text: give TEXT arguments or --file");
  if (!options.text_column.empty() || !options.pair_column.empty()) {
    throw InputError("--text-column and --pair-column name columns of --file, which is not given");
  }
  if (!pair_.empty() && texts_.size() != 1) {
    throw InputError(
        fmt::format("--pair is the second part of one TEXT, but {} are given; use --file", texts_.size()));
  }
}

bool TextSource::has_column(const std::string& name) const {
  return std::find(table_->columns().begin(), table_->columns().end(), name) != table_->columns().end();
}

void TextSource::choose_columns(const TextSourceOptions& options, const train::LoadedModel& model) {
  if (!pair_.empty()) throw InputError("--pair goes with a TEXT argument; for --file name the --pair-column");
  std::string text = options.text_column;
  for (const std::string& name :
       {trained_with(model, "task.text"), std::string("sentence"), std::string("text")}) {
    if (text.empty() && !name.empty() && has_column(name)) text = name;
  }
  if (text.empty()) text = "sentence";
  text_column_ = table_->column(text, "--text-column");
  std::string pair = options.pair_column;
  if (pair.empty() && options.text_column.empty()) {
    const std::string trained = trained_with(model, "task.text_pair");
    if (has_column(trained)) pair = trained;
  }
  if (!pair.empty()) pair_column_ = table_->column(pair, "--pair-column");
}

std::vector<TextRow> TextSource::next(std::size_t most) {
  if (const int signal = interrupt_signal()) throw Interrupted("stopped before the end of the texts", signal);
  std::vector<TextRow> rows;
  while (!table_ && rows.size() < most && next_text_ < texts_.size()) {
    rows.push_back({texts_[next_text_++], pair_, {}});
  }
  while (table_ && rows.size() < most) {
    TextRow row;
    if (!table_->next(row.row)) break;
    row.text = table_->text(row.row, text_column_);
    if (pair_column_) row.pair = table_->text(row.row, *pair_column_);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace espalier::cli
