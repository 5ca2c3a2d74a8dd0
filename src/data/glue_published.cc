#include "espalier/data/glue_published.h"

#include "espalier/base/error.h"

namespace espalier::data {

std::span<const GlueColumn> glue_columns() {
  static const std::vector<GlueColumn> columns = {{"RTE", "rte"},   {"MRPC", "mrpc"}, {"STSB", "stsb"},
                                                  {"SST2", "sst2"}, {"MNLI", "mnli"}, {"QNLI", "qnli"},
                                                  {"QQP", "qqp"},   {"CoLA", "cola"}};
  return columns;
}

std::span<const PublishedGlue> published_glue() {
  static const std::vector<PublishedGlue> rows = {
      {"crammedBERT-3072", "3072, 100 %", {58.8, 87.6, 85.2, 91.9, 82.8, 90.4, 89.0, 45.0}, 83.6, 79.3},
      {"crammedBERT-4095", "4095, 100 %", {57.6, 89.1, 85.9, 91.9, 81.3, 90.9, 87.6, 47.9}, 83.2, 79.3},
      {"128x4", "3968, 16.1 %", {58.4, 87.5, 87.2, 92.3, 81.2, 89.9, 90.0, 45.9}, 83.5, 79.3},
      {"8x8", "4088, 1.8 %", {56.2, 88.4, 85.4, 88.7, 80.6, 89.3, 86.4, 32.7}, 81.9, 76.5},
      {"1x11", "4095, 0.3 %", {57.8, 88.1, 86.1, 89.7, 80.2, 89.3, 87.1, 37.1}, 82.3, 77.3},
      {"1x11-long", "4095, 0.3 %", {60.7, 87.5, 86.4, 89.9, 81.3, 89.7, 87.6, 35.1}, 83.0, 77.7},
      {"BERT-base", "3072, 100 %", {66.4, 88.9, 85.8, 93.5, 83.4, 90.5, 71.2, 52.1}, 83.0, 79.6}};
  return rows;
}

std::optional<double> glue_average(std::span<const std::optional<double>> scores, bool with_cola) {
  const std::span<const GlueColumn> columns = glue_columns();
  ESPALIER_CHECK(scores.size() == columns.size());
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].task == "cola" && !with_cola) continue;
    if (!scores[i]) return std::nullopt;
    const double weight = columns[i].task == "mnli" ? 2 : 1;
    sum += weight * *scores[i];
    count += weight;
  }
  return sum / count;
}

}  // namespace espalier::data
