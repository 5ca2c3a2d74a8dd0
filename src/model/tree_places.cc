#include "model/tree_places.h"

#include <fmt/format.h>

#include "base/joined.h"
#include "espalier/base/error.h"

namespace espalier::model {

static std::vector<TreePlace> deciding_layers(const nn::EncoderOptions& arch) {
  std::vector<TreePlace> places;
  const std::vector<std::int64_t> layers = nn::tree_layers(arch);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const nn::FeedForwardOptions ffn = nn::layer_options(arch, layers[i]).ffn;
    if (nn::tree_size(ffn).depth > 0) places.push_back({layers[i], i, ffn});
  }
  return places;
}

std::string numbers_of(const std::vector<TreePlace>& places) {
  return joined(places, ", ", [](const TreePlace& place) { return std::to_string(place.layer); });
}

std::vector<TreePlace> tree_places(const LoadedModel& model, const std::optional<std::int64_t>& layer) {
  std::vector<TreePlace> places = deciding_layers(model.arch);
  const std::string source = model.source.string();
  if (places.empty()) {
    throw InputError(fmt::format("{}: no layer has trees that decide anything: its feedforward layers are {}",
                                 source, nn::describe(model.arch.ffn)));
  }
  if (!layer) return places;
  const std::string there = numbers_of(places);
  std::erase_if(places, [&](const TreePlace& place) { return place.layer != *layer; });
  if (!places.empty()) return places;
  if (*layer >= model.arch.layers) {
    throw InputError(
        fmt::format("--layer: {} has layers 0 to {}, found {}", source, model.arch.layers - 1, *layer));
  }
  throw InputError(fmt::format("--layer: layer {} of {} is {}, without trees that decide; those with: {}",
                               *layer, source, nn::describe(nn::layer_options(model.arch, *layer).ffn),
                               there));
}

}  // namespace espalier::model
