#include "io/sealed_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/io/hdf5_file.h"
#include "espalier/io/json.h"
#include "espalier/tensor/pool.h"
#include "io/file_kind.h"
#include "io/structure_checksums.h"
#include "io/user_block.h"

namespace espalier::io {

namespace {

std::uint64_t block_count(std::uint64_t bytes) {
  return bytes / kBlockBytes + (bytes % kBlockBytes != 0 ? 1 : 0);
}

std::vector<std::uint64_t> parse_checksums(const JsonView& field, std::uint64_t count) {
  const std::string& text = field.as_string();
  if (text.size() / 16 != count || text.size() % 16 != 0 ||
      text.find_first_not_of("0123456789abcdef") != text.npos) {
    field.fail(fmt::format("expected {} checksums of 16 hexadecimal digits", count));
  }
  std::vector<std::uint64_t> checksums;
  for (std::size_t at = 0; at < text.size(); at += 16) {
    checksums.push_back(std::stoull(text.substr(at, 16), nullptr, 16));
  }
  return checksums;
}

std::vector<Extent> parse_layout(const Json& json, const std::string& where, std::uint64_t file_bytes) {
  const JsonView list = JsonView(json, where)["datasets"];
  list.expect_array();
  std::vector<Extent> extents;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const JsonView entry = list.at(i);
    Extent extent{entry["name"].as_string(), entry["offset"].as_uint64(), entry["bytes"].as_uint64(), {}};
    if (extent.offset > file_bytes || extent.bytes > file_bytes - extent.offset)
      entry.fail("outside the file");
    extent.checksums = parse_checksums(entry["checksums"], block_count(extent.bytes));
    if (extent.bytes > 0) ranges.emplace_back(extent.offset, extent.offset + extent.bytes);
    extents.push_back(std::move(extent));
  }
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t end = kUserBlockBytes;
  for (const auto& [begin, next] : ranges) {
    if (begin < end) list.fail(fmt::format("two datasets overlap at byte {}", begin));
    end = next;
  }
  return extents;
}

}  // namespace

void BlockChecksums::update(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  while (size > 0) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(size, kBlockBytes - in_current_));
    current_.update(bytes, piece);
    in_current_ += piece;
    bytes += piece;
    size -= piece;
    if (in_current_ == kBlockBytes) {
      done_.push_back(current_.value());
      current_ = Checksum();
      in_current_ = 0;
    }
  }
}

std::vector<std::uint64_t> BlockChecksums::finish() {
  if (in_current_ > 0) done_.push_back(current_.value());
  return std::move(done_);
}

std::string layout_text(const std::vector<Extent>& extents) {
  Json datasets = Json::array();
  for (const Extent& extent : extents) {
    std::string checksums;
    for (const std::uint64_t sum : extent.checksums) checksums += fmt::format("{:016x}", sum);
    datasets.push_back({{"name", extent.name},
                        {"offset", extent.offset},
                        {"bytes", extent.bytes},
                        {"checksums", checksums}});
  }
  Json layout;
  layout["block_bytes"] = kBlockBytes;
  layout["datasets"] = std::move(datasets);
  return json_text(layout);
}

void seal_file(AtomicFile& file, const std::string& kind, std::uint32_t version,
               const std::vector<Extent>& extents, const LayoutPlace& layout) {
  UserBlock block{version, kind, file_size(file.file(), file.path()), layout, 0, {}};
  std::string text(static_cast<std::size_t>(layout.bytes), '\0');
  read_exactly_at(file.file(), file.path(), layout.offset, text.data(), text.size());
  block.layout_checksum = checksum(text.data(), text.size());
  block.segments = structure_checksums(file.file(), file.path(), block.file_bytes, extents);
  const UserBlockBytes bytes = pack_user_block(block);
  file.write_at(0, bytes.data(), bytes.size());
}

SealedFile::SealedFile(const std::filesystem::path& path) : path_(path), file_(MappedFile::open(path)) {
  bytes_ = file_size(file(), path_);
  read_user_block();
  first_block_.push_back(0);
  for (const Extent& extent : extents_) first_block_.push_back(first_block_.back() + extent.checksums.size());
  verified_ = std::make_unique<std::atomic<std::uint8_t>[]>(static_cast<std::size_t>(first_block_.back()));
  verify_structure();
}

void SealedFile::read_user_block() {
  UserBlockBytes bytes{};
  const std::size_t got = read_at(file(), path_, 0, bytes.data(), bytes.size());
  if (got == 0) throw InputError(fmt::format("{}: the file is empty", path_.string()));
  if (!has_our_magic(bytes.data(), got)) {
    const std::string_view head(reinterpret_cast<const char*>(bytes.data()), got);
    refuse_git_lfs_pointer(head, path_);
    const bool hdf5 = got >= 8 && std::memcmp(bytes.data(), "\x89HDF\r\n\x1a\n", 8) == 0;
    const std::string other = hdf5 ? "is HDF5, but was written by another program" : not_text(head, path_);
    throw InputError(fmt::format("{}: this is not an Espalier file{}", path_.string(),
                                 other.empty() ? "" : " (it " + other + ")"));
  }
  if (got < bytes.size()) {
    throw InputError(fmt::format("{}: truncated: only {} bytes are left of it", path_.string(), got));
  }
  UserBlock block = unpack_user_block(bytes, bytes_, path_);
  kind_ = block.kind;
  version_ = block.version;
  segment_checksums_ = std::move(block.segments);
  read_layout(block.layout, block.layout_checksum);
}

