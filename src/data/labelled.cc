#include "espalier/data/labelled.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "data/delimited.h"
#include "data/label_parser.h"
#include "espalier/base/error.h"
#include "espalier/data/permutation.h"
#include "espalier/data/table_reader.h"
#include "text/utf8.h"

namespace espalier::data {
namespace {

struct ColumnIndices {
  std::size_t text = 0, text_pair = 0, label = 0;
};

ColumnIndices find_columns(const TableReader& reader, const LabelledColumns& columns) {
  ColumnIndices indices;
  indices.text = reader.column(columns.text, "task.text");
  if (!columns.text_pair.empty()) indices.text_pair = reader.column(columns.text_pair, "task.text_pair");
  if (!columns.label.empty()) indices.label = reader.column(columns.label, "task.label");
  return indices;
}

// Class numbers are only known once every label has been seen.
void discover(LabelledData& data, const std::vector<std::string>& labels) {
  const std::set<std::string> distinct(labels.begin(), labels.end());
  if (distinct.size() < 2) {
    throw InputError(fmt::format(
        "{}: all {} rows have the label `{}`; a classifier needs rows of two classes or more to learn from",
        data.source.string(), labels.size(), *distinct.begin()));
  }
  data.labels = LabelSet::discovered(distinct);
  for (std::size_t i = 0; i < labels.size(); ++i) data.rows[i].label = data.labels.find(labels[i]);
}

// A column that is empty throughout is the wrong one: nothing can be learned from it.
void require_texts(const LabelledData& data, const LabelledColumns& columns) {
  const auto check = [&](const std::string& column, const char* key, auto text_of) {
    const bool any = std::any_of(data.rows.begin(), data.rows.end(),
                                 [&](const Example& example) { return !trimmed(text_of(example)).empty(); });
    if (any) return;
    throw InputError(fmt::format("{}: the column `{}` ({}) is empty in all {} rows; name the column of texts",
                                 data.source.string(), column, key, data.rows.size()));
  };
  check(columns.text, "task.text", [](const Example& example) -> std::string_view { return example.text; });
  if (!data.pairs) return;
  check(columns.text_pair, "task.text_pair",
        [](const Example& example) -> std::string_view { return example.text_pair; });
}

// The label of a row. As the name of a class it has to fit into JSON and into a line of a table.
std::string label_of(const TableReader& reader, const Row& row, std::size_t column) {
  std::string label = reader.value(row, column);
  if (!text::is_utf8(label) || (row.repaired && label.find("\xEF\xBF\xBD") != label.npos)) {
    std::string buffer;
    reader.fail(row.line,
                fmt::format("the label `{}` is not UTF-8; convert the file, from Latin-1 as by iconv "
                            "-f latin1 -t utf-8",
                            text::repair_utf8(label, buffer)));
  }
  if (label.find_first_of("\t\n\r") != std::string::npos) {
    std::replace_if(
        label.begin(), label.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    reader.fail(row.line, fmt::format("the label `{}` holds a tab or a line end, which the name of a class "
                                      "cannot: tables of predictions have a line a row",
                                      label));
  }
  return label;
}

// Texts and label of a row: its class, or the label itself where classes are yet to be found.
std::string read_example(const TableReader& reader, const Row& row, const ColumnIndices& indices,
                         const LabelledData& data, bool discovering, Example& example) {
  example.line = row.line;
  example.repaired = row.repaired;
  example.text = reader.text(row, indices.text);
  if (data.pairs) example.text_pair = reader.text(row, indices.text_pair);
  if (!data.has_labels) return "";
  std::string label = label_of(reader, row, indices.label);
  if (!discovering) parse_label(label, data, example);
  return label;
}

}  // namespace

void parse_label(const std::string& text, const LabelledData& data, Example& example, const char* unknown) {
  if (data.regression) {
    double value = 0;
    if (!parse_number(text, value)) {
      throw BadRecord(
          data.source, example.line,
          fmt::format("expected a finite number as label (this is a regression), found `{}`", text));
    }
    // It would become infinite, and every loss with it.
    if (std::abs(value) > std::numeric_limits<float>::max()) {
      throw BadRecord(
          data.source, example.line,
          fmt::format("expected a label of at most 3.4e38, which a 32-bit number can hold (this is "
                      "a regression), found `{}`; scale the labels",
                      text));
    }
    example.value = static_cast<float>(value);
    return;
  }
  example.label = data.labels.find(text);
  if (example.label < 0) {
    double value = 0;
    constexpr std::int32_t kManyNumbers = 20;
    const bool amount = parse_number(text, value) && data.labels.size() > kManyNumbers;
    throw InputError(
        fmt::format("label `{}` at {}:{} {}; known: {}{}", text, data.source.string(), example.line, unknown,
                    data.labels.listed(),
                    amount ? "; if labels are amounts, task.regression=true predicts the number" : ""));
  }
}

LabelledData read_labelled(const std::filesystem::path& path, const LabelledColumns& columns,
                           const LabelSet* known) {
  TableReader reader(path, columns.format ? *columns.format : table_format(path), columns.table);
  const ColumnIndices indices = find_columns(reader, columns);
  LabelledData data;
  data.source = path;
  data.pairs = !columns.text_pair.empty();
  data.has_labels = !columns.label.empty();
  data.regression = columns.regression;
  if (known != nullptr && !data.regression) data.labels = *known;
  const bool discovering = data.has_labels && !data.regression && known == nullptr;
  std::vector<std::string> discovered;
  for (Row row; reader.next(row);) {
    Example example;
    std::string label;
    try {
      label = read_example(reader, row, indices, data, discovering, example);
    } catch (const BadRecord& record) {
      reader.leave_out(record);
      continue;
    }
    if (discovering) discovered.push_back(std::move(label));
    data.rows.push_back(std::move(example));
  }
  data.left_out = reader.left_out();
  if (data.rows.empty()) {
    throw InputError(fmt::format("{}: no row can be used: {}", path.string(), data.left_out.text()));
  }
  require_texts(data, columns);
  if (discovering) discover(data, discovered);
  return data;
}

void subsample(LabelledData& data, std::int64_t count, std::uint64_t seed) {
  const auto rows = static_cast<std::int64_t>(data.rows.size());
  ESPALIER_CHECK(count >= 0);
  if (count == 0 || count >= rows) return;
  const KeyedPermutation order(seed, 0, rows);
  std::set<std::int64_t> chosen;
  for (std::int64_t i = 0; i < count; ++i) chosen.insert(order(i));
  std::vector<Example> kept;
  kept.reserve(static_cast<std::size_t>(count));
  for (const std::int64_t row : chosen) kept.push_back(std::move(data.rows[static_cast<std::size_t>(row)]));
  data.rows = std::move(kept);
}

namespace {

// A class of a set, and how many of its rows are held out.
struct HeldClass {
  std::int32_t label = 0;
  std::vector<std::size_t> rows;
  std::int64_t count = 0;
  double remainder = 0;

