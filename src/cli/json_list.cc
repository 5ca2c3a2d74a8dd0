#include "cli/json_list.h"

#include <fmt/format.h>

namespace espalier::cli {

void JsonList::add(const io::Json& element) {
  if (!enabled_) return;
  fmt::print("{}{}", empty_ ? "[\n" : ",\n", io::json_text(element, -1));
  empty_ = false;
}

void JsonList::finish() {
  if (enabled_) fmt::print("{}", empty_ ? "[]\n" : "\n]\n");
}

void print_json(const io::Json& json) {
  fmt::print("{}", io::json_text(json));
}

}  // namespace espalier::cli
