#include "io/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/io/json.h"

namespace espalier::io {

namespace {

Shape shape_of(const JsonView& tensor) {
  const JsonView list = tensor["shape"];
  list.expect_array();
  if (list.size() > Shape::kMaxRank) {
    list.fail(fmt::format("expected at most {} axes, found {}", Shape::kMaxRank, list.size()));
  }
  std::vector<std::int64_t> extents;
  for (std::size_t axis = 0; axis < list.size(); ++axis) extents.push_back(list.at(axis).as_int(0));
  return Shape(extents);
}

// Elements times bytes an element, refused where the product does not fit; that it fits the file is checked
// next.
std::uint64_t bytes_of(const JsonView& tensor, const Shape& shape, DType dtype) {
  std::uint64_t bytes = dtype_bytes(dtype);
  for (const std::int64_t extent : shape.extents()) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes) || bytes >> 62U != 0) {
      tensor.fail(fmt::format("the shape {} is impossibly large", shape.str()));
    }
  }
  return bytes;
}

SafetensorsPlace place_of(const JsonView& tensor, std::uint64_t data_bytes) {
  SafetensorsPlace place;
  const std::string dtype = tensor["dtype"].as_string();
  const auto known = dtype_from_name(dtype);
  if (!known) tensor.fail(fmt::format("the dtype {} is not supported", dtype));
  place.info.dtype = *known;
  place.info.shape = shape_of(tensor);
  place.info.bytes = bytes_of(tensor, place.info.shape, *known);
  const JsonView offsets = tensor["data_offsets"];
  const std::uint64_t begin = offsets.at(0).as_uint64();
  const std::uint64_t end = offsets.at(1).as_uint64();
  if (offsets.size() != 2 || begin > end || end > data_bytes) {
    offsets.fail(
        fmt::format("expected two offsets in order, at most {} (the bytes in the file), found {} and {}",
                    data_bytes, begin, end));
  }
  if (end - begin != place.info.bytes) {
    tensor.fail(fmt::format("{} of shape {} take {} bytes, but its offsets span {}", dtype,
                            place.info.shape.str(), place.info.bytes, end - begin));
  }
  place.offset = begin;
  return place;
}

// Sorted by offset, each tensor must begin where the one before ended.
void check_cover(const SafetensorsHeader& header, std::uint64_t data_bytes, const std::string& where) {
  std::vector<std::pair<const std::string*, const SafetensorsPlace*>> order;
  for (const auto& [name, place] : header.tensors) order.emplace_back(&name, &place);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->offset, a.second->info.bytes) <
           std::pair(b.second->offset, b.second->info.bytes);
  });
  std::uint64_t end = 0;
  for (const auto& [name, place] : order) {
    if (place->offset != end) {
      throw InputError(
          fmt::format("{}: {}: begins at byte {} of the data, expected {}: tensors must neither "
                      "overlap nor leave gaps",
                      where, *name, place->offset, end));
    }
    end += place->info.bytes;
  }
  if (end != data_bytes) {
    throw InputError(
        fmt::format("{}: the tensors take {} bytes, but {} follow the header", where, end, data_bytes));
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_bytes,
                                           const std::string& where) {
  const Json json = parse_json(text, where + ": header");
  const JsonView root(json, where);
  root.expect_object();
  SafetensorsHeader header;
  for (const auto& item : json.items()) {
    if (item.key() == "__metadata__") {
      const JsonView metadata(item.value(), where + ": __metadata__");
      metadata.expect_object();
      for (const auto& pair : item.value().items()) {
        header.metadata[pair.key()] = JsonView(pair.value(), metadata.where()).as_string();
      }
      continue;
    }
    header.tensors[item.key()] = place_of(JsonView(item.value(), where + ": " + item.key()), data_bytes);
  }
  check_cover(header, data_bytes, where);
  return header;
}

}  // namespace espalier::io
