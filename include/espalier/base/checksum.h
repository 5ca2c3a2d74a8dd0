// Checksums of files and tensors: XXH3, fast enough (tens of GB/s) never to be skipped. They find damage, not
// forgery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace espalier {

// XXH3, 64 bits, of `size` bytes.
std::uint64_t checksum(const void* data, std::size_t size);

// The same value over data that arrives in pieces.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(Checksum&&) noexcept;
  Checksum& operator=(Checksum&&) noexcept;
  void update(const void* data, std::size_t size);
  std::uint64_t value() const;
  // 16 hexadecimal digits.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace espalier
