// Verbs under mpirun and srun: those that share their work among processes, and those that do not.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "espalier/config/fields.h"
#include "espalier/processes/processes.h"

namespace espalier::cli {

// Meets the other processes (processes::start()).
void share_work();
// InputError, naming the first setting, if processes resolved their configuration differently.
void require_same_settings(std::span<const config::Setting> settings);
// InputError if standard input shall be read by several processes: a launcher hands it to process 0 alone.
void require_file_for_all(const std::string& file);

// This process's part of rows that were read for all processes, `batch` for each: the batches of one process.
template <class Row>
std::span<const Row> own_part(const std::vector<Row>& rows, std::size_t batch) {
  const std::size_t begin =
      std::min(rows.size(), batch * static_cast<std::size_t>(processes::place().number));
  return std::span<const Row>(rows).subspan(begin, std::min(batch, rows.size() - begin));
}

// InputError if several processes were started: each would do the same.
void require_one_process(const std::string& verb);

}  // namespace espalier::cli
