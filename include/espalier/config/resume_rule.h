// What a key of the configuration may do when a run is continued.
#pragma once

#include <string>

namespace espalier::config {

enum class ResumeRule {
  kSame,      // must have the value that the run was begun with
  kFree,      // says where, how often or until when: the weights do not depend on it
  kRounding,  // may change what is summed in which order: the run goes on, and the change is said
  kInput,     // names a file or folder: may change if the content is the same
};

// The rule of each key of a configuration.
using ResumeRules = ResumeRule (*)(const std::string& key);

}  // namespace espalier::config
