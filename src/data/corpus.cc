#include "espalier/data/corpus.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

#include "base/joined.h"
#include "data/json_lines.h"
#include "espalier/base/error.h"
#include "espalier/data/table_reader.h"
#include "espalier/io/line_reader.h"
#include "text/utf8.h"

namespace espalier::data {
namespace {

constexpr char kSkipSetting[] = "text.on_bad_record=skip";

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\f\v") == line.npos;
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
  bool line_goes_on = false;
  std::int64_t documents_before = 0;    // this file
  bool told = false;                    // that it has nothing
  std::optional<io::LineReader> lines;  // of text and JSON lines
  std::optional<TableReader> table;     // or of .csv and .tsv
  std::size_t column = 0;
  TableFormat format = TableFormat::kText;
  BadRecords bad;  // of this file
  std::vector<std::string> left_out;
  std::uint64_t finished_bytes = 0;
  std::uint64_t total_bytes = 0;
  Row row;
  // The document being gathered or cut; what lies before `taken` was handed out already.
  std::string pending;
  std::size_t taken = 0;
  std::uint64_t line = 0;
  bool was_cut = false;
  bool complete = false;  // nothing more belongs to `pending`
  bool repaired = false;  // what was not UTF-8 in it was replaced
  std::string buffer;     // of a repaired line

  std::filesystem::path shown(std::size_t file) const {
    return options.shown.empty() ? files[file] : options.shown[file];
  }

  // One policy for all formats: of several files, one without a record is told and passed over.
  bool open_next() {
    while (next_file < files.size()) {
      std::error_code ignored;
      const std::size_t file = next_file++;
      if (files.size() > 1 && std::filesystem::is_empty(files[file], ignored)) {
        left_out.push_back(shown(file).string() + ": the file is empty");
        continue;
      }
      try {
        open(file);
        return true;
      } catch (const NoRows& nothing) {
        pass_over(nothing);
        finished_bytes += sizes[file];
      }
    }
    return false;
  }

  void open(std::size_t file) {
    documents_before = counts.documents;
    told = false;
    format = options.format ? *options.format : table_format(files[file]);
    if (format == TableFormat::kText || format == TableFormat::kJsonl) {
      lines.emplace(files[file], io::LineReaderOptions{.cut_long_lines = format == TableFormat::kText,
                                                       .shown = shown(file)});
      return;
    }
    TableOptions table_options;
    table_options.separator = options.separator;
    table_options.header = options.header;
    table_options.on_bad_record = options.on_bad_record;
    table_options.skip_setting = kSkipSetting;
    table_options.shown = shown(file);
    table.emplace(files[file], format, table_options);
    column = table->column(options.field, "text.field");
  }

  void pass_over(const NoRows& nothing) {
    if (files.size() == 1) throw NoRows(nothing);
    left_out.push_back(nothing.what());
    told = true;
  }

  bool is_open() const { return lines || table; }

  void close() {
    finished_bytes += sizes[next_file - 1];
    const BadRecords& records = table ? table->left_out() : bad;
    counts.bad_records += static_cast<std::int64_t>(records.count());
    const std::string name = shown(next_file - 1).string();
    if (records.count() > 0) {
      left_out.push_back(name + ": " + records.text());
    } else if (files.size() > 1 && counts.documents == documents_before && !told) {
      left_out.push_back(name + ": no text in it");
    }
    told = false;
    bad = BadRecords();
    line_goes_on = false;
    lines.reset();
    table.reset();
  }

  std::uint64_t file_position() const {
    if (table) return table->file_position();
    return lines ? lines->file_position() : 0;
  }

  void clear_pending() {
    pending.clear();
    taken = 0;
    was_cut = complete = repaired = false;
  }

  std::size_t pending_bytes() const { return pending.size() - taken; }

  // Reads until a document is complete or longer than a piece; false at the end of the file.
  bool gather() {
    if (format == TableFormat::kText) return gather_paragraphs();
    while (table ? read_row() : read_json_line()) {
      complete = true;
      if (!is_blank_text(pending)) return true;
      ++counts.empty;
      clear_pending();
    }
    return false;
  }

  // The next record that has a text, into `pending`.
  bool read_json_line() {
    while (true) {
      try {
        const auto text = lines->next();
        if (!text) return false;
        if (is_blank(*text)) continue;
        line = lines->line_number();
        repaired = !text::is_utf8(*text);
        const io::Json object =
            parse_json_line(text::repair_utf8(*text, buffer), lines->path(), line,
                            fmt::format("one JSON object with a `{}` a line", options.field));
        require_field(object);
        pending = json_line_text(object, options.field, lines->path(), line);
        return true;
      } catch (const BadRecord& record) {
        leave_out(record);
      } catch (const io::LongLine& long_line) {
        leave_out(BadRecord(lines->path(), long_line.line(), long_line.reason()));
      }
    }
  }

  void require_field(const io::Json& object) const {
    if (object.contains(options.field)) return;
    std::vector<std::string> keys;
    for (const auto& item : object.items()) keys.push_back(item.key());
    throw BadRecord(lines->path(), line,
                    fmt::format("no key `{}` (text.field); the keys are: {}", options.field, joined(keys)));
  }

  bool read_row() {
    try {
      if (!table->next(row)) return false;
    } catch (const NoRows& nothing) {
      const bool told_at_the_end = files.size() > 1 && table->left_out().count() > 0;
      if (!told_at_the_end) pass_over(nothing);
      return false;
    }
    line = row.line;
    pending = table->text(row, column);
    return true;
  }

  void leave_out(const BadRecord& record) {
    if (options.on_bad_record == OnBadRecord::kStop) throw with_way_out(record, kSkipSetting);
    bad.add(record);
  }

  static bool is_blank_text(std::string_view text) {
    return text.find_first_not_of(" \t\r\f\v\n") == text.npos;
  }

  bool gather_paragraphs() {
    while (const auto text = lines->next()) {
      const bool continued = std::exchange(line_goes_on, lines->goes_on());
      if (continued || !is_blank(*text)) {
        if (pending_bytes() == 0 && !was_cut) line = lines->line_number();
        if (pending_bytes() > 0 && !continued) pending += '\n';
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
    if (repaired || !text::is_utf8(document.text)) note_invalid();
    counts.pieces += was_cut ? 1 : 0;
  }

  void note_invalid() {
    if (counts.invalid_utf8++ > 0) return;
    counts.first_invalid_utf8 = fmt::format("{}: line {}", shown(next_file - 1).string(), line);
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
    if (!s.is_open() && !s.open_next()) return false;
    if (!s.gather() && s.pending_bytes() == 0) s.close();
  }
}

void CorpusReader::skip_file() {
  state_->clear_pending();
  if (state_->is_open()) state_->close();
}

const CorpusCounts& CorpusReader::counts() const {
  return state_->counts;
}
const std::vector<std::string>& CorpusReader::left_out() const {
  return state_->left_out;
}
std::uint64_t CorpusReader::position() const {
  return state_->finished_bytes + state_->file_position();
}
std::uint64_t CorpusReader::total_bytes() const {
  return state_->total_bytes;
}
std::uint64_t CorpusReader::file_bytes(std::size_t file) const {
  return state_->sizes.at(file);
}

}  // namespace espalier::data
