#include "espalier/model/exchange.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "espalier/io/hdf5_file.h"
#include "espalier/io/run_files.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/model/text_encoding.h"
#include "model/checkpoint_metadata.h"
#include "model/model_card.h"

namespace espalier::model {

namespace fs = std::filesystem;

namespace {

// The checkpoint with its metrics, but without the optimizer; of a Hugging Face folder what it imports as.
io::Checkpoint load_with_metrics(const fs::path& model, std::vector<std::string>& warnings) {
  const std::optional<fs::path> file = checkpoint_file(model);
  if (!file) {
    const io::HfModel imported = io::read_hf_model(model);
    warnings = imported.warnings;
    return checkpoint_from_hf(imported);
  }
  io::Checkpoint checkpoint = io::load_checkpoint(*file, io::LoadParts::kModel);
  const io::Hdf5Reader reader(*file, "checkpoint", io::kCheckpointVersion, io::Verify::kAsRead);
  checkpoint.metrics_jsonl = reader.read_text("metrics.jsonl");
  return checkpoint;
}

// What TensorBoard shows of the run that the model is of; the hub does too.
std::vector<fs::path> events_beside(const fs::path& model) {
  std::vector<fs::path> paths;
  for (const io::EventFile& file : io::event_files(fs::is_directory(model) ? model : model.parent_path()))
    paths.push_back(file.path);
  return paths;
}

// Verbs that take several kinds of files tell a checkpoint by its extension.
void require_checkpoint_name(const fs::path& file) {
  if (file.extension() == ".h5") return;
  throw InputError(fmt::format("{}: a checkpoint is written as .h5", file.string()));
}

// What an import may replace is an import: a training's last.h5, tokens or a file of somebody's would be
// lost.
void require_replaceable(const fs::path& file) {
  if (!fs::is_regular_file(file)) return;
  std::string found;
  try {
    const std::string kind = io::list_checkpoint(file).kind;
    if (kind == "model") return;
    found = fmt::format("a checkpoint of kind `{}`, which a training wrote", kind);
  } catch (const InputError& error) {
    found = fmt::format("another file ({})", error.what());
  }
  throw InputError(
      fmt::format("{}: is {}; only an earlier import is replaced: give a new name, or move the file away",
                  file.string(), found));
}

}  // namespace

// An export may replace an earlier one, but not the one that it is made of: its weights may be the only ones.
static void require_other_folder(const fs::path& model, const fs::path& folder) {
  const fs::path source = fs::is_directory(model) ? model : fs::absolute(model).parent_path();
  std::error_code error;
  if (!fs::equivalent(source, folder, error) || error) return;
  throw InputError(
      fmt::format("{}: the model to be exported lies there; give another folder", folder.string()));
}

// A crammed classifier of single texts reads each as a pair with an empty second part. Its export's tokenizer
// does so of a text alone, as pipelines give it; import puts the template back that was there.
static void read_singles_as_pairs(io::HfModel& hf) {
  if (!hf.classifier || hf.tokenizer_json.empty() || !classifier_encoding(hf.arch).empty_pair) return;
  const io::Json pieces = io::empty_pair_template(hf.tokenizer_json, "tokenizer.json");
  if (pieces.is_null()) return;
  hf.own[kSingleTemplate] = io::single_template(hf.tokenizer_json, "tokenizer.json");
  hf.tokenizer_json = io::with_single_template(std::move(hf.tokenizer_json), pieces, "tokenizer.json");
}

ExportSummary export_model(const fs::path& model, const fs::path& folder, const ExportOptions& options) {
  require_other_folder(model, folder);
  ExportSummary summary;
  const io::Checkpoint checkpoint = load_with_metrics(model, summary.warnings);
  const RoutingProvenance routing = routing_of(checkpoint, model.string());
  io::HfModel hf = hf_from_checkpoint(checkpoint, model.string());
  read_singles_as_pairs(hf);
  const bool trees = nn::has_trees(hf.arch.ffn);
  // Exported as hard trees, it is one that may be exported again.
  const bool soft = trees && routing.mode == "soft";
  if (soft && options.harden) hf.own["routing"]["mode"] = "hard";
  if (trees && !routing.finished) {
    summary.warnings.push_back(
        fmt::format("{}: its trees had not finished hardening; the export routes hard", model.string()));
  }
  if (const auto names = io::tensors_not_finite(checkpoint.model); !names.empty()) {
    summary.warnings.push_back(fmt::format("{}: the weight `{}` holds inf or NaN, and so does the export",
                                           model.string(), names.front()));
  }
  const io::HfLayout layout = io::export_layout(hf, options.format, options.dtype);
  if (soft && !options.harden) {
    summary.warnings.push_back(fmt::format(
        "{}: exported as what it was trained to be, the mixture over all paths (temperature {:g}{}); "
        "--routing hard exports its hard trees",
        model.string(), routing.temperature,
        routing.epsilon ? fmt::format(", epsilon {:g}", *routing.epsilon) : std::string()));
  }
  io::write_hf_model(folder, hf,
                     {options.dtype, model_card(hf, layout, options.dtype, checkpoint), options.format,
                      events_beside(model)});
  summary.tensors = static_cast<std::int64_t>(hf.tensors.size());
  for (const io::NamedTensor& tensor : hf.tensors) summary.parameters += tensor.value.size();
  return summary;
}

ImportSummary import_model(const fs::path& folder, const fs::path& file, bool dequantize) {
  require_checkpoint_name(file);
  require_replaceable(file);
  const io::HfModel model =
      io::read_hf_model(folder, dequantize ? io::HfInt8::kDequantize : io::HfInt8::kRefuse);
  ImportSummary summary{checkpoint_from_hf(model), model.warnings};
  // Everything but the disk is checked before anything is written.
  static_cast<void>(model_from_checkpoint(summary.checkpoint, folder));
  io::save_checkpoint(file, summary.checkpoint);
  return summary;
}

}  // namespace espalier::model
