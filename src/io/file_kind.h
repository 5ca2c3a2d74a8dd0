// What a file really is that was expected to be something else, told by its first bytes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace espalier::io {

// What a Parquet file is, and a command that makes text of it, a row at a time.
inline constexpr char kIsParquet[] =
    "is a Parquet file; write it as JSON lines first: python3 -c 'import json, sys, pyarrow.parquet as p; "
    "[print(json.dumps(r, default=str)) for b in p.ParquetFile(sys.argv[1]).iter_batches() "
    "for r in b.to_pylist()]' FILE.parquet | zstd > FILE.jsonl.zst";

// "is a git-lfs pointer, not the data: ..." or nothing. People clone model repositories without git-lfs.
std::string git_lfs_pointer(std::string_view head);

// Why a file that begins with `head` (64 KiB or more of it where there is as much) cannot be read as UTF-8
// text, and the way out: a git-lfs pointer, UTF-16 or UTF-32 (with a byte-order mark, or by where its zero
// bytes lie), an archive, a picture ... Nothing for anything that may be text, single zero bytes and invalid
// UTF-8 included. `path` stands in the command to copy.
std::string not_text(std::string_view head, const std::filesystem::path& path);

// InputError("PATH: REASON") where not_text gives one.
void require_text(std::string_view head, const std::filesystem::path& path);
// InputError("PATH: is a git-lfs pointer ...") for one of those.
void refuse_git_lfs_pointer(std::string_view head, const std::filesystem::path& path);

}  // namespace espalier::io
