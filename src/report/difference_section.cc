// The keys in which configurations differ, and the remarks of the readers.
#include <set>

#include "report/markup.h"
#include "report/sections.h"

namespace espalier::report {

static Table differences(const std::vector<const RunFolder*>& runs) {
  Table table{{"key"}, {}, runs.size() + 1};
  for (const RunFolder* run : runs) table.header.push_back(run->label);
  std::set<std::string> seen = {"run"};  // that they lie in folders of their own is known
  for (const RunFolder* of : runs) {
    for (const config::Setting& setting : of->settings) {
      if (!seen.insert(setting.key).second) continue;
      std::vector<std::string> row = {setting.key};
      std::set<std::string> values;
      for (const RunFolder* run : runs) {
        row.push_back(setting_text(*run, setting.key));
        values.insert(row.back());
        if (row.back().empty()) row.back() = "-";
      }
      if (values.size() > 1) table.rows.push_back(std::move(row));
    }
  }
  return table;
}

std::string difference_section(const std::vector<std::vector<const RunFolder*>>& kinds) {
  std::string body;
  for (const std::vector<const RunFolder*>& runs : kinds) {
    if (runs.size() < 2) continue;
    const Table table = differences(runs);
    body += table.rows.empty() ? "<p>Their configurations are the same.</p>\n" : table_html(table);
  }
  return body.empty() ? "" : section_html("differences", "What differs in their configurations", body);
}

std::string notes_html(const RunFolder& run) {
  std::string html;
  for (const std::string& note : run.notes) html += remark_html(run.label + ": " + note);
  return html;
}

}  // namespace espalier::report
