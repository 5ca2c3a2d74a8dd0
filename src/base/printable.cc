#include "espalier/base/printable.h"

#include <fmt/format.h>

#include <cstddef>

namespace espalier {
namespace {

struct Control {
  unsigned code = 0;
  std::size_t bytes = 0;  // 0: what stands there is none
};

Control control_at(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t ahead) {
    return i + ahead < text.size() ? static_cast<unsigned char>(text[i + ahead]) : 0U;
  };
  const unsigned first = byte(0);
  if (first == 0x7F || (first < 0x20 && first != '\n' && first != '\t')) return {first, 1};
  if (first == 0xC2 && byte(1) >= 0x80 && byte(1) < 0xA0) return {byte(1), 2};
  if (first != 0xE2) return {};
  if (byte(1) == 0x80 && byte(2) >= 0xAA && byte(2) <= 0xAE) return {0x2000U + byte(2) - 0x80U, 3};
  if (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9) return {0x2040U + byte(2) - 0x80U, 3};
  return {};
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Control control = control_at(text, i);
    if (control.bytes == 0) {
      result += text[i++];
    } else {
      result += fmt::format("<U+{:04X}>", control.code);
      i += control.bytes;
    }
  }
  return result;
}

}  // namespace espalier
