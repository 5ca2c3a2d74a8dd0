// Counts texts that hold bytes which are not UTF-8: the tokenizer replaces these, and a person must know.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace espalier::cli {

class Utf8Watch {
 public:
  // The next text or pair of texts, of a file the line where it begins. `repaired`: its reader replaced some.
  void look(std::string_view text, std::string_view pair = {}, std::uint64_t line = 0, bool repaired = false);
  // Warns, if there were any. `file` is empty for texts of the command line.
  void report(const std::string& file) const;

 private:
  std::uint64_t texts_ = 0, not_utf8_ = 0, first_line_ = 0;
};

}  // namespace espalier::cli
