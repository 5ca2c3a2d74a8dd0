#include "io/hf_int8.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "espalier/base/error.h"
#include "espalier/io/model_tensors.h"
#include "espalier/ops/quantized.h"
#include "io/hf_names.h"

namespace espalier::io {

namespace fs = std::filesystem;

namespace {

constexpr const char* kKey = "quantization_config";
constexpr const char* kMethod = "compressed-tensors";
constexpr const char* kFormat = "int-quantized";
constexpr const char* kIn = "linear_in.weight";
constexpr const char* kOut = "linear_out.weight_t";

Json numbers_json(const char* strategy, bool dynamic) {
  return {
      {"num_bits", 8}, {"type", "int"}, {"symmetric", true}, {"strategy", strategy}, {"dynamic", dynamic}};
}

void expect(const JsonView& view, const char* key, const Json& expected) {
  const Json& found = view[key].json();
  if (found == expected) return;
  view[key].fail(
      fmt::format("expected {}, found {}: of quantized models only those in int8 by row are read, "
                  "with a scale a token for what the weights are multiplied with",
                  json_text(expected, -1), json_text(found, -1)));
}

void expect_numbers(const JsonView& view, const char* key, const char* strategy, bool dynamic) {
  const Json expected = numbers_json(strategy, dynamic);
  view[key].expect_object();
  for (const auto& item : expected.items()) expect(view[key], item.key().c_str(), item.value());
}

// An embedding reads no activations.
bool is_of_embeddings(const JsonView& group) {
  const JsonView targets = group["targets"];
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets.at(i).as_string().find("mbedding") == std::string::npos) return false;
  }
  return true;
}

std::map<std::string, nn::Int8Form> forms_of(const HfModel& model) {
  std::map<std::string, nn::Int8Form> forms;
  const auto add = [&](const nn::ParameterInfo& parameter) { forms[parameter.name] = parameter.int8; };
  visit_model_parameters(model.arch, model.classifier ? &*model.classifier : nullptr, add);
  return forms;
}

// The other matrix of a tree, with which it is in bytes or not.
std::string companion_of(const std::string& name) {
  for (const auto& [one, other] : {std::pair{kIn, kOut}, std::pair{kOut, kIn}}) {
    if (name.ends_with(one)) return name.substr(0, name.size() - std::string_view(one).size()) + other;
  }
  return "";
}

}  // namespace

std::string scale_name_of(const std::string& name) {
  return name + "_scale";
}

std::set<std::string> tensors_in_bytes(const HfModel& model) {
  const JsonView own(model.own, "espalier");
  const bool soft = own.has("routing") && own["routing"].get("mode", "hard") == "soft";
  std::set<std::string> names;
  for (const auto& [name, form] : forms_of(model)) {
    if (form == nn::Int8Form::kBytes || (form == nn::Int8Form::kBytesIfHard && !soft)) names.insert(name);
  }
  return names;
}

bool says_int8(const JsonView& document, HfLayout layout) {
  if (!document.has(kKey)) return false;
  const JsonView view = document[kKey];
  view.expect_object();
  if (layout == HfLayout::kOriginal) view.fail("the original's layout has no quantized weights");
  expect(view, "quant_method", kMethod);
  expect(view, "format", kFormat);
  const JsonView groups = view["config_groups"];
  for (const std::string& name : groups.keys()) {
    const JsonView group = groups[name];
    expect_numbers(group, "weights", "channel", false);
    if (group.has("input_activations") || !is_of_embeddings(group))
      expect_numbers(group, "input_activations", "token", true);
  }
  return true;
}

// By the modules that the classes have: a pooler that a masked LM carries along is not in bytes, and a
// decoder is tied to the embedding.
Json int8_config(const HfModel& model, HfLayout layout) {
  const auto group = [](Json targets, Json activations) -> Json {
    return {{"targets", std::move(targets)},
            {"weights", numbers_json("channel", false)},
            {"input_activations", std::move(activations)},
            {"output_activations", Json()},
            {"format", kFormat}};
  };
  Json ignore = Json::array();
  if (!model.classifier && model.arch.pooler) ignore.push_back("re:.*pooler\\.dense$");
  if (!model.classifier && model.arch.masked_lm_head) {
    const std::string decoder = decoder_name(layout);
    ignore.push_back(decoder.substr(0, decoder.rfind('.')));
  }
  return {{"quant_method", kMethod},
          {"format", kFormat},
          {"quantization_status", "compressed"},
          {"config_groups",
           {{"group_0", group(Json::array({"Linear"}), numbers_json("token", true))},
            {"group_1", group(Json::array({"re:.*word_embeddings?$"}), Json())}}},
          {"ignore", std::move(ignore)}};
}

void refuse_int8(const fs::path& folder) {
  throw InputError(fmt::format(
      "{0}: its weights are int8: evaluate, fill-mask, classify, embed and trees use such a folder, but "
      "nothing is trained or made from it. Give the model that it was exported from, or round trip: espalier "
      "import --dequantize {0} FILE.h5 makes a float32 model of what int8 left",
      folder.string()));
}

void check_bytes(const HfModel& model, const HfTensorFile& file) {
  if (model.bytes.empty()) return;
  const std::map<std::string, nn::Int8Form> forms = forms_of(model);
  const auto in_bytes = [&](const std::string& name) {
    return std::any_of(model.bytes.begin(), model.bytes.end(),
                       [&](const NamedBytes& one) { return one.name == name; });
  };
  for (const NamedBytes& one : model.bytes) {
    if (forms.at(one.name) == nn::Int8Form::kFloat32)
      file.fail(fmt::format("`{}` is I8, but is computed in float32: it must be F32", one.name));
    const std::string companion = companion_of(one.name);
    if (!companion.empty() && !in_bytes(companion))
      file.fail(fmt::format("`{}` is I8, but `{}` is not: the two must be alike", one.name, companion));
  }
}

void dequantize_all(HfModel& model) {
  std::map<std::string, Tensor> all;
  for (NamedTensor& tensor : model.tensors) all[tensor.name] = std::move(tensor.value);
  for (const NamedBytes& one : model.bytes) all[one.name] = ops::dequantize(one.value);
  model.tensors.clear();
  model.bytes.clear();
  visit_model_tensors(model.arch, model.classifier ? &*model.classifier : nullptr,
                      [&](const std::string& name, const Shape& /*shape*/) {
                        model.tensors.push_back({name, std::move(all.at(name))});
                      });
}

}  // namespace espalier::io
