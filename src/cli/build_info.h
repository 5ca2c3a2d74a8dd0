// What the build system knows; written by cmake/build_info.cmake.
#pragma once

namespace espalier::cli {

struct BuildInfo {
  const char* type;       // Release
  const char* compiler;   // GNU 12.2.0
  const char* flags;      // -O3
  const char* threads;    // the backend of base/parallel
  const char* libraries;  // "oneDNN 2.6.3, oneTBB 2021.8.0, ..."
};
extern const BuildInfo kBuildInfo;
// `git describe` of the checkout, or nothing: a source archive has none.
extern const char* const kGitDescription;

}  // namespace espalier::cli
