// Warnings of what is met again and again.
#pragma once

#include <string>

namespace espalier {

// log_warning(), but not a second time in this process: GLUE begins each training with the same model.
void log_warning_once(const std::string& message);

}  // namespace espalier
