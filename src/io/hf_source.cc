// What a Hugging Face folder said beyond the model, as JSON in a checkpoint's metadata.
#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/io/hf_model.h"

namespace espalier::io {

namespace {

Json buffer_json(const NamedTensor& buffer) {
  Json shape = Json::array();
  for (const std::int64_t extent : buffer.value.shape().extents()) shape.push_back(extent);
  Json values = Json::array();
  for (const float value : buffer.value.span()) values.push_back(value);
  return {{"names", Json::array({buffer.name})}, {"shape", std::move(shape)}, {"values", std::move(values)}};
}

// Every layer has the same rotary angles: equal buffers are stored once, with all their names.
Json buffers_json(const std::vector<NamedTensor>& buffers) {
  Json list = Json::array();
  for (const NamedTensor& buffer : buffers) {
    Json entry = buffer_json(buffer);
    const auto same = std::find_if(list.begin(), list.end(), [&](const Json& other) {
      return other["shape"] == entry["shape"] && other["values"] == entry["values"];
    });
    if (same == list.end()) {
      list.push_back(std::move(entry));
    } else {
      (*same)["names"].push_back(buffer.name);
    }
  }
  return list;
}

DType read_dtype(const JsonView& view) {
  const std::optional<DType> dtype = dtype_from_name(view.as_string());
  if (!dtype) view.fail("unknown element type \"" + view.as_string() + "\"");
  return *dtype;
}

Tensor read_values(const JsonView& buffer) {
  const JsonView extents = buffer["shape"];
  const JsonView values = buffer["values"];
  std::vector<std::int64_t> shape;
  std::int64_t elements = 1;
  const auto count = static_cast<std::int64_t>(values.size());
  for (std::size_t i = 0; i < extents.size(); ++i) {
    shape.push_back(extents.at(i).as_int(0, std::max<std::int64_t>(count, 1)));
    elements = std::min<std::int64_t>(elements * shape.back(), std::int64_t{1} << 31U);
  }
  if (elements != count || shape.size() > static_cast<std::size_t>(Shape::kMaxRank)) {
    buffer.fail("the number of values does not fit the shape");
  }
  Tensor tensor = Tensor::empty(Shape(shape));
  for (std::size_t i = 0; i < values.size(); ++i) {
    tensor.data()[i] = static_cast<float>(values.at(i).as_double());
  }
  return tensor;
}

Json document_or_null(const JsonView& view, const char* key) {
  return view.has(key) ? view[key].json() : Json();
}

}  // namespace

Json hf_source_json(const HfSource& source) {
  Json json = Json::object();
  json["config"] = source.config;
  json["tokenizer_config"] = source.tokenizer_config;
  json["special_tokens_map"] = source.special_tokens_map;
  json["dtype"] = dtype_name(source.dtype);
  Json others = Json::object();
  for (const auto& [name, dtype] : source.dtypes) {
    if (dtype != source.dtype) others[name] = dtype_name(dtype);
  }
  json["other_dtypes"] = std::move(others);
  json["buffers"] = buffers_json(source.buffers);
  return json;
}

HfSource hf_source_from_json(const Json& json, const std::string& where) {
  const JsonView view(json, where);
  view.expect_object();
  HfSource source;
  source.config = document_or_null(view, "config");
  if (!source.config.is_null()) view["config"].expect_object();
  if (source.config.contains("arch")) view["config"]["arch"]["embedding"].expect_object();
  source.tokenizer_config = document_or_null(view, "tokenizer_config");
  source.special_tokens_map = document_or_null(view, "special_tokens_map");
  source.dtype = read_dtype(view["dtype"]);
  const JsonView others = view["other_dtypes"];
  for (const auto& item : others.json().items()) source.dtypes[item.key()] = read_dtype(others[item.key()]);
  const JsonView buffers = view["buffers"];
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const JsonView names = buffers.at(i)["names"];
    const Tensor value = read_values(buffers.at(i));
    for (std::size_t j = 0; j < names.size(); ++j) source.buffers.push_back({names.at(j).as_string(), value});
  }
  return source;
}

}  // namespace espalier::io
