// The numbers of evaluations as tables.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "report/markup.h"
#include "report/sections.h"

namespace espalier::report {
namespace {

constexpr std::size_t kListed = 20;

// At equal distances, the last among them.
std::vector<const TimedEvaluation*> listed(const std::vector<TimedEvaluation>& all, const Detail& detail) {
  std::vector<const TimedEvaluation*> result;
  const std::size_t most = detail.of(kListed, 2), every = (all.size() + most - 1) / most;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if ((all.size() - 1 - i) % every == 0) result.push_back(&all[i]);
  }
  return result;
}

std::string captioned(const Pretraining& run, const Table& table) {
  if (table.rows.empty()) return "";
  const std::string shown =
      table.rows.size() == run.evaluations.count()
          ? fmt::format("{} evaluations", table.rows.size())
          : fmt::format("{} of {} evaluations", table.rows.size(), run.evaluations.count());
  return fmt::format("<details open=\"open\"><summary>{}: {}</summary>{}</details>\n", escaped(run.run.label),
                     shown, table_html(table));
}

// Between the samples beside it.
std::optional<double> value_at(const Curve& curve, double Sample::*axis, double position) {
  const std::vector<Sample> samples = curve.samples();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].*axis < position) continue;
    if (i == 0) return samples[i].*axis == position ? std::optional(samples[i].value) : std::nullopt;
    const Sample& before = samples[i - 1];
    const double width = samples[i].*axis - before.*axis;
    const double share = width > 0 ? (position - before.*axis) / width : 1;
    return before.value + share * (samples[i].value - before.value);
  }
  return std::nullopt;
}

std::string scores_table(const Pretraining& run, const Detail& detail) {
  const std::vector<TimedEvaluation>& all = run.evaluations.items();
  Table table{
      {"step", "tokens", "time", "loss, hard", "loss, soft", "gap", "accuracy", "perplexity", "temperature"},
      {},
      0};
  for (const TimedEvaluation* evaluation : listed(all, detail)) {
    if (!evaluation->scores) continue;
    const train::EvaluationScores& s = *evaluation->scores;
    table.rows.push_back({std::to_string(evaluation->step), number_text(evaluation->tokens),
                          duration_text(evaluation->seconds), fixed_text(s.loss, 4),
                          s.loss_soft ? fixed_text(*s.loss_soft, 4) : "-",
                          s.hardening_gap ? fixed_text(*s.hardening_gap, 4) : "-", percent_text(s.accuracy),
                          number_text(s.perplexity), number_text(s.temperature)});
  }
  return captioned(run, table);
}

std::string distillation_table(const Pretraining& run, const Detail& detail) {
  const std::vector<TimedEvaluation>& all = run.evaluations.items();
  if (all.empty() || !all.back().distilled) return "";
  const bool predicts = !run.held_out.kl_divergence.empty();
  Table table{{"step", "tokens", "time", "error"}, {}, 0};
  if (predicts) table.header.emplace_back("KL divergence");
  for (const std::int64_t layer : all.back().distilled->layers) {
    table.header.push_back(fmt::format("layer {}", layer));
  }
  for (const TimedEvaluation* evaluation : listed(all, detail)) {
    if (!evaluation->distilled) continue;
    const train::DistillScores& s = *evaluation->distilled;
    std::vector<std::string>& row = table.rows.emplace_back();
    row = {std::to_string(evaluation->step), number_text(evaluation->tokens),
           duration_text(evaluation->seconds), fixed_text(s.hidden_error, 4)};
    if (predicts) row.push_back(s.kl_divergence ? fixed_text(*s.kl_divergence, 4) : "-");
    for (const double error : s.layer_errors) row.push_back(fixed_text(error, 4));
  }
  return captioned(run, table) +
         "<p class=\"note\">Relative errors |y - y'| / |y| of the last hidden states, and of each new layer "
         "by itself "
         "on what the teacher's reads.</p>\n";
}

}  // namespace

std::string equal_table_html(const std::vector<Pretraining>& runs) {
  double tokens = std::numeric_limits<double>::infinity(), seconds = tokens;
  for (const Pretraining& run : runs) {
    if (run.held_out.loss.empty()) continue;
    tokens = std::min(tokens, run.held_out.loss.last().progress);
    seconds = std::min(seconds, run.held_out.loss.last().seconds);
  }
  if (!std::isfinite(tokens)) return "";
  Table table{{"held-out loss", fmt::format("at {} tokens", number_text(tokens)),
               fmt::format("after {}", duration_text(seconds)), "at its end"},
              {}};
  for (const Pretraining& run : runs) {
    const Curve& loss = run.held_out.loss;
    const auto text = [](std::optional<double> value) { return value ? fixed_text(*value, 4) : "-"; };
    table.rows.push_back({run.run.label, text(value_at(loss, &Sample::progress, tokens)),
                          text(value_at(loss, &Sample::seconds, seconds)),
                          loss.empty() ? "-" : fixed_text(loss.last().value, 4)});
  }
  return "<h3>At equal tokens and at equal wall time</h3>\n" + table_html(table) +
         "<p class=\"note\">Where the run ends that has the fewest tokens, or the least time, between "
         "evaluations on a straight line.</p>\n";
}

std::string evaluations_section(const std::vector<Pretraining>& runs, const Detail& detail) {
  std::string tables;
  for (const Pretraining& run : runs) tables += scores_table(run, detail) + distillation_table(run, detail);
  return tables.empty() ? "" : section_html("evaluations", "Evaluations", tables);
}

}  // namespace espalier::report
