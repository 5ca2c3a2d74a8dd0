// UTF-8 over bytes. Everything but repair_utf8 expects well-formed input.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace espalier::text {

inline bool is_ascii(char byte) {
  return (static_cast<unsigned char>(byte) & 0x80U) == 0;
}

// The first byte at or after `begin` that is not ASCII (is ASCII), or text.size().
std::size_t find_non_ascii(std::string_view text, std::size_t begin = 0);
std::size_t find_ascii(std::string_view text, std::size_t begin = 0);

// Reads the code point that starts at text[position] and moves past it.
inline char32_t next_code_point(std::string_view text, std::size_t& position) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[position + i]); };
  const char32_t lead = byte(0);
  if (lead < 0x80) {
    position += 1;
    return lead;
  }
  const auto tail = [&](std::size_t i) { return static_cast<char32_t>(byte(i) & 0x3FU); };
  if (lead < 0xE0) {
    const char32_t code = (lead & 0x1FU) << 6U | tail(1);
    position += 2;
    return code;
  }
  if (lead < 0xF0) {
    const char32_t code = (lead & 0x0FU) << 12U | tail(1) << 6U | tail(2);
    position += 3;
    return code;
  }
  const char32_t code = (lead & 0x07U) << 18U | tail(1) << 12U | tail(2) << 6U | tail(3);
  position += 4;
  return code;
}

// Start of the code point that ends right before `position` (> 0).
std::size_t previous_code_point(std::string_view text, std::size_t position);

// For messages: whole characters of at most `bytes` bytes, with "..." where the text goes on.
std::string shortened(std::string_view text, std::size_t bytes);

void append_utf8(char32_t code, std::string& text);

std::size_t count_code_points(std::string_view text);

bool is_utf8(std::string_view text);

// `text` itself if it is well-formed; else a copy in `buffer` where each maximal ill-formed part is U+FFFD.
std::string_view repair_utf8(std::string_view text, std::string& buffer);

}  // namespace espalier::text
