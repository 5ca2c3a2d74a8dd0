// A JSON array printed to standard output element by element, so that it need not fit into memory.
#pragma once

#include "espalier/io/json.h"

namespace espalier::cli {

class JsonList {
 public:
  // Prints nothing unless `enabled`.
  explicit JsonList(bool enabled) : enabled_(enabled) {}
  void add(const io::Json& element);
  // The closing bracket. Without it (an error on the way) the output is not valid JSON.
  void finish();

 private:
  bool enabled_;
  bool empty_ = true;
};

// A whole document.
void print_json(const io::Json& json);

}  // namespace espalier::cli
