// config.json of a Hugging Face folder, in either layout, read alone and with the weights of a small model
// beside it.
#include "espalier/io/hf_model.h"
#include "espalier/model/exchange.h"
#include "espalier/model/loaded_model.h"
#include "espalier/nn/masked_lm.h"
#include "io/hf_config.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

namespace {

// A model of one layer of width 4, whose configuration the seeds describe.
void write_weights() {
  nn::CrammedBertOptions arch;
  arch.layers = 1;
  arch.hidden_size = 4;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = 9;
  arch.embedding.max_positions = 4;
  arch.ffn.depth = 1;
  nn::MaskedLm model(arch);
  const std::filesystem::path checkpoint = testing::fuzz_file("model.h5", "");
  io::save_checkpoint(checkpoint, model::model_checkpoint(model, {}, ""));
  model::export_model(checkpoint, checkpoint.parent_path() / "hf");
}

}  // namespace

void fuzz_one(std::string_view bytes) {
  static const bool written = (write_weights(), true);
  static_cast<void>(written);
  const std::filesystem::path folder = testing::fuzz_file("hf/config.json", bytes).parent_path();
  io::read_hf_config(folder);
  io::read_hf_model(folder);
}
