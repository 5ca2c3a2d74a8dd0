// libhdf5 made bearable: one thread at a time, handles that close themselves, errors with a text.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>

#include "espalier/io/hdf5_file.h"

namespace espalier::io {

// The right to call libhdf5. The packaged library may be built without thread safety; and it must not print.
class Hdf5Lock {
 public:
  Hdf5Lock();

 private:
  std::scoped_lock<std::mutex> lock_;
};

// A handle with its closing function; negative ids are "none".
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close close) : id_(id), close_(close) {}
  ~Hdf5Handle() { reset(); }
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(other.id_), close_(other.close_) { other.id_ = -1; }
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept;
  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  // Closes now; what the closing function returned, or 0 if there was nothing to close.
  herr_t reset();

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

// What the library says about its latest failure on this thread.
std::string hdf5_error_text();

// The library's type for numbers of this type in a file, little-endian. Not to be closed.
hid_t hdf5_stored_type(Hdf5Type type);

}  // namespace espalier::io
