#include "model/card_usage.h"

#include <fmt/format.h>

#include "espalier/io/tokenizer_json.h"
#include "espalier/model/text_encoding.h"

namespace espalier::model {

namespace {

// What the card shows the model at work on.
struct Example {
  std::string verb;    // of the command line
  std::string shell;   // its texts, quoted
  std::string python;  // the tokenizer's arguments
  std::string call;    // of the model's class
  std::string result;  // from `outputs` to what is printed
};

Example masked_lm_example(const std::string& mask) {
  const std::string text = fmt::format("\"The capital of France is {}.\"", mask);
  return {"fill-mask", text, text, "AutoModelForMaskedLM",
          "    place = (inputs[\"input_ids\"][0] == tokenizer.mask_token_id).nonzero().item()\n"
          "    print(tokenizer.decode([outputs[\"outputs\"][place].argmax().item()]))\n"};
}

// A model of single texts reads a pair whose second part is empty, which only lists keep.
Example classifier_example(const io::HfModel& model) {
  const io::JsonView own(model.own, "config.json: espalier");
  const bool pairs = own.has("task") && !own["task"].get("text_pair", "").empty();
  const bool regression = model.classifier->labels == 1;
  return {"classify", pairs ? "\"A first text.\" --pair \"A second text.\"" : "\"A text to classify.\"",
          pairs ? "[\"A first text.\"], [\"A second text.\"]" : "[\"A text to classify.\"], [\"\"]",
          "AutoModelForSequenceClassification",
          regression ? "    print(outputs[\"logits\"].item())\n"
                     : "    print(model.config.id2label[outputs[\"logits\"].argmax().item()])\n"};
}

std::string tokenizer_lines(const Example& example) {
  return fmt::format(
      "The tokenizer in Python, with any transformers from 4.41 on (tried up to 5.23):\n\n"
      "    from transformers import AutoTokenizer\n"
      "    tokenizer = AutoTokenizer.from_pretrained(\".\")\n"
      "    print(tokenizer({})[\"input_ids\"])\n\n",
      example.python);
}

// Measured. 4.50 does not read complex tensors; from 4.51 on the original's constructor of trees fails; from
// 5.0 on its import does, and where that is patched, buffers that are not in the file are unset memory.
std::string model_lines(const Example& example, bool complex_tensors) {
  const char* last = complex_tensors ? "4.49.0" : "4.50.3";
  return fmt::format(
      "The model in Python runs by the original's code, which works with transformers 4.41.2 to {0}{1}. "
      "Later "
      "versions do not load it; do not patch them until they do: 5.x then computes with unset memory and "
      "says "
      "nothing.\n\n"
      "    git clone https://github.com/pbelcak/UltraFastBERT\n"
      "    pip install ./UltraFastBERT/training \"transformers>=4.41.2,<={0}\"\n\n"
      "and then, in this folder:\n\n"
      "    import cramming, torch\n"
      "    from transformers import {2}, AutoTokenizer\n"
      "    tokenizer = AutoTokenizer.from_pretrained(\".\")\n"
      "    model = {2}.from_pretrained(\".\").eval()\n"
      "    inputs = tokenizer({3}, return_tensors=\"pt\")\n"
      "    with torch.no_grad(): outputs = model(**inputs)\n"
      "{4}\n",
      last, complex_tensors ? " (its rotary positions lie in complex tensors, which 4.50 does not read)" : "",
      example.call, example.python, example.result);
}

// Of a model that only encodes.
Example encoder_example() {
  const std::string text = "\"A text to compare.\"";
  return {"embed", text, text, "AutoModel", "    print(outputs.last_hidden_state[0].mean(0))\n"};
}

Example stock_masked_lm_example(const std::string& mask) {
  Example example = masked_lm_example(mask);
  example.result =
      "    place = (inputs[\"input_ids\"][0] == tokenizer.mask_token_id).nonzero().item()\n"
      "    print(tokenizer.decode([outputs.logits[0, place].argmax().item()]))\n";
  return example;
}

// All but a crammed BERT read a single text in the tokenizer's own template.
Example stock_classifier_example(const io::HfModel& model) {
  Example example = classifier_example(model);
  if (classifier_encoding(model.arch).empty_pair) return example;
  const bool pairs = example.shell.find("--pair") != std::string::npos;
  example.python = pairs ? "\"A first text.\", \"A second text.\"" : example.shell;
  return example;
}

// Tried with 4.41.2 and 5.23. Modules of the folder's own are only loaded where that is said.
std::string stock_lines(const Example& example, bool own, bool sentences) {
  std::string text = fmt::format(
      "In Python, with transformers from 4.41 on{4}:\n\n"
      "    import torch\n"
      "    from transformers import {0}, AutoTokenizer\n"
      "    tokenizer = AutoTokenizer.from_pretrained(\".\"{3})\n"
      "    model = {0}.from_pretrained(\".\"{3}).eval()\n"
      "    inputs = tokenizer({1}, return_tensors=\"pt\")\n"
      "    with torch.no_grad(): outputs = model(**inputs)\n"
      "{2}\n",
      example.call, example.python, example.result, own ? ", trust_remote_code=True" : "",
      own ? "; the two modules in this folder compute it, and train it with every routing (`routing_mode` in "
            "config.json)"
          : "");
  if (!sentences) return text;
  return text + fmt::format(
                    "or with sentence-transformers, whose pooling `espalier embed` follows:\n\n"
                    "    from sentence_transformers import SentenceTransformer\n"
                    "    print(SentenceTransformer(\".\"{}).encode([{}]))\n\n",
                    own ? ", trust_remote_code=True" : "", example.python);
}

// Tried with transformers 5.24 and compressed-tensors 0.20: without dequantize=True a decoder that is tied to
// an embedding in bytes does not run.
std::string int8_lines(const Example& example, bool own) {
  const std::string format =
      "The weights are int8, with a float32 scale a row (`NAME` and `NAME_scale`; a weight is scale * byte), "
      "in the format int-quantized of compressed-tensors. `espalier` (evaluate, fill-mask, classify, embed, "
      "trees) computes with the bytes; nothing is trained from them.\n\n";
  if (own) {
    return format +
           "No class of transformers or vLLM computes this model. These lines of Python make a float32 "
           "folder "
           "of it, which the two modules compute (trust_remote_code=True):\n\n"
           "    import json, shutil\n"
           "    from safetensors.torch import load_file, save_file\n"
           "    shutil.copytree(\".\", \"../float32\")\n"
           "    stored = load_file(\"model.safetensors\")\n"
           "    save_file({name: value * stored[name + \"_scale\"] if name + \"_scale\" in stored else "
           "value\n"
           "               for name, value in stored.items() if not name.endswith(\"_scale\")},\n"
           "              \"../float32/model.safetensors\", {\"format\": \"pt\"})\n"
           "    config = json.load(open(\"config.json\"))\n"
           "    del config[\"quantization_config\"]\n"
           "    json.dump(config, open(\"../float32/config.json\", \"w\"))\n\n";
  }
  return format +
         fmt::format(
             "In Python, with transformers 5 and compressed-tensors (tried: 5.24 and 0.20), as float32:\n\n"
             "    import torch\n"
             "    from transformers import {0}, AutoTokenizer, CompressedTensorsConfig\n"
             "    tokenizer = AutoTokenizer.from_pretrained(\".\")\n"
             "    as_float32 = CompressedTensorsConfig(dequantize=True)\n"
             "    model = {0}.from_pretrained(\".\", quantization_config=as_float32).eval()\n"
             "    inputs = tokenizer({1}, return_tensors=\"pt\")\n"
             "    with torch.no_grad(): outputs = model(**inputs)\n"
             "{2}\n",
             example.call, example.python, example.result);
}

Example example_of(const io::HfModel& model, bool original) {
  if (model.classifier) return original ? classifier_example(model) : stock_classifier_example(model);
  if (!model.arch.masked_lm_head) return encoder_example();
  const text::Tokenizer tokenizer = io::parse_tokenizer(model.tokenizer_json, "tokenizer.json");
  const std::string mask = tokenizer.find("<mask>") ? "<mask>" : "[MASK]";
  return original ? masked_lm_example(mask) : stock_masked_lm_example(mask);
}

}  // namespace

std::string card_usage(const io::HfModel& model, io::HfLayout layout, bool int8) {
  if (model.tokenizer_json.empty()) return "## Use\n\nThe model came without a tokenizer.\n\n";
  const bool original = layout == io::HfLayout::kOriginal;
  const Example example = example_of(model, original);
  const std::string text = fmt::format(
      "## Use\n\nFrom the shell, in this folder:\n\n    espalier {} . {}\n\n", example.verb, example.shell);
  if (int8) return text + int8_lines(example, layout == io::HfLayout::kEspalier);
  if (!original) {
    return text + stock_lines(example, layout == io::HfLayout::kEspalier, !model.sentence_files.is_null());
  }
  return text + tokenizer_lines(example) + model_lines(example, io::stores_rotary_tables(model));
}

}  // namespace espalier::model
