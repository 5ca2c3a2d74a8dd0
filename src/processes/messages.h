// Messages between the processes of a run, as little of MPI as is needed. The only door to MPI: a program
// that is built without it has messages_none.cc instead, and is one process always. After initialise()
// everything is called by the thread that called it (MPI_THREAD_FUNNELED).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace espalier::processes::messages {

// "Open MPI v4.1.4"; empty without MPI. May be called by any thread at any time.
std::string library();

// Waits for all processes that were started together.
void initialise();
// All messages have been received by then.
void finalise();
// Of this process, 0 .. count() - 1.
int number();
int count();
// Ends all processes of the run with this status, if that can be done.
void abort(int status);

// A message under way. Its memory must stay until it has arrived.
struct Request {
  std::uint64_t handle = 0;  // MPI_Request
};
Request send(int to, int tag, const void* data, std::size_t bytes);
Request receive(int from, int tag, void* data, std::size_t capacity);
// Whether it is done; never asked again afterwards. `bytes`, where not null, gets the size of what was
// received.
bool arrived(Request& request, std::size_t* bytes = nullptr);
// Whether a message waits to be received, and its size.
bool waits(int from, int tag, std::size_t& bytes);

}  // namespace espalier::processes::messages
