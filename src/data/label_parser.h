// From the label column of a row to a class or a value.
#pragma once

#include <cstdint>
#include <string>

#include "espalier/data/labelled.h"

namespace espalier::data {

// Sets label or value of `example`; InputError names file and line.
void parse_label(const std::string& text, const LabelledData& data, Example& example);

}  // namespace espalier::data
