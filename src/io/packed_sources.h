// The ways to unpack a file.
#pragma once

#include <memory>

#include "io/plain_source.h"

namespace espalier::io {

// --- gzip_source.cc: several members in a row are one text; zeros may follow, as on tapes.
bool starts_gzip(PlainSource& source);
std::unique_ptr<ByteSource> gzip_source(std::unique_ptr<PlainSource> packed);

// --- zstd_source.cc: several frames in a row are one text; skippable frames (RFC 8878, 3.1.2) are passed
// over. A window of up to 1 GiB is unpacked, which is the memory it takes: InputError for zstd's --long=31.
bool starts_zstd(PlainSource& source);
std::unique_ptr<ByteSource> zstd_source(std::unique_ptr<PlainSource> packed);

}  // namespace espalier::io
