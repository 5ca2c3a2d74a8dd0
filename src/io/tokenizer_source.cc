#include "espalier/io/tokenizer_source.h"

#include <fmt/format.h>

#include <utility>

#include "espalier/base/error.h"
#include "espalier/base/log_once.h"
#include "espalier/io/checkpoint.h"
#include "espalier/io/hdf5_file.h"
#include "espalier/io/json.h"
#include "espalier/io/sentence_files.h"
#include "espalier/io/text_file.h"
#include "espalier/io/token_store.h"
#include "espalier/io/tokenizer_json.h"
#include "io/tokenizer_class.h"

namespace espalier::io {
namespace {

namespace fs = std::filesystem;

std::string of_our_file(const fs::path& path) {
  std::string json;
  const std::string kind = hdf5_kind(path);
  if (kind == "token store") {
    json = TokenStoreReader(path, Verify::kAsRead).tokenizer_json();
  } else if (kind == "checkpoint") {
    json = Hdf5Reader(path, kind, kCheckpointVersion, Verify::kAsRead).read_text("tokenizer.json");
  } else {
    throw InputError(fmt::format("{}: holds {}, which have no tokenizer", path.string(), kind));
  }
  if (json.empty()) throw InputError(fmt::format("{}: the model came without a tokenizer", path.string()));
  return json;
}

// A sentence-transformers folder may ask for lower case beside what its tokenizer does.
std::string as_folder_asks(std::string json, const fs::path& folder) {
  if (!asks_for_lower_case(folder)) return json;
  return with_lower_case(std::move(json), (folder / "tokenizer.json").string());
}

std::string of_folder(const fs::path& folder) {
  if (fs::exists(folder / "last.h5")) return of_our_file(folder / "last.h5");
  if (fs::exists(folder / "tokenizer.json")) {
    ClassTokenizer found = read_class_tokenizer(folder);
    if (!found.note.empty()) log_warning_once(found.note);
    return as_folder_asks(std::move(found.json), folder);
  }
  if (fs::exists(folder / "tokens.h5")) return of_our_file(folder / "tokens.h5");
  if (fs::exists(folder / "vocab.txt"))
    return as_folder_asks(tokenizer_json(bert_tokenizer_of_vocab(folder)), folder);
  throw InputError(fmt::format(
      "{}: there is no tokenizer in this folder: neither tokenizer.json nor vocab.txt (Hugging Face), "
      "last.h5 (a run) or tokens.h5 (`espalier prepare`)",
      folder.string()));
}

}  // namespace

std::string tokenizer_json_of(const fs::path& path) {
  if (!fs::exists(path)) {
    throw InputError(fmt::format(
        "{}: no such file or folder; a tokenizer is a tokenizer.json, or a model or folder with one",
        path.string()));
  }
  if (fs::is_directory(path)) return of_folder(path);
  if (path.extension() == ".h5") return of_our_file(path);
  if (path.filename() == "vocab.txt") {
    return tokenizer_json(bert_tokenizer_of_vocab(path.has_parent_path() ? path.parent_path() : "."));
  }
  return read_text_file(path);
}

}  // namespace espalier::io
