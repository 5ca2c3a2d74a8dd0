#include "espalier/base/checksum.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "espalier/base/error.h"

namespace espalier {

struct Checksum::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() {
    ESPALIER_CHECK(xxh != nullptr);
    XXH3_64bits_reset(xxh);
  }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

std::uint64_t checksum(const void* data, std::size_t size) {
  return XXH3_64bits(data, size);
}

Checksum::Checksum() : state_(std::make_unique<State>()) {}
Checksum::~Checksum() = default;
Checksum::Checksum(Checksum&&) noexcept = default;
Checksum& Checksum::operator=(Checksum&&) noexcept = default;
void Checksum::update(const void* data, std::size_t size) {
  XXH3_64bits_update(state_->xxh, data, size);
}
std::uint64_t Checksum::value() const {
  return XXH3_64bits_digest(state_->xxh);
}
std::string Checksum::hex() const {
  return fmt::format("{:016x}", value());
}

}  // namespace espalier
