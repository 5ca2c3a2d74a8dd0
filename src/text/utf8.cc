#include "text/utf8.h"

#include <cstdint>
#include <cstring>

namespace espalier::text {

namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080U;

// Length of the well-formed sequence at text[begin], or minus the length of the maximal ill-formed part
// (Unicode 15, table 3-7).
int sequence_length(std::string_view text, std::size_t begin) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(begin);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return -1;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (std::size_t i = 1; i < length; ++i) {
    if (begin + i >= text.size() || byte(begin + i) < low || byte(begin + i) > high) {
      return -static_cast<int>(i);
    }
    low = 0x80;
    high = 0xBF;
  }
  return static_cast<int>(length);
}

// The first ill-formed byte at or after `begin`, or text.size().
std::size_t find_ill_formed(std::string_view text, std::size_t begin) {
  for (std::size_t i = find_non_ascii(text, begin); i < text.size();) {
    const int length = sequence_length(text, i);
    if (length < 0) return i;
    i += static_cast<std::size_t>(length);
    if (i < text.size() && is_ascii(text[i])) i = find_non_ascii(text, i);
  }
  return text.size();
}

}  // namespace

std::size_t find_non_ascii(std::string_view text, std::size_t begin) {
  std::size_t i = begin;
  for (; i + 32 <= text.size(); i += 32) {
    std::uint64_t blocks[4];
    std::memcpy(blocks, text.data() + i, 32);
    if (((blocks[0] | blocks[1] | blocks[2] | blocks[3]) & kHighBits) != 0) break;
  }
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t block;
    std::memcpy(&block, text.data() + i, 8);
    if ((block & kHighBits) != 0) break;
  }
  while (i < text.size() && is_ascii(text[i])) ++i;
  return i;
}

std::size_t find_ascii(std::string_view text, std::size_t begin) {
  std::size_t i = begin;
  while (i < text.size() && !is_ascii(text[i])) ++i;
  return i;
}

std::size_t previous_code_point(std::string_view text, std::size_t position) {
  --position;
  while (position > 0 && (static_cast<unsigned char>(text[position]) & 0xC0U) == 0x80U) --position;
  return position;
}

void append_utf8(char32_t code, std::string& text) {
  const auto push = [&](char32_t byte) {
    text.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
  };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0U | code >> 6U);
    push(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    push(0xE0U | code >> 12U);
    push(0x80U | (code >> 6U & 0x3FU));
    push(0x80U | (code & 0x3FU));
  } else {
    push(0xF0U | code >> 18U);
    push(0x80U | (code >> 12U & 0x3FU));
    push(0x80U | (code >> 6U & 0x3FU));
    push(0x80U | (code & 0x3FU));
  }
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char byte : text) count += (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U ? 1 : 0;
  return count;
}

bool is_utf8(std::string_view text) {
  return find_ill_formed(text, 0) == text.size();
}

std::string_view repair_utf8(std::string_view text, std::string& buffer) {
  std::size_t bad = find_ill_formed(text, 0);
  if (bad == text.size()) return text;
  buffer.clear();
  std::size_t begin = 0;
  while (bad < text.size()) {
    buffer.append(text.substr(begin, bad - begin));
    append_utf8(0xFFFD, buffer);
    begin = bad + static_cast<std::size_t>(-sequence_length(text, bad));
    bad = find_ill_formed(text, begin);
  }
  buffer.append(text.substr(begin));
  return buffer;
}

std::string shortened(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  return std::string(text.substr(0, previous_code_point(text, bytes))) + "...";
}

}  // namespace espalier::text
