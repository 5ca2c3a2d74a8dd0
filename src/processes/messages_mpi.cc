#include <mpi.h>

#include <cstring>

#include "espalier/base/error.h"
#include "processes/messages.h"

namespace espalier::processes::messages {
namespace {

static_assert(sizeof(MPI_Request) <= sizeof(Request::handle), "a request fits into its handle");

MPI_Request request_of(const Request& request) {
  MPI_Request result{};
  std::memcpy(&result, &request.handle, sizeof(result));
  return result;
}

Request handle_of(const MPI_Request& request) {
  Request result;
  std::memcpy(&result.handle, &request, sizeof(request));
  return result;
}

int size_of(std::size_t bytes) {
  ESPALIER_CHECK(bytes <= std::size_t{1} << 30);  // MPI counts in int
  return static_cast<int>(bytes);
}

}  // namespace

std::string library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) return "MPI";
  // Open MPI goes on with its package and date behind a comma, MPICH with its configuration in further lines;
  // it writes "MPICH Version:      4.0.2".
  std::string all(text, static_cast<std::size_t>(length));
  all = all.substr(0, all.find_first_of(",\n"));
  const std::string::size_type gap = all.find_first_of("\t "), word = all.find_last_of("\t ");
  if (all.starts_with("MPICH") && word != std::string::npos)
    return all.substr(0, gap) + " " + all.substr(word + 1);
  return all;
}

void initialise() {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
}

void finalise() {
  MPI_Finalize();
}

int number() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

int count() {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

void abort(int status) {
  MPI_Abort(MPI_COMM_WORLD, status);
}

Request send(int to, int tag, const void* data, std::size_t bytes) {
  MPI_Request request{};
  MPI_Isend(data, size_of(bytes), MPI_BYTE, to, tag, MPI_COMM_WORLD, &request);
  return handle_of(request);
}

Request receive(int from, int tag, void* data, std::size_t capacity) {
  MPI_Request request{};
  MPI_Irecv(data, size_of(capacity), MPI_BYTE, from, tag, MPI_COMM_WORLD, &request);
  return handle_of(request);
}

bool arrived(Request& request, std::size_t* bytes) {
  MPI_Request mpi = request_of(request);
  MPI_Status status{};
  int done = 0;
  MPI_Test(&mpi, &done, &status);
  request = handle_of(mpi);
  if (done == 0) return false;
  if (bytes != nullptr) {
    int count = 0;
    MPI_Get_count(&status, MPI_BYTE, &count);
    *bytes = static_cast<std::size_t>(count);
  }
  return true;
}

bool waits(int from, int tag, std::size_t& bytes) {
  MPI_Status status{};
  int there = 0;
  MPI_Iprobe(from, tag, MPI_COMM_WORLD, &there, &status);
  if (there == 0) return false;
  int count = 0;
  MPI_Get_count(&status, MPI_BYTE, &count);
  bytes = static_cast<std::size_t>(count);
  return true;
}

}  // namespace espalier::processes::messages
