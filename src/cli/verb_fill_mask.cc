#include <fmt/format.h>

#include <exception>
#include <memory>

#include "cli/inference_options.h"
#include "cli/json_list.h"
#include "cli/verbs.h"
#include "espalier/base/error.h"
#include "espalier/model/fill_masks.h"

namespace espalier::cli {
namespace {

struct FillMaskArguments : InferenceArguments {
  std::int64_t top = 5;
};

using Predictions = std::vector<model::MaskPrediction>;

io::Json predictions_json(const Predictions& predictions) {
  io::Json list = io::Json::array();
  for (const model::MaskPrediction& prediction : predictions) {
    list.push_back({{"score", prediction.score},
                    {"token", prediction.token},
                    {"token_str", prediction.token_str},
                    {"sequence", prediction.sequence}});
  }
  return list;
}

// As transformers' pipeline: the predictions of a single mask, or a list of them for several.
io::Json text_json(const std::vector<Predictions>& masks) {
  if (masks.size() == 1) return predictions_json(masks[0]);
  io::Json list = io::Json::array();
  for (const Predictions& predictions : masks) list.push_back(predictions_json(predictions));
  return list;
}

void print_text(const std::string& text, const std::vector<Predictions>& masks) {
  fmt::print("{}\n", text);
  for (std::size_t i = 0; i < masks.size(); ++i) {
    if (masks.size() > 1) fmt::print("  mask {}\n", i + 1);
    for (const model::MaskPrediction& prediction : masks[i]) {
      fmt::print("  {:7.4f}  {:<16}  {}\n", prediction.score, prediction.token_str, prediction.sequence);
    }
  }
}

// The texts that have masks the model can fill. Those before one that stops the run are answered first.
std::vector<std::string> fillable(const model::LoadedModel& model, TextSource& source,
                                  const std::vector<TextRow>& rows, std::exception_ptr& failure) {
  std::vector<std::string> texts;
  for (const TextRow& row : rows) {
    const std::string problem = model::mask_problem(model, row.text);
    if (problem.empty()) {
      texts.push_back(row.text);
      continue;
    }
    try {
      source.leave_out(row, problem);
    } catch (const InputError&) {
      failure = std::current_exception();
      break;
    }
  }
  return texts;
}

void run_fill_mask(const FillMaskArguments& arguments) {
  model::LoadedModel model = load_model(arguments);
  model.require_lm();
  const ops::TreeRouting routing = resolve_routing(model, arguments);
  TextSource source(text_options(arguments), model);
  // A single text gives its own predictions, not a list of one.
  const bool single = arguments.texts.size() == 1 && arguments.file.empty();
  JsonList list(arguments.json && !single);
  std::size_t filled = 0;
  for (std::vector<TextRow> rows; source.next(arguments.batch_size, rows);) {
    std::exception_ptr failure;
    const std::vector<std::string> texts = fillable(model, source, rows, failure);
    const auto results = model::fill_masks(model, texts, arguments.top, routing);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (!arguments.json) print_text(texts[i], results[i]);
      if (arguments.json && single) print_json(text_json(results[i]));
      list.add(text_json(results[i]));
    }
    if (failure) std::rethrow_exception(failure);
    filled += texts.size();
  }
  if (filled == 0) {
    throw InputError(fmt::format("{}: no row can be used: {}", source.table()->path().string(),
                                 source.table()->left_out().text()));
  }
  list.finish();
  source.report();
}

}  // namespace

void add_fill_mask(Command& app) {
  const auto arguments = std::make_shared<FillMaskArguments>();
  arguments->batch_size = 256;
  Command* verb = app.add_subcommand("fill-mask", "The most likely words for each <mask> of a text");
  add_inference_options(*verb, *arguments);
  verb->add_option("--top", arguments->top, "Words a mask")
      ->check(within(1, 1'000'000))
      ->capture_default_str();
  verb->callback([arguments] { run_fill_mask(*arguments); });
}

}  // namespace espalier::cli
