// A program without MPI is alone: nothing here is reached but library().
#include "espalier/base/error.h"
#include "processes/messages.h"

namespace espalier::processes::messages {

std::string library() {
  return "";
}

void initialise() {
  ESPALIER_CHECK(false);
}
void finalise() {}
int number() {
  return 0;
}
int count() {
  return 1;
}
void abort(int /*status*/) {}

Request send(int /*to*/, int /*tag*/, const void* /*data*/, std::size_t /*bytes*/) {
  ESPALIER_CHECK(false);
}
Request receive(int /*from*/, int /*tag*/, void* /*data*/, std::size_t /*capacity*/) {
  ESPALIER_CHECK(false);
}
bool arrived(Request& /*request*/, std::size_t* /*bytes*/) {
  ESPALIER_CHECK(false);
}
bool waits(int /*from*/, int /*tag*/, std::size_t& /*bytes*/) {
  ESPALIER_CHECK(false);
}

}  // namespace espalier::processes::messages
