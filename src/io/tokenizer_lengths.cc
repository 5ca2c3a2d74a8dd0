// The sections of a tokenizer.json by which the `tokenizers` library cuts and fills every text.
#include <fmt/format.h>

#include "espalier/io/json.h"
#include "espalier/io/tokenizer_json.h"

namespace espalier::io {

namespace {

// "truncation to 128 tokens", or "" where it is not set.
std::string truncation_text(const JsonView& root) {
  if (!root.has("truncation")) return "";
  return fmt::format("truncation to {} tokens", root["truncation"]["max_length"].as_int(0));
}

// The strategy is "BatchLongest" or {"Fixed": 128}.
std::string padding_text(const JsonView& root) {
  if (!root.has("padding")) return "";
  const JsonView strategy = root["padding"]["strategy"];
  if (!strategy.json().is_object()) return "padding to the longest text of a batch";
  return fmt::format("padding to {} tokens", strategy["Fixed"].as_int(0));
}

}  // namespace

std::string length_sections(std::string_view json, const std::string& where) {
  const Json document = parse_json(json, where);
  const JsonView root(document, where);
  const std::string truncation = truncation_text(root);
  const std::string padding = padding_text(root);
  return truncation + (truncation.empty() || padding.empty() ? "" : " and ") + padding;
}

std::string without_length_sections(std::string json, const std::string& where) {
  Json document = parse_json(json, where);
  bool changed = false;
  for (const char* section : {"truncation", "padding"}) {
    if (!JsonView(document, where).has(section)) continue;
    document[section] = nullptr;
    changed = true;
  }
  return changed ? json_text(document) : json;
}

}  // namespace espalier::io
