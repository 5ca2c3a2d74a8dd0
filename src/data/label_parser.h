// From the label column of a row to a class or a value.
#pragma once

#include <cstdint>
#include <string>

#include "espalier/data/labelled.h"

namespace espalier::data {

// Sets label or value of `example`. BadRecord: not a number. InputError: a class that is not known, which is
// no fault of the one row, so that it is never left out. `unknown` says what is wrong with a label that is
// not one of data.labels.
void parse_label(const std::string& text, const LabelledData& data, Example& example,
                 const char* unknown = "was never seen in training");

}  // namespace espalier::data
