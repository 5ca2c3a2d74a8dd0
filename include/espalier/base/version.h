#pragma once

namespace espalier {

// Of the program and library; the build system's project version.
inline constexpr const char* kVersion = "0.1.0";

}  // namespace espalier
