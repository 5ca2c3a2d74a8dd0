// A protocol-buffer message, written field by field; no reading. TensorBoard's files need four wire types and
// seven small messages whose numbers are frozen: libprotobuf would ask every build for its compiler, a copy
// of TensorFlow's schemas and a shared library, for what are these forty lines. Source:
// https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace espalier::io {

class ProtobufMessage {
 public:
  // int32, int64 (negative ones take ten bytes), bool and enum.
  void add_integer(std::uint32_t field, std::int64_t value) {
    append_key(field, kVarint);
    append_varint(static_cast<std::uint64_t>(value));
  }
  void add_double(std::uint32_t field, double value) {
    append_key(field, kFixed64);
    append_fixed(std::bit_cast<std::uint64_t>(value));
  }
  void add_float(std::uint32_t field, float value) {
    append_key(field, kFixed32);
    append_fixed(std::bit_cast<std::uint32_t>(value));
  }
  // A string, or bytes.
  void add_bytes(std::uint32_t field, std::string_view value) {
    append_key(field, kLengthDelimited);
    append_varint(value.size());
    bytes_ += value;
  }
  void add_message(std::uint32_t field, const ProtobufMessage& value) { add_bytes(field, value.bytes_); }
  // A packed repeated double.
  void add_doubles(std::uint32_t field, std::span<const double> values) {
    append_key(field, kLengthDelimited);
    append_varint(values.size() * sizeof(double));
    for (const double value : values) append_fixed(std::bit_cast<std::uint64_t>(value));
  }

  const std::string& bytes() const { return bytes_; }

 private:
  enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

  void append_key(std::uint32_t field, WireType type) { append_varint((field << 3U) | type); }
  void append_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) bytes_ += static_cast<char>((value & 0x7fU) | 0x80U);
    bytes_ += static_cast<char>(value);
  }
  template <class Bits>
  void append_fixed(Bits value) {  // little-endian
    for (std::size_t i = 0; i < sizeof(Bits); ++i) bytes_ += static_cast<char>((value >> (8 * i)) & 0xffU);
  }

  std::string bytes_;
};

}  // namespace espalier::io
