#include "report/predictions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "espalier/base/error.h"
#include "espalier/data/glue.h"
#include "espalier/data/labels.h"
#include "espalier/data/table_reader.h"
#include "train/finetune_data.h"

namespace espalier::report {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMistakes = 10, kClasses = 20;
// Of each seed; what is among the ten largest of several is among these of one of them.
constexpr std::size_t kKept = 10'000;

using Pairs = std::map<std::pair<std::string, std::string>, std::int64_t>;  // (label, prediction): rows

// The largest of any number, in the memory of twice kKept.
class LargestMistakes {
 public:
  void add(Mistake mistake) {
    mistakes_.push_back(std::move(mistake));
    if (mistakes_.size() == 2 * kKept) keep(kKept);
  }
  std::vector<Mistake> take(std::size_t most) {
    keep(most);
    return std::move(mistakes_);
  }

 private:
  // In order; of equals those that came first.
  void keep(std::size_t most) {
    std::stable_sort(mistakes_.begin(), mistakes_.end(),
                     [](const Mistake& a, const Mistake& b) { return weight(a) > weight(b); });
    if (mistakes_.size() > most) mistakes_.resize(most);
  }
  static double weight(const Mistake& mistake) { return mistake.size * static_cast<double>(mistake.seeds); }

  std::vector<Mistake> mistakes_;
};

// What the seeds are wrong about in a row.
struct Tally {
  Mistake surest;
  double sum = 0;
  std::size_t seeds = 0;
};
using Tallies = std::map<std::uint64_t, Tally>;  // by line

void add_seed(std::vector<Mistake> mistakes, Tallies& tallies) {
  for (Mistake& mistake : mistakes) {
    Tally& tally = tallies[mistake.line];
    tally.sum += mistake.size;
    if (tally.seeds++ == 0 || mistake.size > tally.surest.size) tally.surest = std::move(mistake);
  }
}

std::vector<Mistake> largest_of(Tallies tallies) {
  LargestMistakes largest;
  for (auto& [line, tally] : tallies) {
    tally.surest.size = tally.sum / static_cast<double>(tally.seeds);
    tally.surest.seeds = tally.seeds;
    largest.add(std::move(tally.surest));
  }
  return largest.take(kMistakes);
}

// The most frequent labels, in the order that numbers and names have.
void set_confusion(const Pairs& pairs, PredictionSummary& summary) {
  std::map<std::string, std::int64_t> counts;
  for (const auto& [pair, rows] : pairs) {
    counts[pair.first] += rows;
    counts[pair.second] += 0;
  }
  std::vector<std::pair<std::int64_t, std::string>> by_count;
  for (const auto& [name, rows] : counts) by_count.emplace_back(-rows, name);
  std::sort(by_count.begin(), by_count.end());
  std::set<std::string> kept;
  for (const auto& [rows, name] : by_count) {
    if (kept.size() < kClasses) kept.insert(name);
  }
  summary.other_classes = static_cast<std::int64_t>(counts.size() - kept.size());
  summary.classes = data::LabelSet::discovered(kept).names();
  for (const std::string& label : summary.classes) {
    summary.class_rows.push_back(counts[label]);
    std::vector<std::int64_t>& row = summary.confusion.emplace_back();
    for (const std::string& prediction : summary.classes) {
      const auto found = pairs.find({label, prediction});
      row.push_back(found == pairs.end() ? 0 : found->second);
    }
  }
}

double number_in(const data::TableReader& reader, const data::Row& row, std::size_t column) {
  double value = 0;
  const std::string text = reader.value(row, column);
  if (!data::parse_number(text, value)) reader.fail(row.line, fmt::format("`{}` is no number", text));
  return value;
}

void read_rows(const fs::path& file, Pairs& pairs, Tallies& tallies, PredictionSummary& summary) {
  data::TableReader reader(file, data::TableFormat::kTsv);
  const auto column = [&](const std::string& name) { return reader.column(name, "predictions"); };
  const std::size_t line = column("line"), label = column("label"), prediction = column("prediction");
  const std::vector<std::string>& names = reader.columns();
  summary.regression = std::find(names.begin(), names.end(), "probability") == names.end();
  const std::size_t sureness = summary.regression ? prediction : column("probability");
  LargestMistakes mistakes;
  for (data::Row row; reader.next(row);) {
    ++summary.rows;
    Mistake mistake{static_cast<std::uint64_t>(number_in(reader, row, line)),
                    reader.value(row, label),
                    reader.value(row, prediction),
                    number_in(reader, row, sureness),
                    1,
                    {},
                    {}};
    if (summary.regression) {
      mistake.size = std::abs(mistake.size - number_in(reader, row, label));
    } else {
      ++pairs[{mistake.label, mistake.prediction}];
      if (mistake.label == mistake.prediction) continue;
    }
    ++summary.wrong;
    mistakes.add(std::move(mistake));
  }
  add_seed(mistakes.take(kKept), tallies);
  ++summary.seeds;
}

data::LabelledData evaluation_rows(const config::TaskConfig& task, const std::string& suffix) {
  if (data::is_glue_task(task.name)) {
    const data::GlueTask& glue = data::find_glue_task(task.name);
    for (const data::GlueFile& file : glue.dev_files()) {
      if (file.suffix == suffix) return data::read_glue(glue, task.dir, file.split);
    }
  }
  return data::read_labelled(task.dev.empty() ? task.train : task.dev, train::labelled_columns(task));
}

// As a table of predictions writes it, in whatever spelling of a number.
bool has_label(const data::LabelledData& data, const data::Example& row, const std::string& label) {
  if (!data.regression) {
    const std::string& own = data.labels.name(row.label);
    double a = 0, b = 0;
    return own == label || (data::parse_number(own, a) && data::parse_number(label, b) && a == b);
  }
  double value = 0;
  return data::parse_number(label, value) && static_cast<float>(value) == row.value;
}

void add_texts(const config::TaskConfig& task, PredictionSummary& summary) {
  if (summary.mistakes.empty()) return;
  try {
    const data::LabelledData data = evaluation_rows(task, summary.suffix);
    std::vector<const data::Example*> rows;
    for (const Mistake& mistake : summary.mistakes) {
      const auto row = std::find_if(data.rows.begin(), data.rows.end(), [&](const data::Example& example) {
        return example.line == mistake.line;
      });
      if (row == data.rows.end() || !has_label(data, *row, mistake.label)) {
        summary.notes.push_back(
            fmt::format("the texts are not shown: {} has changed since (line {} had the label {})",
                        data.source.string(), mistake.line, mistake.label));
        return;
      }
      rows.push_back(&*row);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      summary.mistakes[i].text = rows[i]->text;
      summary.mistakes[i].text_pair = rows[i]->text_pair;
    }
  } catch (const Error& error) {
    summary.notes.push_back(fmt::format("the texts cannot be shown: {}", error.what()));
  }
}

}  // namespace

std::vector<PredictionSummary> read_predictions(const std::vector<fs::path>& runs,
                                                const config::TaskConfig& task) {
  std::vector<PredictionSummary> all;
  for (const char* suffix : {"", "_mm"}) {
    Pairs pairs;
    Tallies tallies;
    PredictionSummary summary{.suffix = suffix};
    for (const fs::path& run : runs) {
      const fs::path file = run / fmt::format("predictions_dev{}.tsv", suffix);
      if (!fs::exists(file)) continue;
      try {
        read_rows(file, pairs, tallies, summary);
      } catch (const Error& error) {
        summary = {.suffix = suffix, .notes = {error.what()}};
        break;
      }
    }
    if (summary.seeds > 0) {
      if (!summary.regression) set_confusion(pairs, summary);
      summary.mistakes = largest_of(std::move(tallies));
      add_texts(task, summary);
    }
    if (summary.seeds > 0 || !summary.notes.empty()) all.push_back(std::move(summary));
  }
  return all;
}

}  // namespace espalier::report
