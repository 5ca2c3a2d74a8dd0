#include "report/markup.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "text/utf8.h"

namespace espalier::report {
namespace {

constexpr std::size_t kColours = 8;  // of the palette in page.cc

bool may_stand_in_a_page(char32_t code) {
  if (code == U'\t' || code == U'\n') return true;
  return code >= 0x20 && !(code >= 0x7F && code < 0xA0) && code != 0xFFFE && code != 0xFFFF;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string buffer, result;
  const std::string_view repaired = text::repair_utf8(text, buffer);
  for (std::size_t at = 0; at < repaired.size();) {
    const char32_t code = text::next_code_point(repaired, at);
    switch (code) {
      case U'&':
        result += "&amp;";
        break;
      case U'<':
        result += "&lt;";
        break;
      case U'>':
        result += "&gt;";
        break;
      case U'"':
        result += "&quot;";
        break;
      case U'\'':
        result += "&#39;";
        break;
      default:
        text::append_utf8(may_stand_in_a_page(code) ? code : U'\uFFFD', result);
    }
  }
  return result;
}

std::string table_html(const Table& table) {
  std::string html = "<div class=\"wide\"><table><thead><tr>";
  const auto kind = [&](std::size_t column) {
    if (column >= table.long_from) return " class=\"x\"";
    return column < table.text_columns ? "" : " class=\"n\"";
  };
  for (std::size_t i = 0; i < table.header.size(); ++i) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", kind(i), escaped(table.header[i]));
  }
  html += "</tr></thead><tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      html += i == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", kind(i), escaped(row[i]))
                     : fmt::format("<td{}>{}</td>", kind(i), escaped(row[i]));
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string section_html(const std::string& id, const std::string& title, const std::string& body) {
  return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", escaped(id), escaped(title), body);
}

std::string remark_html(const std::string& text) {
  return fmt::format("<p class=\"remark\">{}</p>\n", escaped(text));
}

std::string grid_html(const std::string& figures) {
  return "<div class=\"grid\">" + figures + "</div>\n";
}

std::string colour_class(std::size_t which) {
  return fmt::format("c{}", which % kColours);
}

std::string dash_attribute(std::size_t which) {
  const std::size_t round = which / kColours;
  if (round == 0) return "";
  std::string dashes = "8 3";
  for (std::size_t i = 1; i < round; ++i) dashes += " .5 3";
  return fmt::format(" stroke-dasharray=\"{}\"", dashes);
}

std::string figure_html(const Figure& figure) {
  std::string html = fmt::format("<figure><figcaption>{}", escaped(figure.title));
  if (!figure.unit.empty()) html += fmt::format(" <span>{}</span>", escaped(figure.unit));
  html += "</figcaption>\n";
  if (!figure.legend.empty()) html += fmt::format("<p class=\"legend\">{}</p>\n", figure.legend);
  html += figure.svg;
  if (!figure.note.empty()) html += fmt::format("<p class=\"note\">{}</p>\n", escaped(figure.note));
  return html + "</figure>\n";
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  static constexpr std::array<std::pair<double, const char*>, 4> kUnits = {
      {{1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e4, " k"}}};
  for (const auto& [least, unit] : kUnits) {
    if (size >= least) return fmt::format("{:.4g}{}", value / (least == 1e4 ? 1e3 : least), unit);
  }
  return fmt::format("{:.4g}", value);
}

std::string fixed_text(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  const double unit = std::pow(10.0, -digits);
  return fmt::format("{:.{}f}", std::abs(value) < unit / 2 ? 0.0 : value, digits);  // no -0.00
}

std::string percent_text(double share) {
  return std::isfinite(share) ? fmt::format("{:.1f} %", 100 * share) : "-";
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long>(std::lround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
  return fmt::format("{} d {:02} h", whole / 86400, whole % 86400 / 3600);
}

std::string bytes_text(double bytes) {
  if (!std::isfinite(bytes)) return "-";
  return bytes < 1e9 ? fmt::format("{:.0f} MB", bytes / 1e6) : fmt::format("{:.2f} GB", bytes / 1e9);
}

}  // namespace espalier::report
