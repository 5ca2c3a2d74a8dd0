// The document around the sections.
#pragma once

#include <string>

#include "report/detail.h"

namespace espalier::report {

// `progress` names what runs are drawn over beside wall time; empty where nothing is.
std::string page_html(const std::string& title, const std::string& subtitle, const std::string& progress,
                      const std::string& sections, const Detail& detail);

}  // namespace espalier::report
