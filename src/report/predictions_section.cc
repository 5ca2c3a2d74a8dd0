// Confusion matrices, and the rows that a model is surest and wrong about.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "report/markup.h"
#include "report/sections.h"
#include "text/utf8.h"

namespace espalier::report {
namespace {

constexpr std::size_t kTextBytes = 400, kLeastTextBytes = 60;

std::string confusion_html(const PredictionSummary& summary) {
  if (summary.classes.empty()) return "";
  std::string html =
      "<div class=\"wide\"><table class=\"confusion\"><thead><tr><th scope=\"col\">label \\ prediction</th>";
  for (const std::string& name : summary.classes) {
    html += fmt::format("<th scope=\"col\" class=\"n\">{}</th>", escaped(name));
  }
  const bool others = summary.other_classes > 0;
  if (others) html += "<th scope=\"col\" class=\"n\">others</th>";
  html += "<th scope=\"col\" class=\"n\">recall</th></tr></thead><tbody>\n";
  for (std::size_t i = 0; i < summary.classes.size(); ++i) {
    const std::vector<std::int64_t>& row = summary.confusion[i];
    const std::int64_t all = summary.class_rows[i];
    const auto rows = static_cast<double>(std::max<std::int64_t>(all, 1));
    html += fmt::format("<tr><th scope=\"row\">{}</th>", escaped(summary.classes[i]));
    for (std::size_t j = 0; j < row.size(); ++j) {
      // A shade that leaves the number readable on it.
      html += fmt::format("<td class=\"n{}\" style=\"--a:{:.2f}\">{}</td>", i == j ? " right" : " wrong",
                          0.5 * static_cast<double>(row[j]) / rows, row[j]);
    }
    if (others) {
      html += fmt::format("<td class=\"n wrong\">{}</td>",
                          all - std::accumulate(row.begin(), row.end(), std::int64_t{0}));
    }
    html += fmt::format("<td class=\"n\">{}</td></tr>\n",
                        all > 0 ? percent_text(static_cast<double>(row[i]) / rows) : std::string("-"));
  }
  html += "</tbody></table></div>\n";
  if (summary.other_classes > 0) {
    html += fmt::format("<p class=\"note\">The {} most frequent classes; {} others are not shown.</p>\n",
                        summary.classes.size(), summary.other_classes);
  }
  return html;
}

std::string mistakes_html(const PredictionSummary& summary, const Detail& detail) {
  if (summary.mistakes.empty()) return "";
  const auto any = [&](auto member) {
    return std::any_of(summary.mistakes.begin(), summary.mistakes.end(),
                       [&](const Mistake& m) { return !(m.*member).empty(); });
  };
  Table table{{"line", "label", "prediction", summary.regression ? "error" : "probability"}, {}, 8};
  if (summary.seeds > 1) table.header.emplace_back("seeds");
  table.long_from = table.header.size();
  const bool has_text = any(&Mistake::text), has_pair = any(&Mistake::text_pair);
  if (has_text) table.header.emplace_back("text");
  if (has_pair) table.header.emplace_back("second text");
  const std::size_t bytes = detail.of(kTextBytes, kLeastTextBytes);
  for (std::size_t i = 0; i < detail.of(summary.mistakes.size()); ++i) {
    const Mistake& mistake = summary.mistakes[i];
    std::vector<std::string>& row = table.rows.emplace_back();
    row = {std::to_string(mistake.line), mistake.label, mistake.prediction, fixed_text(mistake.size, 3)};
    if (summary.seeds > 1) row.push_back(fmt::format("{} of {}", mistake.seeds, summary.seeds));
    if (has_text) row.push_back(text::shortened(mistake.text, bytes));
    if (has_pair) row.push_back(text::shortened(mistake.text_pair, bytes));
  }
  const std::string title = summary.regression ? "Largest errors" : "Surest and wrong";
  return fmt::format("<h4>{}</h4>\n{}", title, table_html(table));
}

}  // namespace

std::string predictions_html(const PredictionSummary& summary, const Detail& detail) {
  std::string html;
  for (const std::string& note : summary.notes) html += remark_html(note);
  if (summary.rows == 0) return html;
  const std::string seeds = summary.seeds > 1 ? fmt::format(" of {} seeds together", summary.seeds) : "";
  const std::string set = summary.suffix == "_mm" ? "Mismatched set: " : "";
  html +=
      summary.regression
          ? fmt::format("<p>{}{} rows{}.</p>\n", set, summary.rows, seeds)
          : fmt::format("<p>{}{} of {} rows{} are wrong ({}).</p>\n", set, summary.wrong, summary.rows, seeds,
                        percent_text(static_cast<double>(summary.wrong) / static_cast<double>(summary.rows)));
  return html + confusion_html(summary) + mistakes_html(summary, detail);
}

}  // namespace espalier::report
