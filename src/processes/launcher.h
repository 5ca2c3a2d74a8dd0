// What the launcher says in environment variables, before MPI is initialised.
#pragma once

namespace espalier::processes {

// Open MPI's mpirun, MPICH's mpiexec, and srun with PMIx or PMI2 say how many processes they started; 1 where
// nobody does.
int launched_processes();
// Whether Open MPI's mpirun started this process, which binds it to cores of its own accord.
bool started_by_open_mpi();
// Kills what started this process, if that is a part of Open MPI: a mpirun that has lost a host waits for the
// daemon there before it ends, and that daemon for mpirun (measured: 4.1.4, longer than two minutes).
void kill_launcher();

}  // namespace espalier::processes
