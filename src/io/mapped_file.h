// Files in memory as they lie on disk, without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "espalier/tensor/tensor.h"
#include "io/file_ops.h"

namespace espalier::io {

// A file of which pieces can be mapped: a page is read when it is first touched, and processes that map a
// file share its pages. What is written to them stays in this process. Pieces outlive the object.
//
// A file that is renamed, replaced or deleted meanwhile, as all our writers do, stays what it was. Of one
// that another program overwrites in place the pieces change: when the last of them goes, that is logged as
// an error. One that is cut, or whose disk fails, ends the process with SIGBUS where a lost page is touched.
class MappedFile : public std::enable_shared_from_this<MappedFile> {
 public:
  // InputError as of open_for_reading(); a pipe or a device is refused too, and not waited for.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const FileDescriptor& file() const { return file_; }
  // Whether it was written to since it was opened.
  bool changed() const { return !(version() == opened_); }

  // Bytes [offset, offset + size), which must lie in the file. Where the system cannot map them they are
  // read: InputError if the file ends before.
  std::shared_ptr<std::byte> piece(std::uint64_t offset, std::size_t size) const;
  // The same as a tensor, if its elements are aligned there, else undefined. Kernels need no more.
  template <class Element>
  BasicTensor<Element> tensor(std::uint64_t offset, const Shape& shape) const {
    if (offset % alignof(Element) != 0) return {};
    const auto bytes = piece(offset, static_cast<std::size_t>(shape.elements()) * sizeof(Element));
    return BasicTensor<Element>::of_memory(
        shape, std::shared_ptr<Element>(bytes, reinterpret_cast<Element*>(bytes.get())));
  }

 private:
  // What changes when a file is written to.
  struct Version {
    std::int64_t bytes = 0, seconds = 0, nanoseconds = 0;
    bool operator==(const Version&) const = default;
  };
  MappedFile(FileDescriptor file, const std::filesystem::path& path);
  Version version() const;

  FileDescriptor file_;
  std::filesystem::path path_;
  Version opened_;
};

}  // namespace espalier::io
