// Scores on the GLUE dev sets that others have printed, for context beside one's own.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace espalier::data {

// A column of the table that papers on crammed models print.
struct GlueColumn {
  std::string title;  // "STSB"
  std::string task;   // the name of the task in data/glue.h
};

// RTE MRPC STSB SST2 MNLI QNLI QQP, and CoLA, which the first average leaves out.
std::span<const GlueColumn> glue_columns();

struct PublishedGlue {
  std::string model;
  std::string neurons;         // "4095, 0.3 %": of a layer, and the share a token uses
  std::vector<double> scores;  // in the order of glue_columns()
  double average_without_cola = 0, average = 0;
};

// "Exponentially Faster Language Modelling" (arXiv 2311.10770), table 1; median of five seeds.
std::span<const PublishedGlue> published_glue();

// The averages of that table count MNLI twice, once for each dev file (its printed averages only fit so):
// of RTE MRPC STSB SST2 MNLI-m MNLI-mm QNLI QQP, and with CoLA. `scores` in the order of glue_columns(), MNLI
// as the mean of both; none if a score is missing.
std::optional<double> glue_average(std::span<const std::optional<double>> scores, bool with_cola);

}  // namespace espalier::data
