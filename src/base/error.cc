#include "espalier/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace espalier {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr,
               "espalier: broken invariant at %s:%d: %s\nThis is a bug in the program; please report it.\n",
               file, line, condition);
  std::abort();
}

}  // namespace espalier
