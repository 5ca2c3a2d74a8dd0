// The layers of a model whose trees can be looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "espalier/model/loaded_model.h"

namespace espalier::model {

// A layer that is looked at: its number in the encoder, and among those with trees.
struct TreePlace {
  std::int64_t layer = 0;
  std::size_t tree_layer = 0;
  nn::FeedForwardOptions ffn;
  ops::TreeSize size() const { return nn::tree_size(ffn); }
};

// Layers whose trees decide anything, or the one of that number. InputError: there are none, or that has
// none.
std::vector<TreePlace> tree_places(const LoadedModel& model, const std::optional<std::int64_t>& layer);
// "0, 1, 3"
std::string numbers_of(const std::vector<TreePlace>& places);

}  // namespace espalier::model
