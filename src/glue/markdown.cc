// results.json in the layout of the published table.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "espalier/base/progress.h"
#include "espalier/data/glue.h"
#include "espalier/data/glue_published.h"
#include "espalier/glue/glue.h"
#include "glue/report.h"
#include "glue/summary.h"

namespace espalier::glue {
namespace {

std::string cell(const std::optional<double>& value) {
  return value ? " " + tenths(*value) + " |" : " - |";
}

std::string table_row(const std::string& model, const std::string& neurons,
                      const std::vector<std::optional<double>>& scores, const std::optional<double>& without,
                      const std::optional<double>& with) {
  std::string row = fmt::format("| {} | {} |", model, neurons);
  // CoLA stands behind the average that leaves it out.
  for (std::size_t i = 0; i + 1 < scores.size(); ++i) row += cell(scores[i]);
  return row + cell(without) + cell(scores.back()) + cell(with) + "\n";
}

std::string neurons_text(const io::Json& model) {
  const auto all = model.at("neurons").get<double>(), used = model.at("neurons_used").get<double>();
  return all > 0 ? fmt::format("{:.0f}, {:.2g} %", all, 100 * used / all) : "0";
}

std::string headline_table(const io::Json& results) {
  std::string text = "| model | neurons, used |";
  std::string rule = "|---|---|";
  for (std::size_t i = 0; i + 1 < data::glue_columns().size(); ++i) {
    text += fmt::format(" {} |", data::glue_columns()[i].title);
    rule += "---|";
  }
  text += " avg w/o CoLA | CoLA | avg |\n" + rule + "---|---|---|\n";
  const auto scores = column_scores(results);
  text += table_row(fmt::format("**{}**", results.at("model").at("path").get<std::string>()),
                    neurons_text(results.at("model")), scores, data::glue_average(scores, false),
                    data::glue_average(scores, true));
  for (const data::PublishedGlue& row : data::published_glue()) {
    text += table_row(row.model + " (published)", row.neurons, {row.scores.begin(), row.scores.end()},
                      row.average_without_cola, row.average);
  }
  return text;
}

std::string percent(const io::Json& spread, const char* key) {
  return tenths(100 * spread.at(key).get<double>());
}

// "12.3 (11.0 .. 13.1)"
std::string spread_text(const io::Json& spread) {
  if (!spread.at("median").is_number()) return "-";
  return fmt::format("{} ({} .. {})", percent(spread, "median"), percent(spread, "min"),
                     percent(spread, "max"));
}

std::string interval_text(const io::Json& spread) {
  if (!spread.at("low").is_number()) return "-";
  return fmt::format("{} .. {}", percent(spread, "low"), percent(spread, "high"));
}

std::string all_scores_table(const io::Json& results) {
  const std::string epoch = results.at("epoch").get<std::string>();
  std::string text = fmt::format(
      "| task | set | metric | rows | last epoch: median (min .. max) | best epoch: median (min .. max) | "
      "95 % interval, {} epoch | train rows | seeds | lr | batch | time | tokens/s | padding |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
      epoch);
  for (const auto& [name, task] : results.at("tasks").items()) {
    for (const io::Json& score : task.at("scores")) {
      text += fmt::format(
          "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.0f} | {:.1f} % |\n",
          task.at("title").get<std::string>(), score.at("set").get<std::string>(),
          score.at("metric").get<std::string>(), score.at("n").get<std::int64_t>(),
          spread_text(score.at("last")), spread_text(score.at("best")), interval_text(score.at(epoch)),
          task.at("train_rows").get<std::int64_t>(), task.at("runs").size(), task.at("lr").get<double>(),
          task.at("batch_size").get<std::int64_t>(), clock_text(task.at("seconds").get<double>()),
          task.at("tokens_per_second").get<double>(), 100 * task.at("padding_share").get<double>());
    }
  }
  return text;
}

std::string notes(const io::Json& results) {
  std::string text;
  for (const auto& [name, task] : results.at("tasks").items()) {
    const data::GlueTask& known = data::find_glue_task(name);
    const std::int64_t official = known.files.front().official_rows;
    if (task.at("train_rows").get<std::int64_t>() != official) {
      text += fmt::format("- {}: trained on {} of the {} official rows.\n", known.folder,
                          task.at("train_rows").get<std::int64_t>(), official);
    }
    for (const data::GlueFile& file : known.dev_files()) {
      for (const io::Json& score : task.at("scores")) {
        if (score.at("set") != file.split || score.at("metric") != known.metrics[0]) continue;
        if (score.at("n").get<std::int64_t>() == file.official_rows) continue;
        text += fmt::format("- {}: {} has {} of the {} official rows, so its scores compare only roughly.\n",
                            known.folder, file.split, score.at("n").get<std::int64_t>(), file.official_rows);
      }
    }
  }
  for (const auto& [name, task] : results.at("tasks").items()) {
    for (const io::Json& warning : task.at("warnings")) {
      text += fmt::format("- {}: {}.\n", task.at("title").get<std::string>(), warning.get<std::string>());
    }
  }
  for (const auto& [name, reason] : results.at("skipped").items()) {
    text += fmt::format("- {}: skipped: {}.\n", name, reason.get<std::string>());
  }
  for (const io::Json& warning : results.at("submission").at("warnings")) {
    text += fmt::format("- submission: {}.\n", warning.get<std::string>());
  }
  return text;
}

}  // namespace

std::string glue_markdown(const io::Json& results) {
  std::string text = fmt::format(
      "# GLUE dev: {}\n\nMedian of {}, {} epoch, in percent. Rows marked (published) are printed in "
      "arXiv "
      "2311.10770, not measured here.\n\n",
      model_text(results.at("model")), seeds_text(results), results.at("epoch").get<std::string>());
  text += headline_table(results);
  text +=
      "\nMRPC and QQP: F1; STSB: Pearson; CoLA: Matthews; the others: accuracy. MNLI: mean of matched and "
      "mismatched, counted twice in the averages, as the published averages are; WNLI is in none.\n\n";
  text += "## All scores\n\n" + all_scores_table(results);
  text +=
      "\nThe interval is the bootstrap's over dev rows, of the seed in the middle. The best epoch is chosen "
      "on "
      "the rows that score it, so it is optimistic.\n";
  if (results.contains("baseline")) {
    text += "\n## Baseline\n\n```\n" + baseline_text(results.at("baseline")) + "```\n";
  }
  const std::string remarks = notes(results);
  return remarks.empty() ? text : text + "\n## Notes\n\n" + remarks;
}

}  // namespace espalier::glue
