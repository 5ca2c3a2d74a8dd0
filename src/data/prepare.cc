#include "espalier/data/prepare.h"
#include "espalier/data/glob.h"
#include "espalier/data/table_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/joined.h"
#include "data/prepare_parts.h"
#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/io/run_files.h"
#include "espalier/io/text_file.h"
#include "espalier/io/token_store.h"
#include "espalier/processes/processes.h"
#include "io/byte_source.h"

namespace espalier::data {
namespace {

const char kManifestFormat[] = "espalier token store manifest";

// Removes a folder that we made and left empty.
class NewFolder {
 public:
  explicit NewFolder(const std::filesystem::path& path)
      : path_(path), made_(!std::filesystem::exists(path)) {}
  ~NewFolder() {
    std::error_code ignored;
    if (made_) std::filesystem::remove(path_, ignored);
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

 private:
  std::filesystem::path path_;
  bool made_;
};

// A folder with files of somebody else is not ours to write into.
void check_folder(const std::filesystem::path& out) {
  std::vector<std::string> strangers;
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    const std::string name = entry.path().filename().string();
    // Ours, a tokenizer.json comes after tokens.h5, which is not there.
    if (!name.starts_with(kSpooledName) && name != "lock") strangers.push_back(name);
  }
  if (strangers.empty()) return;
  std::sort(strangers.begin(), strangers.end());
  if (strangers.size() > 5) strangers.resize(5);
  throw InputError(fmt::format("out: {} is not empty and holds other files ({}); give another folder",
                               out.string(), joined(strangers)));
}

io::TokenStoreReader open_store(const std::filesystem::path& out) {
  try {
    return io::open_token_store(out);
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}. Remove the folder {} to prepare it again", error.what(), out.string()));
  }
}

// True if `out` holds the result already; InputError if it holds another.
bool is_there(const std::filesystem::path& out, const io::Json& configuration, const io::Json& sources,
              io::Json& manifest) {
  if (!std::filesystem::exists(out / "tokens.h5")) {
    check_folder(out);
    return false;
  }
  const io::TokenStoreReader store = open_store(out);
  const std::string difference = manifest_difference(store.manifest(), configuration, sources);
  if (!difference.empty()) {
    throw InputError(fmt::format(
        "out: {} holds a token store made from other text or settings: {}. Give another folder, or remove "
        "this one",
        out.string(), difference));
  }
  manifest = store.manifest();
  // A copy for people and other programs; the store's own counts.
  const std::filesystem::path tokenizer = out / "tokenizer.json";
  if (!std::filesystem::exists(tokenizer) || io::read_text_file(tokenizer) != store.tokenizer_json()) {
    io::write_text_atomically(tokenizer, store.tokenizer_json());
  }
  return true;
}

}  // namespace

void PrepareJob::step(const std::string& phase, std::uint64_t done, std::uint64_t total) const {
  if (progress) progress({phase, done, total});
  const int signal = interrupt_signal();
  if (signal == 0) return;
  throw Interrupted(fmt::format("interrupted while {}; {} holds nothing new", phase, options.out), signal);
}

CorpusReader PrepareJob::open_corpus() const {
  CorpusOptions corpus;
  corpus.max_document_bytes = static_cast<std::size_t>(options.max_document_bytes);
  corpus.field = options.text_field;
  corpus.format = format;
  corpus.separator = parse_separator(options.text_separator, "text.separator");
  corpus.header = options.text_header;
  corpus.on_bad_record = options.on_bad_record;
  corpus.shown = shown;
  return CorpusReader(files, corpus);
}

PrepareResult prepare(const PrepareOptions& options, const PrepareCallback& progress) {
  validate(options);
  const bool any_extension = options.text_format.has_value();
  PrepareJob job{options, expand_globs(options.text_files, any_extension), progress, {}};
  for (const std::filesystem::path& file : job.files) job.shown.push_back(io::shown_path(file));
  job.format = format_of_all(options, job.files);
  require_files_for_all(job);
  PrepareResult result;
  if (!processes::writes()) {
    help_first(job);
    return result;
  }
  const std::filesystem::path out = options.out;
  if (std::filesystem::exists(out) && !std::filesystem::is_directory(out)) {
    throw InputError(fmt::format("out: {} is a file; give a folder", out.string()));
  }
  const NewFolder folder(out);
  const io::RunLock lock(out);
  io::remove_stale_temporaries(lock);
  const SpooledPipes pipes(job);
  const std::string own_tokenizer =
      options.tokenizer_path.empty() ? "" : tokenizer_checksum(options.tokenizer_path);
  io::Json manifest;
  manifest["format"] = kManifestFormat;
  manifest["configuration"] = configuration_json(options, own_tokenizer);
  manifest["sources"] = sources_json(job, source_checksums(job));
  if (is_there(out, manifest["configuration"], manifest["sources"], result.manifest)) {
    result.reused = true;
    tell_others_of_nothing();
    return result;
  }
  job.validation_below = split_threshold(job);
  tell_others_to_begin(job);
  const PreparedTokenizer prepared = make_tokenizer(job);
  manifest["tokenizer"] = prepared.report;
  processes::text_of_first(prepared.json);
  result.manifest = encode_corpus(job, prepared, std::move(manifest));
  result.warnings = std::move(job.warnings);
  return result;
}

}  // namespace espalier::data
