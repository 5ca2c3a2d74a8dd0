// Pieces of the page. It is well-formed XML too: what is opened is closed.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::report {

// Text from anywhere, for the content of an element and for a quoted attribute: the five characters that mean
// something there are written as references; control characters, what XML allows nowhere, and bytes that are
// not UTF-8, become U+FFFD.
std::string escaped(std::string_view text);

// Cells are text and are escaped here. Columns from `text_columns` on hold numbers.
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::size_t text_columns = 1;
  std::size_t long_from =
      std::numeric_limits<std::size_t>::max();  // from here on sentences, which are broken
};
// Wider than the window it scrolls by itself.
std::string table_html(const Table& table);

// A part with a heading; `body` is HTML.
std::string section_html(const std::string& id, const std::string& title, const std::string& body);

// A paragraph of text that a reader has to see.
std::string remark_html(const std::string& text);
// Figures beside each other.
std::string grid_html(const std::string& figures);

// "c3" and its like, a colour of the page's palette, which begins anew after the eighth ...
std::string colour_class(std::size_t which);
// ... where lines are told apart by their dashes: an attribute, empty of the first eight.
std::string dash_attribute(std::size_t which);

struct Figure {
  std::string title;
  std::string unit = {};    // of what is drawn
  std::string legend = {};  // HTML
  std::string svg = {};
  std::string note = {};  // text
};
std::string figure_html(const Figure& figure);

// "1.2 M", "350", "0.0123": at most four digits that count; a dash for what is not finite.
std::string number_text(double value);
// Always with `digits` behind the point.
std::string fixed_text(double value, int digits);
// "12.3 %" of 0.123.
std::string percent_text(double share);
// "12 s", "3 min 20 s", "4 h 05 min".
std::string duration_text(double seconds);
// "1.23 GB".
std::string bytes_text(double bytes);

}  // namespace espalier::report
