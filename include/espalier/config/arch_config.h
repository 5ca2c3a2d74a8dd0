// The `arch` mapping: every field of a crammed BERT, as keys.
#pragma once

#include "espalier/config/fields.h"
#include "espalier/nn/options.h"

namespace espalier::config {

// Binds arch.* keys to `options`.
void describe_arch(nn::EncoderOptions& options, Fields& fields);

// The architecture as settings (keys with the `arch.` prefix), and back; used by checkpoints.
std::vector<Setting> arch_settings(const nn::EncoderOptions& options);
nn::EncoderOptions arch_from_settings(std::span<const Setting> settings);

}  // namespace espalier::config
