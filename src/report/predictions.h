// The rows of an evaluation set: how classes are confused, and where the model is surest and wrong.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "espalier/config/finetune_config.h"

namespace espalier::report {

struct Mistake {
  std::uint64_t line = 0;         // of the data file
  std::string label, prediction;  // prediction: of the seed that was surest
  double size = 0;  // the probability given to the wrong class, or |prediction - label|; mean over `seeds`
  std::size_t seeds = 0;        // that are wrong about it
  std::string text, text_pair;  // empty where the data are not there
};

struct PredictionSummary {
  std::string suffix = {};  // of the evaluation set: "" or "_mm"
  bool regression = false;
  std::size_t seeds = 0;
  std::int64_t rows = 0, wrong = 0;                       // of all seeds together
  std::vector<std::string> classes = {};                  // at most 20, the most frequent
  std::vector<std::vector<std::int64_t>> confusion = {};  // [label][prediction]
  std::vector<std::int64_t> class_rows = {};              // of each of these labels, whatever was predicted
  std::int64_t other_classes = 0;                         // that are not among them
  std::vector<Mistake> mistakes = {};                     // the ten largest by size times seeds
  std::vector<std::string> notes = {};
};

// Reads predictions_dev*.tsv of trainings on the same rows (other seeds), of each set that is there, and the
// texts from where `task` says that they are. What cannot be read is noted.
std::vector<PredictionSummary> read_predictions(const std::vector<std::filesystem::path>& runs,
                                                const config::TaskConfig& task);

}  // namespace espalier::report
