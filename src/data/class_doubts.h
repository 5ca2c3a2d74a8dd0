// What looks wrong with the classes that a training file was found to have.
#pragma once

#include <string>
#include <vector>

#include "espalier/data/labelled.h"

namespace espalier::data {

// Warnings: about a row a class (an id column), numbers that look like scores, names that differ by case or
// blanks only, names that stand for a missing value, classes of very few rows. Empty for regressions.
std::vector<std::string> class_doubts(const LabelledData& train);

// "2 classes: bad 60, good 60", shortened if many.
std::string class_summary(const LabelledData& data);

// The name with blanks and controls that cannot be seen written as <U+00A0>, and those that move a terminal's
// cursor or turn the direction of writing, so that it is safe in a message. Well-formed UTF-8.
std::string visible_name(const std::string& name);

}  // namespace espalier::data
