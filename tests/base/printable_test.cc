#include "espalier/base/printable.h"

#include <doctest/doctest.h>

namespace espalier {

TEST_CASE("printable: controls and turns of direction are written out, all else stays") {
  CHECK(printable("a line\n\tand a tab, é, 中 and \xFF") == "a line\n\tand a tab, é, 中 and \xFF");
  CHECK(printable("\x1B[31mred") == "<U+001B>[31mred");
  CHECK(printable(std::string_view("\0\x7F", 2)) == "<U+0000><U+007F>");
  CHECK(printable("\u009B2J") == "<U+009B>2J");
  CHECK(printable("\u202Eturned\u2069") == "<U+202E>turned<U+2069>");
  CHECK(printable("\u202F and \u2065") == "\u202F and \u2065");
  CHECK(printable("cut \xE2\x80") == "cut \xE2\x80");
  CHECK(printable("cut \xC2") == "cut \xC2");
  CHECK(printable("Latin-1 \xE2\x41\x66") == "Latin-1 \xE2\x41\x66");
}

}  // namespace espalier
