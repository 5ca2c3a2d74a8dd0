#include <fmt/format.h>

#include <memory>
#include <optional>

#include "cli/inference_options.h"
#include "cli/json_list.h"
#include "cli/label_scores.h"
#include "cli/output_path.h"
#include "cli/prediction_writer.h"
#include "cli/sharing.h"
#include "cli/verbs.h"
#include "espalier/base/error.h"
#include "train/task_columns.h"

namespace espalier::cli {
namespace {

struct ClassifyArguments : InferenceArguments {
  std::optional<std::string> pair;
  std::string pair_column;
  std::string label_column;
  std::string output;
  std::int64_t max_length = 0;
};

// Tokens of a text that are read, and why so many.
struct Limit {
  std::int64_t tokens;
  const char* reason;
};

// What the fine-tuning read of a text, unless told; no more than the model can.
Limit limit_of(const ClassifyArguments& arguments, const model::LoadedModel& model) {
  const std::int64_t most = model.arch.embedding.max_positions;
  if (arguments.max_length > most) {
    throw InputError(fmt::format("--max-length is {}, but {} reads {} tokens at most", arguments.max_length,
                                 arguments.model, most));
  }
  if (arguments.max_length > 0) return {arguments.max_length, "was told to read"};
  const std::int64_t trained = train::columns_of(model).max_length;
  if (trained > 0 && trained < most) return {trained, "was fine-tuned on; --max-length may give more"};
  const std::int64_t said = trained > 0 ? most : model::reading_length(model);
  if (said == most) return {most, "reads"};
  return {said,
          "is said to read (model_max_length of its tokenizer_config.json); --max-length may give more"};
}

bool gives_value(const model::LoadedModel& model) {
  return model.classifier->head_options().labels == 1;
}

std::vector<std::string> new_columns(const model::LoadedModel& model) {
  if (gives_value(model)) return {"predicted_value"};
  std::vector<std::string> columns = {"predicted_label", "probability"};
  for (const std::string& label : model.labels.labels) columns.push_back("probability_" + label);
  return columns;
}

std::vector<io::Json> new_values(const model::Classification& result) {
  if (result.probabilities.empty()) return {result.score};
  std::vector<io::Json> values = {result.label, result.score};
  values.insert(values.end(), result.probabilities.begin(), result.probabilities.end());
  return values;
}

io::Json result_json(const model::LoadedModel& model, const TextRow& row,
                     const model::Classification& result) {
  io::Json json = {{"label", result.label}, {"score", result.score}};
  if (!result.probabilities.empty()) {
    io::Json probabilities = io::Json::object();
    for (std::size_t i = 0; i < result.probabilities.size(); ++i) {
      probabilities[model.labels.labels[i]] = result.probabilities[i];
    }
    json["probabilities"] = std::move(probabilities);
  }
  json["text"] = row.text;
  if (!row.pair.empty()) json["pair"] = row.pair;
  return json;
}

void print_row(const TextRow& row, const model::Classification& result) {
  const std::string pair = row.pair.empty() ? "" : " | " + row.pair;
  fmt::print("{:<16}  {:8.4f}  {}{}\n", result.label, result.score, row.text, pair);
}

io::Json exchanged(const model::Classification& result) {
  return {result.label, result.score, result.probabilities, result.truncated};
}

model::Classification exchanged_back(const io::Json& json) {
  return {json.at(0).get<std::string>(), json.at(1).get<double>(), json.at(2).get<std::vector<double>>(),
          json.at(3).get<bool>()};
}

// Of the rows of all processes, each of which computes its part.
std::vector<model::Classification> classify_together(model::LoadedModel& model,
                                                     const std::vector<TextRow>& rows, bool pairs,
                                                     std::size_t batch, const ops::TreeRouting& routing,
                                                     std::int64_t max_length) {
  std::vector<model::TextPair> texts;
  for (const TextRow& row : own_part(rows, batch)) {
    texts.push_back({row.text, pairs ? std::optional(row.pair) : std::nullopt});
  }
  std::vector<model::Classification> own;
  if (!texts.empty()) own = model::classify(model, texts, routing, max_length);
  if (processes::alone()) return own;
  io::Json part = io::Json::array();
  for (const model::Classification& result : own) part.push_back(exchanged(result));
  const std::string text = io::json_text(part, -1);
  std::vector<model::Classification> all;
  for (const processes::Bytes& bytes : processes::gather(std::as_bytes(std::span(text)))) {
    const std::string other(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (const io::Json& json : io::parse_json(other, "a process's results"))
      all.push_back(exchanged_back(json));
  }
  return all;
}

// Printed where no rows are.
void print_summary(const ClassifyArguments& arguments, const std::optional<LabelScores>& scores,
                   std::int64_t count, std::int64_t truncated) {
  const bool writes = !arguments.output.empty();
  io::Json summary = scores ? scores->json() : io::Json::object();
  if (!arguments.json) {
    if (scores) fmt::print("{}\n", scores_text(summary));
    if (writes) fmt::print("{}: {} rows\n", arguments.output, count);
    return;
  }
  if (writes) summary.update({{"output", arguments.output}, {"rows", count}});
  summary["truncated"] = truncated;
  print_json(summary);
}

void run_classify(const ClassifyArguments& arguments) {
  if (!arguments.output.empty() && arguments.file.empty()) throw InputError("--output goes with --file");
  if (!arguments.label_column.empty() && arguments.file.empty())
    throw InputError("--label-column names a column of --file, which is not given");
  require_free_output(arguments.output, {{"MODEL", arguments.model}, {"--file", arguments.file}});
  require_file_for_all(arguments.file);
  model::LoadedModel model = load_model(arguments);
  model.require_classifier();
  const ops::TreeRouting routing = resolve_routing(model, arguments);
  const Limit limit = limit_of(arguments, model);
  TextSourceOptions options = text_options(arguments);
  options.pair = arguments.pair;
  options.pair_column = arguments.pair_column;
  options.takes_pairs = true;
  std::optional<LabelScores> scores;
  if (!arguments.label_column.empty()) scores.emplace(model);
  options.label_column = arguments.label_column;
  options.label_is_number = scores && scores->regression();
  TextSource source(options, model);
  std::optional<PredictionWriter> writer;
  if (!arguments.output.empty() && processes::writes()) {
    writer.emplace(arguments.output, source.table()->columns(), new_columns(model));
  }
  const bool prints_rows = arguments.output.empty() && !scores;
  JsonList list(arguments.json && prints_rows);
  std::int64_t count = 0, truncated = 0;
  const std::size_t at_once = arguments.batch_size * static_cast<std::size_t>(processes::place().count);
  for (std::vector<TextRow> rows; source.next(at_once, rows);) {
    const std::vector<model::Classification> results =
        classify_together(model, rows, source.pairs(), arguments.batch_size, routing, limit.tokens);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      truncated += results[i].truncated ? 1 : 0;
      if (writer) writer->write(rows[i].row, new_values(results[i]));
      if (prints_rows && !arguments.json) print_row(rows[i], results[i]);
      if (prints_rows) list.add(result_json(model, rows[i], results[i]));
      if (scores) {
        scores->add(rows[i].label, results[i], fmt::format("{}: line {}", arguments.file, rows[i].row.line));
      }
    }
    count += static_cast<std::int64_t>(rows.size());
  }
  list.finish();
  source.report();
  warn_truncated(truncated, count, limit.tokens, limit.reason);
  if (writer) writer->commit();
  if (!prints_rows && processes::writes()) print_summary(arguments, scores, count, truncated);
}

}  // namespace

void add_classify(Command& app) {
  const auto arguments = std::make_shared<ClassifyArguments>();
  arguments->batch_size = 1024;
  Command* verb = app.add_subcommand("classify", "The most likely class of a text, or a regression's value");
  add_inference_options(*verb, *arguments);
  verb->add_option("--pair", arguments->pair, "Second part of the one TEXT, for models of text pairs");
  verb->add_option("--pair-column", arguments->pair_column,
                   "Column of the second parts in --file (default: the one the model was fine-tuned on)");
  verb->add_option(
      "--label-column", arguments->label_column,
      "Column of the true labels in --file: prints the scores of fine-tuning instead of the rows");
  verb->add_option(
          "--max-length", arguments->max_length,
          "Tokens of a text that are read (default: as many as in fine-tuning; where that is not known, all "
          "that the model can)")
      ->check(within(2, 1'000'000));
  verb->add_option(
          "--output", arguments->output,
          "Write the columns of --file with predicted_label, probability and the probability of each "
          "label (predicted_value for a regression) to a .tsv, .csv or .jsonl; labels are text, of JSON too")
      ->check(a_path());
  verb->shared_callback([arguments] { run_classify(*arguments); });
}

}  // namespace espalier::cli
