// What the launcher says in environment variables, before MPI is initialised.
#pragma once

namespace espalier::processes {

// Open MPI's mpirun, MPICH's mpiexec, and srun with PMIx or PMI2 say how many processes they started; 1 where
// nobody does.
int launched_processes();
// The number of this one; 0 where nobody says.
int launched_number();
// How many tasks srun started without telling them of each other (--mpi=none, the default of most clusters),
// for the first of them to tell; 1 for the others, and where another launcher did, or nobody.
int tasks_apart();
// Whether Open MPI's mpirun started this process, which binds it to cores of its own accord.
bool started_by_open_mpi();
// Leaves a process behind that kills what started this one in `seconds`, if that is a part of Open MPI and
// still there. A mpirun that has lost a host kills its own processes, but then waits for the daemon there,
// and that daemon for mpirun (measured: 4.1.4, longer than two minutes).
void kill_launcher_in(unsigned seconds);

}  // namespace espalier::processes
