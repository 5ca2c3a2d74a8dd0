#include "model/card_usage.h"

#include <fmt/format.h>

#include "espalier/io/tokenizer_json.h"

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
  const io::JsonView own(model.own, "espalier");
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

}  // namespace

std::string card_usage(const io::HfModel& model) {
  if (model.tokenizer_json.empty()) return "## Use\n\nThe model came without a tokenizer.\n\n";
  const text::Tokenizer tokenizer = io::parse_tokenizer(model.tokenizer_json, "tokenizer.json");
  const Example example = model.classifier
                              ? classifier_example(model)
                              : masked_lm_example(tokenizer.find("<mask>") ? "<mask>" : "[MASK]");
  return fmt::format("## Use\n\nFrom the shell, in this folder:\n\n    espalier {} . {}\n\n", example.verb,
                     example.shell) +
         tokenizer_lines(example) + model_lines(example, io::stores_rotary_tables(model));
}

}  // namespace espalier::model
