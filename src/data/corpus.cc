#include "espalier/data/corpus.h"

#include <optional>
#include <string_view>
#include <utility>

#include "data/json_lines.h"
#include "espalier/base/error.h"
#include "espalier/io/line_reader.h"
#include "text/utf8.h"

namespace espalier::data {
namespace {

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\f\v") == line.npos;
}

bool is_json_lines(std::filesystem::path path) {
  if (path.extension() == ".gz") path = path.stem();
  return path.extension() == ".jsonl";
}

// Where to cut text that is longer than `limit`: behind the last line end within the limit, else behind the
// last blank, else before the last character that would not fit whole.
std::size_t cut_point(std::string_view text, std::size_t limit) {
  for (const char separator : {'\n', ' '}) {
    const std::size_t found = text.rfind(separator, limit - 1);
    if (found != text.npos && found > 0) return found + 1;
  }
  std::size_t cut = limit;
  while (cut > limit - 4 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
  return cut;
}

}  // namespace

struct CorpusReader::State {
  std::vector<std::filesystem::path> files;
  std::vector<std::uint64_t> sizes;
  CorpusOptions options;
  CorpusCounts counts;
  std::size_t next_file = 0;
  std::optional<io::LineReader> lines;
  bool json = false;
  std::uint64_t finished_bytes = 0;
  std::uint64_t total_bytes = 0;
  // The document being gathered or cut; what lies before `taken` was handed out already.
  std::string pending;
  std::size_t taken = 0;
  std::uint64_t line = 0;
  bool was_cut = false;
  bool complete = false;  // nothing more belongs to `pending`

  bool open_next() {
    if (next_file == files.size()) return false;
    lines.emplace(files[next_file]);
    json = is_json_lines(files[next_file]);
    ++next_file;
    return true;
  }

  void close() {
    finished_bytes += sizes[next_file - 1];
    lines.reset();
  }

  void clear_pending() {
    pending.clear();
    taken = 0;
    was_cut = complete = false;
  }

  std::size_t pending_bytes() const { return pending.size() - taken; }

  // Reads until a document is complete or longer than a piece; false at the end of the file.
  bool gather() { return json ? gather_json() : gather_paragraphs(); }

  bool gather_json() {
    while (const auto text = lines->next()) {
      if (is_blank(*text)) continue;
      line = lines->line_number();
      const io::Json object =
          parse_json_line(*text, lines->path(), line, "one JSON object with a `text` a line");
      pending = json_line_text(object, "text", lines->path(), line);
      complete = true;
      if (!is_blank_text(pending)) return true;
      ++counts.empty;
      clear_pending();
    }
    return false;
  }

  static bool is_blank_text(std::string_view text) {
    return text.find_first_not_of(" \t\r\f\v\n") == text.npos;
  }

  bool gather_paragraphs() {
    while (const auto text = lines->next()) {
      if (!is_blank(*text)) {
        if (pending_bytes() == 0 && !was_cut) line = lines->line_number();
        if (pending_bytes() > 0) pending += '\n';
        pending += *text;
        if (pending_bytes() > options.max_document_bytes) return true;
      } else if (pending_bytes() > 0 || was_cut) {
        complete = true;
        return true;
      }
    }
    complete = true;
    return pending_bytes() > 0;
  }

  void hand_out(std::size_t length, Document& document) {
    document.text.assign(pending, taken, length);
    while (document.text.ends_with('\n')) document.text.pop_back();
    taken += length;
    document.file = next_file - 1;
    document.line = line;
    ++counts.documents;
    counts.bytes += static_cast<std::int64_t>(document.text.size());
    counts.invalid_utf8 += text::is_utf8(document.text) ? 0 : 1;
    counts.pieces += was_cut ? 1 : 0;
  }

  void hand_out_piece(Document& document) {
    counts.cut_documents += was_cut ? 0 : 1;
    was_cut = true;
    const std::string_view rest = std::string_view(pending).substr(taken);
    hand_out(cut_point(rest, options.max_document_bytes), document);
    // The text before is not needed again; moved seldom, so that a long line costs linear time.
    if (taken > pending.size() / 2) {
      pending.erase(0, taken);
      taken = 0;
    }
  }
};

CorpusReader::CorpusReader(std::vector<std::filesystem::path> files, const CorpusOptions& options)
    : state_(std::make_unique<State>()) {
  ESPALIER_CHECK(options.max_document_bytes >= 8);
  state_->options = options;
  for (const std::filesystem::path& file : files) {
    std::error_code ignored;
    const std::uintmax_t size = std::filesystem::file_size(file, ignored);
    // A missing file is reported when its turn comes, with the reason.
    state_->sizes.push_back(ignored ? 0 : size);
    state_->total_bytes += state_->sizes.back();
  }
  state_->files = std::move(files);
}

CorpusReader::~CorpusReader() = default;
CorpusReader::CorpusReader(CorpusReader&&) noexcept = default;
CorpusReader& CorpusReader::operator=(CorpusReader&&) noexcept = default;

bool CorpusReader::next(Document& document) {
  State& s = *state_;
  while (true) {
    if (s.pending_bytes() > s.options.max_document_bytes) {
      s.hand_out_piece(document);
      return true;
    }
    if (s.complete && s.pending_bytes() > 0) {
      s.hand_out(s.pending_bytes(), document);
      s.clear_pending();
      return true;
    }
    if (s.complete) s.clear_pending();
    if (!s.lines && !s.open_next()) return false;
    if (!s.gather() && s.pending_bytes() == 0) s.close();
  }
}

void CorpusReader::skip_file() {
  state_->clear_pending();
  if (state_->lines) state_->close();
}

const CorpusCounts& CorpusReader::counts() const {
  return state_->counts;
}
std::uint64_t CorpusReader::position() const {
  return state_->finished_bytes + (state_->lines ? state_->lines->file_position() : 0);
}
std::uint64_t CorpusReader::total_bytes() const {
  return state_->total_bytes;
}
std::uint64_t CorpusReader::file_bytes(std::size_t file) const {
  return state_->sizes.at(file);
}

}  // namespace espalier::data
