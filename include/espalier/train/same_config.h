// What a run that goes on must have as it had it when it began.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "espalier/config/fields.h"
#include "espalier/config/resume_rule.h"
#include "espalier/io/checkpoint.h"

namespace espalier::train {

struct ConfigComparison {
  config::ResumeRules rules;
  // Whether what keys of rule kInput name is compared by content, so that their paths may differ; else two
  // spellings of one path are equal, and nothing more.
  bool inputs_recorded = false;
  std::string way_out;  // a sentence on what to do about a difference
  // What a key that the run's version did not know yet stood at then.
  std::vector<config::Setting> defaults;
};

// Warns where the checkpoint is of another instruction set or oneDNN than this process uses; `with_bfloat16`,
// for Muon and bf16, also where their instructions for bfloat16 are others.
void warn_of_other_program(const io::Checkpoint& checkpoint, const std::string& where, bool with_bfloat16);

// Compares the configuration of a run with the one given now. InputError naming every key that differs and
// may not, with both values and the way out. A change that rounding follows is logged.
void require_same_config(const std::string& saved_yaml, const std::string& saved_where,
                         const std::vector<config::Setting>& now, const ConfigComparison& comparison);

// InputError if a run that has reached `step` is to end before it: `max_steps` of train.max_steps, 0 for
// none.
void require_steps_left(std::int64_t max_steps, std::int64_t step, const std::string& run);

// The way out of a run that cannot go on from there, its folder or the file of `resume`; `key`=MODEL of
// another could start from it.
std::string way_out_by(const std::string& key, const std::string& where);

}  // namespace espalier::train
