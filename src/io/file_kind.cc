#include "io/file_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/shell_quote.h"
#include "espalier/base/error.h"
#include "io/byte_source.h"

namespace espalier::io {

namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view bytes;
  const char* message;
};

// What people have beside their text files. Most are told by bytes that no text begins with.
constexpr std::array kSignatures = {
    Signature{
        "PK\x03\x04"sv,
        "is a zip archive (spreadsheets, .xlsx, and .docx are too): unpack it, or save it as UTF-8 text"},
    Signature{"\x89PNG\r\n\x1a\n"sv, "is a PNG picture, not text"},
    Signature{"\xff\xd8\xff"sv, "is a JPEG picture, not text"},
    Signature{"%PDF-"sv, "is a PDF, not text: extract its text first, as with pdftotext"},
    Signature{"\x89HDF\r\n\x1a\n"sv, "is an HDF5 file (as checkpoints and token stores are), not text"},
    Signature{"\x89"
              "Espalier"sv,
              "is an Espalier checkpoint or token store (.h5), not text"},
    Signature{"PAR1\x15"sv, kIsParquet},
    Signature{"ARROW1\0\0"sv, "is an Arrow file: write it as JSON lines or CSV first"},
    Signature{"SQLite format 3\0"sv, "is an SQLite database: write the table as CSV first"},
    Signature{"BZh91AY&SY"sv,
              "is packed with bzip2; only gzip and zstd are unpacked on the way: bunzip2 it first"},
    Signature{"\xfd"
              "7zXZ\0"sv,
              "is packed with xz; only gzip and zstd are unpacked on the way: unxz it first"},
    Signature{"\x28\xb5\x2f\xfd"sv, "is packed with zstd: unzstd it first"},
    Signature{"7z\xbc\xaf\x27\x1c"sv, "is a 7z archive: unpack it first"},
    Signature{"\x7f"
              "ELF"sv,
              "is a program, not text"},
};

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// Text of two-byte units, of which those below U+0100 have a zero at offset `zero` (0 or 1). Blanks and line
// ends are such units in every script, and letters in many; in UTF-8 a zero byte goes with neither.
bool looks_like_utf16(std::string_view head, std::size_t zero) {
  std::size_t zeros = 0, other_zeros = 0, spaces = 0, wide_spaces = 0;
  for (std::size_t i = 0; i + 1 < head.size(); i += 2) {
    zeros += head[i + zero] == '\0' ? 1 : 0;
    other_zeros += head[i + 1 - zero] == '\0' ? 1 : 0;
    if (!is_space(head[i + 1 - zero])) continue;
    ++spaces;
    wide_spaces += head[i + zero] == '\0' ? 1 : 0;
  }
  const std::size_t units = head.size() / 2;
  return zeros >= 2 && zeros * 20 >= units && other_zeros * 10 <= zeros && wide_spaces * 10 >= spaces * 9;
}

// Units of four bytes whose highest two (at `high` and `next`) are zero, or nearly always.
bool looks_like_utf32(std::string_view head, std::size_t high, std::size_t next) {
  std::size_t zeros = 0, nearly = 0, low_zeros = 0;
  const std::size_t units = head.size() / 4;
  for (std::size_t i = 0; i < units; ++i) {
    zeros += head[i * 4 + high] == '\0' ? 1 : 0;
    nearly += head[i * 4 + next] == '\0' ? 1 : 0;
    low_zeros += head[i * 4 + 3 - high] == '\0' ? 1 : 0;
  }
  return units >= 2 && zeros == units && nearly * 10 >= units * 9 && low_zeros * 10 <= units;
}

// iconv's name of an encoding that is not UTF-8. A byte-order mark is iconv's to interpret and to drop.
const char* wide_encoding(std::string_view head) {
  if (head.starts_with("\xff\xfe\0\0"sv) || head.starts_with("\0\0\xfe\xff"sv)) return "utf-32";
  if (head.starts_with("\xff\xfe"sv) || head.starts_with("\xfe\xff"sv)) return "utf-16";
  head = head.substr(0, std::size_t{64} << 10);
  if (head.find('\0') == head.npos) return nullptr;
  if (looks_like_utf32(head, 3, 2)) return "utf-32le";
  if (looks_like_utf32(head, 0, 1)) return "utf-32be";
  if (looks_like_utf16(head, 1)) return "utf-16le";
  return looks_like_utf16(head, 0) ? "utf-16be" : nullptr;
}

std::string conversion(const std::filesystem::path& path, const std::string& encoding) {
  if (is_standard_input(path)) return fmt::format("... | iconv -f {} -t utf-8 | espalier ...", encoding);
  const std::string name = shell_quote(path.string());
  if (path.extension() == ".gz") {
    return fmt::format("zcat {} | iconv -f {} -t utf-8 | gzip > NEW.gz", name, encoding);
  }
  if (path.extension() == ".zst") {
    return fmt::format("zstdcat {} | iconv -f {} -t utf-8 | zstd > NEW.zst", name, encoding);
  }
  return fmt::format("iconv -f {} -t utf-8 {} > NEW", encoding, name);
}

}  // namespace

std::string git_lfs_pointer(std::string_view head) {
  if (!head.starts_with("version https://git-lfs.github.com/spec/")) return "";
  return "is a git-lfs pointer, not the data it stands for; fetch them with `git lfs install && git lfs "
         "pull` in "
         "that repository, or download the file itself";
}

std::string not_text(std::string_view head, const std::filesystem::path& path) {
  if (const char* encoding = wide_encoding(head)) {
    std::string name = encoding;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; });
    return fmt::format("is {} text, expected UTF-8; convert it: {}", name, conversion(path, encoding));
  }
  for (const Signature& signature : kSignatures) {
    if (head.starts_with(signature.bytes)) return signature.message;
  }
  // The length of a header below 16 MiB, and the header.
  if (head.size() > 8 && head.substr(3, 6) == "\0\0\0\0\0{"sv) return "is a safetensors file, not text";
  return git_lfs_pointer(head);
}

void require_text(std::string_view head, const std::filesystem::path& path) {
  const std::string reason = not_text(head, path);
  if (!reason.empty()) throw InputError(fmt::format("{}: {}", shown_path(path).string(), reason));
}

void refuse_git_lfs_pointer(std::string_view head, const std::filesystem::path& path) {
  const std::string reason = git_lfs_pointer(head);
  if (!reason.empty()) throw InputError(fmt::format("{}: {}", path.string(), reason));
}

}  // namespace espalier::io
