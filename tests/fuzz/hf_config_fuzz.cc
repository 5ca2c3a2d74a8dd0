// config.json of a Hugging Face folder, in every layout, read alone and with the weights of a small model
// beside it, in int8 where it says so; or the files of sentence-transformers, as one document.
#include <array>
#include <string>

#include "espalier/io/hf_model.h"
#include "espalier/io/sentence_files.h"
#include "espalier/model/exchange.h"
#include "espalier/model/loaded_model.h"
#include "espalier/nn/masked_lm.h"
#include "io/hf_config.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

namespace {

constexpr std::array<const char*, 4> kFolders = {"original", "bert", "distilbert", "espalier"};

const char* folder_of(io::HfLayout layout) {
  return kFolders.at(static_cast<std::size_t>(layout));
}

std::string int8_folder_of(io::HfLayout layout) {
  return std::string(folder_of(layout)) + "_int8";
}

// A model of one layer of width 4, whose configuration the seeds describe.
void write_weights(io::HfLayout layout) {
  const bool stock = layout == io::HfLayout::kBert || layout == io::HfLayout::kDistilBert;
  nn::EncoderOptions arch = stock ? nn::bert_options() : nn::EncoderOptions();
  arch.layers = 1;
  arch.hidden_size = 4;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = 9;
  arch.embedding.max_positions = 4;
  arch.ffn.depth = 1;
  arch.ffn.width = 6;
  if (layout == io::HfLayout::kBert) arch.pooler = true;
  if (layout == io::HfLayout::kDistilBert) arch.embedding.token_types = 0;
  nn::MaskedLm model(arch);
  const std::filesystem::path checkpoint = testing::fuzz_file("model.h5", "");
  io::save_checkpoint(checkpoint, model::model_checkpoint(model, {}, ""));
  model::ExportOptions options;
  options.format = layout == io::HfLayout::kOriginal ? io::HfFormat::kOriginal : io::HfFormat::kTransformers;
  model::export_model(checkpoint, checkpoint.parent_path() / folder_of(layout), options);
  if (layout == io::HfLayout::kOriginal) return;
  options.dtype = io::DType::kI8;
  model::export_model(checkpoint, checkpoint.parent_path() / int8_folder_of(layout), options);
}

bool write_all_weights() {
  for (const io::HfLayout layout :
       {io::HfLayout::kOriginal, io::HfLayout::kBert, io::HfLayout::kDistilBert, io::HfLayout::kEspalier}) {
    write_weights(layout);
  }
  return true;
}

// Whether the document was one of these.
bool read_as_sentence_files(std::string_view bytes) {
  if (bytes.find("modules.json") == std::string_view::npos) return false;
  const io::Json files = io::parse_json(bytes, "files");
  if (!io::JsonView(files, "files").has("modules.json")) return false;
  io::sentence_options(files, {}, "files");
  const std::filesystem::path folder = testing::fuzz_file("sentences/config.json", "").parent_path();
  io::write_sentence_files(folder, files);
  io::read_sentence_files(folder);
  return true;
}

}  // namespace

void fuzz_one(std::string_view bytes) {
  static const bool written = write_all_weights();
  static_cast<void>(written);
  if (read_as_sentence_files(bytes)) return;
  const std::filesystem::path alone = testing::fuzz_file("alone/config.json", bytes).parent_path();
  const io::HfConfig config = io::read_hf_config(alone);
  const std::string folder = config.int8 ? int8_folder_of(config.layout) : folder_of(config.layout);
  const std::filesystem::path whole = testing::fuzz_file(folder + "/config.json", bytes).parent_path();
  io::read_hf_model(whole, config.int8 ? io::HfInt8::kDequantize : io::HfInt8::kRefuse);
}