  std::int64_t most() const { return static_cast<std::int64_t>(rows.size()) - 1; }
};

// By largest remainder, so that the share holds for all together where classes are small.
void apportion(std::vector<HeldClass>& classes, double share, std::size_t rows) {
  auto left = std::max(std::llround(share * static_cast<double>(rows)), 1LL);
  for (HeldClass& one : classes) {
    const double ideal = share * static_cast<double>(one.rows.size());
    one.count = std::min(one.most(), static_cast<std::int64_t>(ideal));
    one.remainder = ideal - static_cast<double>(one.count);
    left -= one.count;
  }
  const KeyedPermutation ties(0, 0, static_cast<std::int64_t>(classes.size()));
  std::vector<std::size_t> order;
  for (std::int64_t i = 0; i < ties.size(); ++i) order.push_back(static_cast<std::size_t>(ties(i)));
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return classes[a].remainder > classes[b].remainder; });
  for (const std::size_t one : order) {
    if (left <= 0) return;
    if (classes[one].count == classes[one].most()) continue;
    ++classes[one].count;
    --left;
  }
}

}  // namespace

LabelledData hold_out(LabelledData& data, double share) {
  std::map<std::int32_t, HeldClass> by_label;  // of regressions all are class 0
  for (std::size_t row = 0; row < data.rows.size(); ++row) by_label[data.rows[row].label].rows.push_back(row);
  std::vector<HeldClass> classes;
  for (auto& [label, one] : by_label) {
    one.label = label;
    classes.push_back(std::move(one));
  }
  apportion(classes, share, data.rows.size());
  std::vector<bool> held(data.rows.size(), false);
  for (const HeldClass& one : classes) {
    const KeyedPermutation order(0, static_cast<std::uint64_t>(one.label), one.most() + 1);
    for (std::int64_t i = 0; i < one.count; ++i) held[one.rows[static_cast<std::size_t>(order(i))]] = true;
  }
  std::vector<Example> all;
  all.swap(data.rows);
  LabelledData result = data;
  result.skipped.clear();
  result.left_out = {};
  for (std::size_t row = 0; row < all.size(); ++row)
    (held[row] ? result.rows : data.rows).push_back(std::move(all[row]));
  if (result.rows.empty() || data.rows.empty()) {
    throw InputError(fmt::format(
        "{}: a share of {:g} of its {} rows leaves nothing to evaluate on; hold out more, or give "
        "a file of its own",
        data.source.string(), share, all.size()));
  }
  return result;
}

std::vector<std::int64_t> class_counts(const LabelledData& data) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(data.labels.size()), 0);
  for (const Example& example : data.rows) ++counts.at(static_cast<std::size_t>(example.label));
  return counts;
}

}  // namespace espalier::data
