// Who computes on which cores of a host.
#pragma once

#include <string>

#include "espalier/processes/processes.h"

namespace espalier::processes {

// What a process may use.
struct Cores {
  std::string host;
  std::string set;  // of the affinity mask: equal texts are equal masks
  int count = 0;    // cores in it, no more than a control group allows
  int of_host = 0;  // cores of the host
  int threads = 0;  // what --threads said; 0: nothing
};
Cores own_cores();

std::vector<std::byte> bytes_of(const Cores& cores);
Cores cores_in(std::span<const std::byte> bytes);

// Threads of process `number`: what --threads said, or its cores, shared with the processes of its host that
// may use the same ones.
int threads_of(std::span<const Cores> all, int number);
// What to say where a launcher bound a process to fewer cores than it has threads, or would have if the
// host's were shared out evenly; empty otherwise.
std::string complaint_of(std::span<const Cores> all, int number, bool open_mpi);

}  // namespace espalier::processes
