#include "train/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "espalier/base/checksum.h"
#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/processes/processes.h"
#include "kernels/isa.h"

namespace espalier::train {

Wishes agree(const Wishes& own) {
  if (processes::alone()) return own;
  const auto all = processes::gather_numbers(std::span<const Wishes>(&own, 1));
  Wishes agreed{.seconds = all.front().front().seconds};
  for (const auto& wishes : all) {
    agreed.signal = std::max(agreed.signal, wishes.front().signal);
    agreed.save = agreed.save || wishes.front().save;
  }
  return agreed;
}

void end_saved(std::int64_t step, const std::string& how_to_continue, int signal) {
  processes::meet();
  throw Interrupted(fmt::format("stopped at step {} after saving; {}", step, how_to_continue), signal);
}

void leave_if_asked(const std::string& message) {
  const int signal = agree({.signal = interrupt_signal()}).signal;
  if (signal != 0) throw Interrupted(message, signal);
}

void require_same_weights(nn::Module& model, std::int64_t step) {
  if (processes::alone()) return;
  Checksum checksum;
  for (const nn::NamedParameter& parameter : model.parameters()) {
    const std::span<const float> values = parameter.value.value().span();
    checksum.update(values.data(), values.size_bytes());
  }
  const std::uint64_t own = checksum.value();
  const auto all = processes::gather_numbers(std::span<const std::uint64_t>(&own, 1));
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i] == all[0]) continue;
    throw RunError(
        fmt::format("step {}: process {} holds other weights than process 0: either it read other files (all "
                    "hosts must see the "
                    "same `run`, `init` and data), or its processor computes wrongly",
                    step, i));
  }
}

bool computes_with_bfloat16(optim::OptimizerKind optimizer, ops::Precision precision) {
  return optimizer == optim::OptimizerKind::kMuon || precision == ops::Precision::kBf16;
}

void require_same_bfloat16(const std::string& who) {
  if (processes::alone()) return;
  const std::string own = kernels::bfloat16_instructions();
  const auto all = processes::gather_numbers(std::span<const char>(own.data(), own.size()));
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i] == all[0]) continue;
    const auto name = [&](std::size_t process) {
      return std::string(all[process].begin(), all[process].end());
    };
    throw InputError(fmt::format(
        "{} computes with bfloat16, for which process 0 has {} and process {} {}, so that their weights "
        "would differ: export ESPALIER_ISA=avx512 (or avx2) to all processes, or use {}",
        who, name(0), i, name(i), who == "train.precision: bf16" ? "float32" : "adamw"));
  }
}

void require_gradient_groups(std::int64_t groups, std::int64_t sequences) {
  const int processes = processes::place().count;
  if (processes <= groups) return;
  // A group holds one sequence or more.
  const std::string way_out = processes > sequences ? std::string("a larger train.batch_size")
                                                    : fmt::format(
                                                          "train.gradient_groups={} (it decides the order of "
                                                          "sums, so keep it for all runs that shall be "
                                                          "equal)",
                                                          processes);
  throw InputError(
      fmt::format("{} processes were started, but an update of {} sequence{} has {} gradient group{}, and "
                  "each process needs one: give {}, or fewer processes",
                  processes, sequences, sequences == 1 ? "" : "s", groups, groups == 1 ? "" : "s", way_out));
}

}  // namespace espalier::train
