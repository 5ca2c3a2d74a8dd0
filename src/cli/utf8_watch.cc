#include "cli/utf8_watch.h"

#include <fmt/format.h>

#include "espalier/base/log.h"
#include "text/utf8.h"

namespace espalier::cli {

void Utf8Watch::look(std::string_view text, std::string_view pair, std::uint64_t line, bool repaired) {
  ++texts_;
  if (!repaired && text::is_utf8(text) && text::is_utf8(pair)) return;
  if (not_utf8_++ == 0) first_line_ = line;
}

void Utf8Watch::report(const std::string& file) const {
  if (not_utf8_ == 0) return;
  const std::string where = file.empty() ? fmt::format("{} of {} texts hold", not_utf8_, texts_)
                                         : fmt::format("{}: {} of {} rows (line {} first) hold", file,
                                                       not_utf8_, texts_, first_line_);
  log_warning(
      where +
      " bytes that are not UTF-8, which the tokenizer replaces; if they are Latin-1, convert them: iconv -f "
      "latin1 -t utf-8");
}

}  // namespace espalier::cli
