// What the launcher says in environment variables, before MPI is initialised.
#pragma once

namespace espalier::processes {

// Open MPI's mpirun, MPICH's mpiexec, and srun with PMIx or PMI2 say how many processes they started; 1 where
// nobody does.
int launched_processes();
// Whether Open MPI's mpirun started this process, which binds it to cores of its own accord.
bool started_by_open_mpi();

}  // namespace espalier::processes
