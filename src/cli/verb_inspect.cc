#include <fmt/format.h>

#include <memory>

#include "cli/inspect.h"
#include "cli/json_list.h"
#include "cli/verbs.h"

namespace espalier::cli {

void add_inspect(Command& app) {
  struct Arguments {
    std::string path;
    bool verify = false;
    bool json = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  Command* verb =
      app.add_subcommand("inspect", "What is inside a checkpoint, a token store or a model folder");
  verb->add_option(
          "FILE", arguments->path,
          "A checkpoint, token store or .safetensors file, or the folder of a run, of prepared text or "
          "of a Hugging Face model")
      ->required();
  verb->add_flag("--verify", arguments->verify, "Read everything and check every checksum");
  verb->add_flag("--json", arguments->json, "One JSON document");
  verb->callback([arguments] {
    const io::Json document = inspect(arguments->path, arguments->verify);
    if (arguments->json) {
      print_json(document);
    } else {
      fmt::print("{}", inspection_text(document));
    }
  });
}

}  // namespace espalier::cli
