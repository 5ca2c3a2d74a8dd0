// Our virtual file driver for HDF5: the system calls are ours, on a file that we opened.
//
// Once a write fails, libhdf5 can't even close the file: its close writes too, and fails half way. So this
// driver remembers the first error, tells the library that all went well from then on, and writes nothing
// more; the caller looks at `error` after each call and throws the file away. It is also where tests see that
// the library was never reached.
#pragma once

#include <hdf5.h>

#include <cstdint>

namespace espalier::io {

struct DriverFile {
  int fd = -1;
  bool writable = false;
  std::uint64_t bytes = 0;          // the file's length
  int error = 0;                    // errno of the first failure, 0 if none
  const char* operation = nullptr;  // of that failure
};

// Makes `access` (a file access property list) use the driver on `file`, which must outlive the HDF5 file.
// Returns what H5Pset_driver returns.
herr_t use_driver(hid_t access, DriverFile* file);

// How often libhdf5 has opened a file through the driver in this process.
std::uint64_t driver_opens();

}  // namespace espalier::io
