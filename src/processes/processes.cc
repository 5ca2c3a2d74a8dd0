#include "espalier/processes/processes.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/base/parallel.h"
#include "processes/cores.h"
#include "processes/engine.h"
#include "processes/gather.h"
#include "processes/launcher.h"
#include "processes/own_engine.h"

namespace espalier::processes {
namespace {

// Not destroyed at exit: MPICH's MPI_Abort calls exit() on the engine's own thread, which cannot wait for
// itself.
std::unique_ptr<Engine>& engine = *new std::unique_ptr<Engine>;

// How long an error waits for process 0 to say the same.
constexpr std::chrono::seconds kSameError{3};
// The same before they met: mpirun ends the others two seconds after the first (measured: 4.1.4).
constexpr std::chrono::seconds kSameErrorBefore{10};

std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void require_alike(const std::vector<std::string>& likeness) {
  for (const std::string& own : likeness) {
    const std::vector<Bytes> all = gather(std::as_bytes(std::span(own)));
    for (std::size_t i = 1; i < all.size(); ++i) {
      if (all[i] == all[0]) continue;
      throw InputError(
          fmt::format("process 0 has {}, but process {} has {}: their results would differ; run the same "
                      "program everywhere "
                      "(ESPALIER_ISA=avx2 or sse4, exported to all processes, chooses an instruction set "
                      "that all hosts have)",
                      text_of(all[0]), i, text_of(all[i])));
    }
  }
}

void share_cores() {
  std::vector<Cores> all;
  for (const Bytes& bytes : gather(bytes_of(own_cores()))) all.push_back(cores_in(bytes));
  const int number = place().number;
  set_default_thread_count(threads_of(all, number));
  const std::string complaint = complaint_of(all, number, started_by_open_mpi());
  if (!complaint.empty()) log_warning_of_any_process(complaint);
}

// Open MPI binds even one process to one core; srun starts tasks that do not know of each other.
void tell_of_launcher() {
  if (const int tasks = tasks_apart(); tasks > 1) {
    log_warning(fmt::format(
        "srun started {} tasks that do not know of each other, and each does the whole: add --mpi=pmix",
        tasks));
  }
  if (!started_by_open_mpi()) return;
  const std::vector<Cores> all{own_cores()};
  const std::string complaint = complaint_of(all, 0, true);
  if (!complaint.empty()) log_warning(complaint);
}

}  // namespace

Engine& own_engine() {
  ESPALIER_CHECK(engine != nullptr);
  return *engine;
}

Place place() {
  return engine ? Place{engine->number(), engine->count()} : Place{};
}

std::string library() {
  return messages::library();
}

int launched() {
  return launched_processes();
}

bool launched_first() {
  return launched_number() == 0;
}

void start(const std::vector<std::string>& likeness) {
  if (launched() == 1) return tell_of_launcher();
  if (library().empty()) {
    throw InputError(fmt::format(
        "started as {} processes, but this program is built without MPI: install an MPI library (Debian: "
        "libopenmpi-dev) and build again with -DESPALIER_MPI=ON, or start it alone",
        launched()));
  }
  engine = std::make_unique<Engine>();
  if (engine->count() != launched()) {
    throw InputError(
        fmt::format("the launcher started {} processes, but {} found each other: it is of another MPI "
                    "than the program's, {}",
                    launched(), engine->count(), library()));
  }
  if (!writes()) {
    set_log_process(engine->number());
    // What all print, process 0 prints.
    if (std::freopen("/dev/null", "w", stdout) == nullptr) throw RunError("/dev/null: cannot be opened");
  }
  require_alike(likeness);
  share_cores();
}

void finish() {
  engine.reset();
}

void fail(int status, const std::function<void()>& tell) {
  if (engine) {
    if (!writes()) std::this_thread::sleep_for(kSameError);
  } else if (!launched_first()) {
    set_log_process(launched_number());  // nothing of being stopped, when nothing had begun
    std::this_thread::sleep_for(kSameErrorBefore);
  }
  tell();
  if (engine) engine->fail(status);
}

std::vector<Bytes> gather(std::span<const std::byte> own) {
  if (alone()) return {Bytes(own.begin(), own.end())};
  Gather job(own, place(), Gather::Way::kToAll);
  engine->start(job);
  engine->wait();
  return job.take();
}

std::string text_of_first(const std::string& own) {
  if (alone()) return own;
  return text_of(gather(writes() ? std::as_bytes(std::span(own)) : std::span<const std::byte>()).front());
}

void meet() {
  if (!alone()) gather({});
}

void require_alike(const std::string& own, const std::string& what) {
  if (alone()) return;
  const std::vector<Bytes> all = gather(std::as_bytes(std::span(own)));
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i] == all[0]) continue;
    throw InputError(
        fmt::format("{}: process {} read something else there than process 0: all hosts must see the same "
                    "files by the same paths",
                    what, i));
  }
}

}  // namespace espalier::processes
