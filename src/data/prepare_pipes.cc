#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "data/prepare_parts.h"
#include "espalier/base/error.h"
#include "io/byte_source.h"

namespace espalier::data {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

bool can_be_read_once(const std::filesystem::path& path) {
  return io::is_standard_input(path) || !std::filesystem::is_regular_file(path);
}

// The bytes as they are, packed ones unpacked on the way.
void copy(const std::filesystem::path& from, io::AtomicFile& to, const PrepareJob& job) {
  const std::unique_ptr<io::ByteSource> source = io::open_byte_source(from);
  std::vector<char> piece(kPieceBytes);
  for (std::size_t got = 1; got > 0;) {
    job.step("reading standard input", source->file_position(), 0);
    got = source->read(piece.data(), piece.size());
    to.append(piece.data(), got);
  }
}

}  // namespace

SpooledPipes::SpooledPipes(PrepareJob& job) {
  for (std::filesystem::path& file : job.files) {
    const bool pipe = can_be_read_once(file);
    if (!pipe) continue;
    const std::filesystem::path copy_name =
        std::filesystem::path(job.options.out) / fmt::format("{}{}", kSpooledName, copies_.size() + 1);
    copies_.push_back(std::make_unique<io::AtomicFile>(copy_name));
    copy(file, *copies_.back(), job);
    file = copies_.back()->temporary();
  }
}

SpooledPipes::~SpooledPipes() = default;

}  // namespace espalier::data
