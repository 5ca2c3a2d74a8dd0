#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "espalier/base/error.h"
#include "espalier/io/hf_model.h"
#include "espalier/io/sentence_files.h"
#include "espalier/io/text_file.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/io/tokenizer_source.h"
#include "io/hf_int8.h"
#include "io/hf_readers.h"
#include "io/tokenizer_class.h"

namespace espalier::io {

namespace fs = std::filesystem;

namespace {

// A model without a tokenizer can still be used for its weights, so that a faulty file is a warning.
void read_vocab(HfModel& model, const fs::path& folder) {
  try {
    model.tokenizer_json = tokenizer_json(bert_tokenizer_of_vocab(folder));
    model.warnings.push_back(fmt::format(
        "{}: there is no tokenizer.json; BERT's tokenizer was made of vocab.txt", folder.string()));
  } catch (const InputError& error) {
    model.warnings.push_back(fmt::format("{}; so the model cannot read text", error.what()));
  }
}

void read_tokenizer_files(HfModel& model, const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json")) {
    ClassTokenizer found = read_class_tokenizer(folder);
    model.tokenizer_json = std::move(found.json);
    if (!found.note.empty()) model.warnings.push_back(std::move(found.note));
    for (std::string& note : unfollowed_settings(folder, model.tokenizer_json))
      model.warnings.push_back(std::move(note));
  } else if (fs::exists(folder / "vocab.txt")) {
    read_vocab(model, folder);
  } else {
    model.warnings.push_back(fmt::format(
        "{}: there is neither tokenizer.json nor vocab.txt, so the model cannot read text", folder.string()));
  }
  const auto read_if_there = [&](const char* name) {
    if (!fs::exists(folder / name)) return Json();
    Json json = read_json(folder / name);
    JsonView(json, (folder / name).string()).expect_object();
    return json;
  };
  model.source.tokenizer_config = read_if_there("tokenizer_config.json");
  model.source.special_tokens_map = read_if_there("special_tokens_map.json");
}

// What transformers does not apply either, but the `tokenizers` library does.
void explain_lengths(HfModel& model, const fs::path& folder) {
  if (model.tokenizer_json.empty()) return;
  const std::string where = (folder / "tokenizer.json").string();
  const std::string sections = length_sections(model.tokenizer_json, where);
  if (sections.empty()) return;
  std::int64_t length = model.arch.embedding.max_positions;
  if (!model.sentence_files.is_null()) {
    const std::int64_t own =
        sentence_options(model.sentence_files, model.source.tokenizer_config, folder.string()).max_length;
    if (own > 0) length = std::min(length, own);
  }
  model.warnings.push_back(fmt::format(
      "{}: {}: not applied; texts are cut where the model ends, at {} tokens, or where an option says, and "
      "filled as far as a batch needs; an export leaves the sections out",
      where, sections, length));
}

}  // namespace

void set_classifier(HfModel& model, const HfConfig& config, const HfTensorFile& file,
                    const std::string& weight) {
  model.classifier = config.head;
  if (config.head.labels == 0 && file.contains(weight) && file.info(weight).shape.rank() == 2) {
    model.classifier->labels = std::max<std::int64_t>(file.info(weight).shape[0], 1);
  }
  // transformers writes neither labels nor their number where there are two.
  if (model.classifier->labels == 0) model.classifier->labels = 2;
  require_problem_type(config, model.classifier->labels);
  model.labels = config.labels;
  for (std::int64_t i = static_cast<std::int64_t>(model.labels.size()); i < model.classifier->labels; ++i) {
    model.labels.push_back(fmt::format("LABEL_{}", i));
  }
}

void validate_arch(const HfModel& model, const HfConfig& config) {
  try {
    nn::validate(model.arch);
  } catch (const InputError& error) {
    throw InputError(config.where + ": " + error.what());
  }
}

HfModel read_hf_model(const fs::path& folder, HfInt8 int8) {
  if (!fs::is_directory(folder)) throw InputError(fmt::format("{}: not a folder", folder.string()));
  HfConfig config = read_hf_config(folder);
  if (config.int8 && int8 == HfInt8::kRefuse) refuse_int8(folder);
  HfModel model;
  model.arch = config.arch;
  model.warnings = std::move(config.warnings);
  HfTensorFile file(folder);
  if (config.int8) file.allow_bytes();
  for (std::string& warning : file.warnings()) model.warnings.push_back(std::move(warning));
  const bool original = config.layout == HfLayout::kOriginal;
  if (original) {
    read_original(model, config, file);
  } else if (config.layout == HfLayout::kEspalier) {
    read_espalier(model, config, file);
  } else {
    read_stock(model, config, file);
  }
  check_bytes(model, file);
  if (int8 == HfInt8::kDequantize) dequantize_all(model);
  file.note_types(model.source);
  read_tokenizer_files(model, folder);
  if (model.classifier) {
    std::vector<std::string> unread = unread_sentence_files(folder, config.document);
    if (!names_activation(folder, config.document) && model.classifier->labels == 1 &&
        !JsonView(config.document, config.where).has("problem_type")) {
      unread.push_back(
          fmt::format("{}: has one label and names no problem_type: transformers' pipeline and "
                      "sentence-transformers put its number through a sigmoid; `classify` gives it as it is",
                      config.where));
    }
    for (std::string& one : unread) model.warnings.push_back(std::move(one));
  } else {
    model.sentence_files = read_sentence_files(folder);
    if (!model.sentence_files.is_null()) {
      for (std::string& one : unread_encoder_settings(model.sentence_files, folder.string()))
        model.warnings.push_back(std::move(one));
    }
  }
  explain_lengths(model, folder);
  model.source.config = std::move(config.document);
  if (model.source.config.contains("espalier")) {
    model.own = model.source.config["espalier"];
    if (!model.own.is_null())
      JsonView(model.own, (folder / "config.json").string() + ": espalier").expect_object();
  }
  if (original) model.source.config["arch"]["embedding"]["vocab_size"] = model.arch.embedding.vocab_size;
  return model;
}

}  // namespace espalier::io
