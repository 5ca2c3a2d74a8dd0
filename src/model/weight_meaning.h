// What an architecture says of weights beyond their names and shapes.
#pragma once

#include <map>
#include <string>

#include "espalier/nn/options.h"

namespace espalier::model {

// {KEY: VALUE} of arch.*: where two models differ in one of these, the same tensors compute something else.
// What training alone reads (dropout, init_std) is not among them, nor how long a text may be.
std::map<std::string, std::string> meaning_of_weights(const nn::EncoderOptions& arch);

}  // namespace espalier::model
