# Writes the description of the checkout as a C++ file. cmake -D GIT=... -D SOURCE_DIR=... -D FILE=... -P this
set(description "")
# Its own checkout, not one that an unpacked archive happens to lie in.
if(GIT AND EXISTS ${SOURCE_DIR}/.git)
  execute_process(COMMAND ${GIT} --no-optional-locks describe --always --dirty=-changed --abbrev=12
                  WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE description OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
file(CONFIGURE OUTPUT ${FILE} @ONLY CONTENT [[
#include "cli/build_info.h"

namespace espalier::cli {

const char* const kGitDescription = "@description@";

}  // namespace espalier::cli
]])
