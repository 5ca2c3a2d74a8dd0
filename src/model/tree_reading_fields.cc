#include "espalier/model/tree_reading.h"

namespace espalier::model {

void describe(LeafToken& token, io::JsonFields& fields) {
  fields.add("token", token.token);
  fields.add("id", token.id);
  fields.add("count", token.count);
  fields.add("share", token.share);
  fields.add("pmi", token.pmi);
}

void describe(LeafReading& leaf, io::JsonFields& fields) {
  fields.add("tree", leaf.tree);
  fields.add("leaf", leaf.leaf);
  fields.add("path", leaf.path);
  fields.add("count", leaf.count);
  fields.add("share", leaf.share);
  fields.add("tokens", leaf.tokens);
  fields.add("previous", leaf.previous);
  fields.add("next", leaf.next);
}

void describe(LayerReading& layer, io::JsonFields& fields) {
  fields.add("layer", layer.layer);
  fields.add("tree_layer", layer.tree_layer);
  fields.add("type", layer.type);
  fields.add("trees", layer.trees);
  fields.add("depth", layer.depth);
  fields.add("leaf_perplexity", layer.leaf_perplexity);
  fields.add("dead", layer.dead);
  fields.add("leaves", layer.leaves);
}

void describe(TreeAgreement& trees, io::JsonFields& fields) {
  fields.add("tree", trees.tree);
  fields.add("other", trees.other);
  fields.add("adjusted_mutual_information", trees.adjusted_mutual_information);
}

void describe(LayerAgreement& layer, io::JsonFields& fields) {
  fields.add("layer", layer.layer);
  fields.add("adjusted_mutual_information", layer.adjusted_mutual_information);
  fields.add("trees", layer.trees);
}

void describe(TreesReading& reading, io::JsonFields& fields) {
  fields.add("model", reading.model);
  fields.add("data", reading.data);
  fields.add("precision", reading.precision);
  fields.add_unless_empty("compared_precision", reading.compared_precision);
  fields.add_unless_empty("compared_with", reading.compared_with);
  fields.add("tokens", reading.tokens);
  fields.add("available", reading.available);
  fields.add("min_count", reading.min_count);
  fields.add("layers", reading.layers);
  fields.add_unless_empty("agreement", reading.agreement);
}

}  // namespace espalier::model
