#include "tests/fuzz/checkpoint_support.h"

#include "espalier/io/checkpoint.h"
#include "espalier/io/token_store.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/model/loaded_model.h"
#include "espalier/nn/masked_lm.h"
#include "espalier/text/tokenizer_model.h"
#include "tests/fuzz/fuzz_support.h"

namespace espalier::testing {

namespace {

constexpr std::int64_t kWords = 9;
constexpr std::int64_t kSequence = 4;

std::string tokenizer() {
  return io::tokenizer_json(text::crammed_bert_tokenizer(
      {"<pad>", "<s>", "</s>", "<unk>", "<cls>", "<sep>", "<mask>", "a", "##a"}));
}

std::vector<Dataset> datasets_of(const std::filesystem::path& path, const std::string& kind) {
  const io::Hdf5Reader reader(path, kind, 1, io::Verify::kEverything);
  std::vector<Dataset> all;
  for (const io::Hdf5Dataset& from : reader.datasets()) {
    Dataset dataset{from.name, from.type, from.shape, std::string(from.bytes, '\0')};
    reader.read_bytes(from, 0, dataset.content.data(), dataset.content.size());
    all.push_back(std::move(dataset));
  }
  return all;
}

std::vector<Dataset> make_checkpoint() {
  nn::EncoderOptions arch;
  arch.layers = 1;
  arch.hidden_size = 4;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = kWords;
  arch.embedding.max_positions = kSequence;
  arch.ffn.depth = 1;
  nn::MaskedLm model(arch);
  nn::initialize(model, 0.1, 3);
  const std::filesystem::path path = fuzz_file("checkpoint.h5", "");
  io::save_checkpoint(path, model::model_checkpoint(model, {}, tokenizer()));
  return datasets_of(path, "checkpoint");
}

std::vector<Dataset> make_token_store() {
  const std::filesystem::path path = fuzz_file("tokens.h5", "");
  io::TokenStoreWriter writer(path, {kWords, kSequence});
  writer.append(io::Split::kTrain, std::vector<std::int32_t>{7, 8, 7, 5, 7, 7, 8, 5});
  writer.append(io::Split::kValidation, std::vector<std::int32_t>{7, 7, 7, 5});
  writer.finish(tokenizer(), io::Json::object());
  return datasets_of(path, "token store");
}

}  // namespace

std::vector<Dataset> checkpoint_datasets() {
  static const std::vector<Dataset> all = make_checkpoint();
  return all;
}

std::vector<Dataset> token_store_datasets() {
  static const std::vector<Dataset> all = make_token_store();
  return all;
}

void write_datasets(const std::filesystem::path& path, const std::string& kind,
                    const std::vector<Dataset>& datasets) {
  io::Hdf5Writer writer(path, kind, 1);
  for (const Dataset& dataset : datasets) {
    std::string content = dataset.content;
    content.resize(static_cast<std::size_t>(dataset.shape.elements()) * io::hdf5_type_bytes(dataset.type));
    writer.begin(dataset.name, dataset.type, dataset.shape);
    writer.append(content.data(), content.size());
  }
  writer.commit();
}

}  // namespace espalier::testing