void SealedFile::read_layout(const LayoutPlace& place, std::uint64_t expected_checksum) {
  std::string text(static_cast<std::size_t>(place.bytes), '\0');
  read_exactly_at(file(), path_, place.offset, text.data(), text.size());
  if (checksum(text.data(), text.size()) != expected_checksum) {
    throw DamagedFile(path_, "file structure", place.offset, place.bytes);
  }
  const std::string where = path_.string() + ": layout";
  extents_ = parse_layout(parse_json(text, where), where, bytes_);
}

void SealedFile::verify_structure() const {
  const std::vector<std::uint64_t> found = structure_checksums(file(), path_, bytes_, extents_);
  ESPALIER_CHECK(found.size() == segment_checksums_.size());
  const std::uint64_t segment = segment_bytes_for(bytes_ - kUserBlockBytes);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i] == segment_checksums_[i]) continue;
    const std::uint64_t begin = kUserBlockBytes + i * segment;
    throw DamagedFile(path_, "file structure", begin, std::min(segment, bytes_ - begin));
  }
}

void SealedFile::verify(std::size_t extent, std::uint64_t begin, std::uint64_t size) const {
  ESPALIER_CHECK(begin <= extents_.at(extent).bytes && size <= extents_[extent].bytes - begin);
  if (size > 0) take_blocks(extent, begin / kBlockBytes, block_count(begin + size), nullptr);
}

void SealedFile::verify_everything() const {
  for (std::size_t i = 0; i < extents_.size(); ++i) verify(i, 0, extents_[i].bytes);
}

// Of several damaged blocks the first is named, whichever was found first.
void SealedFile::take_blocks(std::size_t extent, std::uint64_t first, std::uint64_t last,
                             std::byte* data) const {
  const Extent& from = extents_[extent];
  std::atomic<std::uint64_t> damaged{last};
  parallel_for(static_cast<std::int64_t>(last - first), 1, [&](std::int64_t begin, std::int64_t end) {
    std::shared_ptr<void> own;
    for (std::uint64_t block = first + static_cast<std::uint64_t>(begin);
         block < first + static_cast<std::uint64_t>(end); ++block) {
      std::atomic<std::uint8_t>& flag = verified_[static_cast<std::size_t>(first_block_[extent] + block)];
      const bool known = flag.load(std::memory_order_acquire) != 0;
      if (known && data == nullptr) continue;
      const std::uint64_t at = block * kBlockBytes;
      const auto size = static_cast<std::size_t>(std::min(kBlockBytes, from.bytes - at));
      if (data == nullptr && own == nullptr) own = pool_allocate(kBlockBytes);
      std::byte* const to =
          data == nullptr ? static_cast<std::byte*>(own.get()) : data + (at - first * kBlockBytes);
      read_exactly_at(file(), path_, from.offset + at, to, size);
      if (known) continue;
      if (checksum(to, size) == from.checksums[static_cast<std::size_t>(block)]) {
        flag.store(1, std::memory_order_release);
        continue;
      }
      std::uint64_t lowest = damaged.load();
      while (block < lowest && !damaged.compare_exchange_weak(lowest, block)) {
      }
    }
  });
  if (damaged == last) return;
  const std::uint64_t at = damaged * kBlockBytes;
  throw DamagedFile(path_, from.name, from.offset + at, std::min(kBlockBytes, from.bytes - at));
}

void SealedFile::read(std::size_t extent, std::uint64_t begin, std::byte* data, std::size_t size) const {
  const Extent& from = extents_.at(extent);
  ESPALIER_CHECK(begin <= from.bytes && size <= from.bytes - begin);
  const std::uint64_t end = begin + size;
  const std::uint64_t first = block_count(begin);
  const std::uint64_t last = end == from.bytes ? block_count(end) : end / kBlockBytes;
  // From `begin` up to the first whole block, and from the end of the last.
  const auto read_part = [&](std::uint64_t part, std::uint64_t stop) {
    if (part >= stop) return;
    verify(extent, part, stop - part);
    read_exactly_at(file(), path_, from.offset + part, data + (part - begin),
                    static_cast<std::size_t>(stop - part));
  };
  if (first >= last) return read_part(begin, end);
  read_part(begin, first * kBlockBytes);
  take_blocks(extent, first, last, data + (first * kBlockBytes - begin));
  read_part(last * kBlockBytes, end);
}

}  // namespace espalier::io
