#include "io/hdf5_driver.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

#include "io/file_ops.h"

namespace espalier::io {

namespace {

// What libhdf5 holds; H5FD_t must come first.
struct Opened {
  H5FD_t base;
  DriverFile* file;
  haddr_t end_of_allocation;
  std::uint64_t serial;
};

struct Info {
  DriverFile* file;
};

constexpr haddr_t kMaxAddress = (haddr_t{1} << 62U) - 1;
#ifdef H5FD_CLASS_VERSION
// Any of those that libhdf5 leaves to programs (512 to 65535).
constexpr H5FD_class_value_t kDriverNumber = 0x4553;
#endif

std::atomic<std::uint64_t>& opens() {
  static std::atomic<std::uint64_t> count{0};
  return count;
}

Opened* opened(H5FD_t* file) {
  return reinterpret_cast<Opened*>(file);
}
const Opened* opened(const H5FD_t* file) {
  return reinterpret_cast<const Opened*>(file);
}

void remember(DriverFile& file, const char* operation, int error) {
  if (file.error != 0 || error == 0) return;
  file.error = error;
  file.operation = operation;
}

H5FD_t* open_file(const char* /*name*/, unsigned /*flags*/, hid_t access, haddr_t /*maxaddr*/) {
  const auto* info = static_cast<const Info*>(H5Pget_driver_info(access));
  if (info == nullptr) return nullptr;
  auto* created = new (std::nothrow) Opened{};
  if (created == nullptr) return nullptr;
  created->file = info->file;
  created->serial = ++opens();
  return &created->base;
}

herr_t close_file(H5FD_t* file) {
  delete opened(file);
  return 0;
}

// Two openings are never the same file to the library, which would otherwise share its state between them.
int compare(const H5FD_t* a, const H5FD_t* b) {
  const std::uint64_t x = opened(a)->serial;
  const std::uint64_t y = opened(b)->serial;
  return x < y ? -1 : (x > y ? 1 : 0);
}

herr_t query(const H5FD_t* /*file*/, unsigned long* flags) {
  if (flags != nullptr) *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA;
  return 0;
}

haddr_t get_eoa(const H5FD_t* file, H5FD_mem_t /*type*/) {
  return opened(file)->end_of_allocation;
}

herr_t set_eoa(H5FD_t* file, H5FD_mem_t /*type*/, haddr_t address) {
  opened(file)->end_of_allocation = address;
  return 0;
}

haddr_t get_eof(const H5FD_t* file, H5FD_mem_t /*type*/) {
  return opened(file)->file->bytes;
}

herr_t read_bytes(H5FD_t* handle, H5FD_mem_t /*type*/, hid_t /*transfer*/, haddr_t address, size_t size,
                  void* buffer) {
  DriverFile& file = *opened(handle)->file;
  if (address > kMaxAddress || size > kMaxAddress) return -1;
  auto* out = static_cast<char*>(buffer);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file.fd, out + done, std::min<std::size_t>(size - done, 1U << 30U),
                                static_cast<off_t>(address + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      remember(file, "read", errno);
      return -1;
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  // As in HDF5's own drivers, what lies beyond the end reads as zeros.
  std::memset(out + done, 0, size - done);
  return 0;
}

herr_t write_bytes(H5FD_t* handle, H5FD_mem_t /*type*/, hid_t /*transfer*/, haddr_t address, size_t size,
                   const void* buffer) {
  DriverFile& file = *opened(handle)->file;
  if (!file.writable) return -1;
  if (file.error == 0) remember(file, "write", file_ops::write_at(file.fd, address, buffer, size));
  file.bytes = std::max<std::uint64_t>(file.bytes, address + size);
  return 0;
}

// The library asks for this at the end, so that the file is as long as what was allocated in it.
herr_t truncate_file(H5FD_t* handle, hid_t /*transfer*/, hbool_t /*closing*/) {
  Opened& self = *opened(handle);
  DriverFile& file = *self.file;
  if (!file.writable || file.bytes == self.end_of_allocation) return 0;
  if (file.error == 0) remember(file, "truncate", file_ops::truncate(file.fd, self.end_of_allocation));
  file.bytes = self.end_of_allocation;
  return 0;
}

const H5FD_class_t& driver_class() {
  static const H5FD_class_t the_class = [] {
    H5FD_class_t c{};
#ifdef H5FD_CLASS_VERSION
    // Since 1.13 libhdf5 refuses a class that does not tell its version and a number of its own.
    c.version = H5FD_CLASS_VERSION;
    c.value = kDriverNumber;
#endif
    c.name = "espalier";
    c.maxaddr = kMaxAddress;
    c.fc_degree = H5F_CLOSE_STRONG;
    c.fapl_size = sizeof(Info);
    c.open = open_file;
    c.close = close_file;
    c.cmp = compare;
    c.query = query;
    c.get_eoa = get_eoa;
    c.set_eoa = set_eoa;
    c.get_eof = get_eof;
    c.read = read_bytes;
    c.write = write_bytes;
    c.truncate = truncate_file;
    // All kinds of memory come from one place in the file.
    std::fill(std::begin(c.fl_map), std::end(c.fl_map), H5FD_MEM_SUPER);
    return c;
  }();
  return the_class;
}

}  // namespace

herr_t use_driver(hid_t access, DriverFile* file) {
  static const hid_t driver = H5FDregister(&driver_class());
  const Info info{file};
  return H5Pset_driver(access, driver, &info);
}

std::uint64_t driver_opens() {
  return opens();
}

}  // namespace espalier::io
