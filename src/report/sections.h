// The parts of the page, as HTML. A part about nothing is empty.
#pragma once

#include <string>
#include <vector>

#include "report/pretraining.h"

namespace espalier::report {

std::string pretraining_sections(const std::vector<Pretraining>& runs);
std::string tree_sections(const std::vector<Pretraining>& runs);
// The keys in which configurations differ.
std::string difference_section(const std::vector<const RunFolder*>& runs);
// What readers of the files had to say.
std::string notes_html(const RunFolder& run);

}  // namespace espalier::report
