#include <fmt/format.h>

#include <map>
#include <memory>

#include "cli/inference_options.h"
#include "cli/json_list.h"
#include "cli/verbs.h"
#include "espalier/base/log.h"
#include "espalier/model/exchange.h"

namespace espalier::cli {
namespace {

struct ExportArguments {
  std::string model;
  std::string folder;
  std::string dtype;
  std::string routing;
  std::string format = "auto";
  bool json = false;
};

// As transformers and as safetensors call them.
std::map<std::string, std::string> dtype_names() {
  return {{"float32", "F32"}, {"float16", "F16"}, {"bfloat16", "BF16"}, {"F32", "F32"}, {"F16", "F16"},
          {"BF16", "BF16"},   {"bf16", "BF16"},   {"int8", "I8"},       {"I8", "I8"}};
}

void run_export(const ExportArguments& arguments) {
  model::ExportOptions options;
  if (!arguments.dtype.empty()) options.dtype = io::dtype_from_name(arguments.dtype);
  options.harden = arguments.routing == "hard";
  if (arguments.format == "original") options.format = io::HfFormat::kOriginal;
  if (arguments.format == "transformers") options.format = io::HfFormat::kTransformers;
  const model::ExportSummary summary = model::export_model(arguments.model, arguments.folder, options);
  for (const std::string& warning : summary.warnings) log_warning(warning);
  if (arguments.json) {
    print_json(
        {{"folder", arguments.folder}, {"tensors", summary.tensors}, {"parameters", summary.parameters}});
  } else {
    fmt::print("{}: {} tensors, {:.2f} M parameters\n", arguments.folder, summary.tensors,
               static_cast<double>(summary.parameters) / 1e6);
  }
}

}  // namespace

void add_export(Command& app) {
  const auto arguments = std::make_shared<ExportArguments>();
  Command* verb = app.add_subcommand("export", "Write a model as a Hugging Face folder");
  add_model_argument(*verb, arguments->model);
  verb->add_option("DIR", arguments->folder, "Folder to write: new, empty, or an earlier export")->required();
  verb->add_option(
          "--dtype", arguments->dtype,
          "float32, float16, bf16 (bfloat16) or int8, a quarter of the size, which evaluate, fill-mask, "
          "classify, embed and trees use as they do --precision int8 of this model (default: float32, or for "
          "an imported model what it came with)")
      ->names(dtype_names(), {"float32", "float16", "bf16", "int8"});
  verb->add_option(
          "--routing", arguments->routing,
          "hard: export the hard trees of a model that was trained with routing.mode: soft, not the mixture")
      ->check(one_of({"hard"}));
  verb->add_option(
          "--format", arguments->format,
          "original: for the code of UltraFastBERT; transformers: for its own classes, or with modules in "
          "the folder (trust_remote_code) where none computes the model; auto: the original where it "
          "computes the model, else transformers")
      ->check(one_of({"auto", "original", "transformers"}))
      ->capture_default_str();
  verb->add_flag("--json", arguments->json, "One JSON document");
  verb->callback([arguments] { run_export(*arguments); });
}

}  // namespace espalier::cli
