#include <fmt/format.h>

#include <memory>

#include "cli/json_list.h"
#include "cli/verbs.h"
#include "espalier/base/log.h"
#include "espalier/model/exchange.h"

namespace espalier::cli {
namespace {

struct ImportArguments {
  std::string folder;
  std::string file;
  bool dequantize = false;
  bool json = false;
};

void run_import(const ImportArguments& arguments) {
  const model::ImportSummary summary =
      model::import_model(arguments.folder, arguments.file, arguments.dequantize);
  for (const std::string& warning : summary.warnings) log_warning(warning);
  std::int64_t parameters = 0;
  for (const io::NamedTensor& tensor : summary.checkpoint.model) parameters += tensor.value.size();
  const std::size_t tensors = summary.checkpoint.model.size();
  if (arguments.json) {
    print_json({{"file", arguments.file},
                {"tensors", tensors},
                {"parameters", parameters},
                {"warnings", summary.warnings}});
  } else {
    fmt::print("{}: {} tensors, {:.2f} M parameters\n", arguments.file, tensors,
               static_cast<double>(parameters) / 1e6);
  }
}

}  // namespace

void add_import(Command& app) {
  const auto arguments = std::make_shared<ImportArguments>();
  Command* verb = app.add_subcommand("import", "Read a Hugging Face folder into a checkpoint");
  verb->add_option("DIR", arguments->folder,
                   "Folder with config.json (or model_config.json), model.safetensors and tokenizer.json")
      ->required();
  verb->add_option("FILE", arguments->file, "Checkpoint to write (.h5)")->required();
  verb->add_flag("--dequantize", arguments->dequantize,
                 "Of a folder in int8: as float32, what its bytes stand for");
  verb->add_flag("--json", arguments->json, "One JSON document");
  verb->callback([arguments] { run_import(*arguments); });
}

}  // namespace espalier::cli
