// The processes of one run, on one machine or many, as mpirun and srun start them. All do the same, each with
// its share of the work; what they must know of each other they exchange here. The calls below are
// collective: every process makes them, in the same order. A program that no launcher started, or that
// started it alone, is process 0 of 1, and every exchange is what it gave itself: MPI is not even
// initialised.
//
// A process that is lost ends all of them within seconds; one that is cut off or hangs, within half a minute.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "espalier/processes/summation_tree.h"

namespace espalier::processes {

struct Place {
  int number = 0;  // of this process
  int count = 1;
};
Place place();

// Process 0, which alone writes files and prints; `alone`: the only one.
inline bool writes() {
  return place().number == 0;
}
inline bool alone() {
  return place().count == 1;
}
// This process's share of `count` parts.
inline Range own_share(std::int64_t count) {
  return share_of(count, place().number, place().count);
}

// "Open MPI v4.1.4"; empty in a program built without MPI.
std::string library();

// Processes of this run by the launcher's environment variables, before anything is initialised; 1 without
// one.
int launched();
// Whether this is process 0 by them, which alone prints what all know alike before start().
bool launched_first();

// Meets the other processes, where there are any; called once, by a verb that shares its work. Shares the
// cores of a host among its processes where no number of threads was asked for, and says where the launcher
// gave fewer cores than there are threads. The others than process 0 print nothing from here on but errors.
// InputError if the program is built without MPI but started as several processes, or if the processes are
// not alike: `likeness` are texts that must be the same in all (version, instruction set).
void start(const std::vector<std::string>& likeness);
// Waits until all are done. Nothing without start().
void finish();
// Ends all processes with the status of an error, after `tell` has printed it: process 0 at once, the others
// if it does not end them first, since they met the same error as a rule. Returns where there is no other
// process, and before start(), when the caller leaves with the status.
void fail(int status, const std::function<void()>& tell);

using Bytes = std::vector<std::byte>;
// What each process gave, in the order of their numbers.
std::vector<Bytes> gather(std::span<const std::byte> own);
// Waits until all are here.
void meet();

// The same of numbers of a trivial type.
template <class Number>
std::vector<std::vector<Number>> gather_numbers(std::span<const Number> own) {
  std::vector<std::vector<Number>> result;
  for (const Bytes& bytes : gather(std::as_bytes(own))) {
    const auto* begin = reinterpret_cast<const Number*>(bytes.data());
    result.emplace_back(begin, begin + bytes.size() / sizeof(Number));
  }
  return result;
}
// What process 0 gave.
template <class Number>
Number of_first(Number own) {
  return alone() ? own : gather_numbers(std::span<const Number>(&own, 1)).front().front();
}
// The text that process 0 gave.
std::string text_of_first(const std::string& own);
// InputError, naming the first process whose text is another than that of process 0: `own` stands for what
// all must have read alike. `what`: "data: runs/words".
void require_alike(const std::string& own, const std::string& what);

}  // namespace espalier::processes
