// The lines of a model card: what they say about versions, and that they fit the model. That they run is
// checked by tests/interop/check_versions.py.
#include "model/card_usage.h"

#include <doctest/doctest.h>

#include "espalier/model/exchange.h"
#include "tests/support/hf_folder.h"
#include "tests/support/support.h"

namespace espalier::model {
namespace {

using testing::TempDir;

io::HfModel read(const testing::HfFolder& folder) {
  const TempDir dir;
  folder.write(dir / "in");
  return io::read_hf_model(dir / "in");
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a masked LM: the tokenizer anywhere, the model in the versions that run the original's code") {
  const std::string usage = card_usage(read(testing::small_masked_lm()), io::HfLayout::kOriginal);
  CHECK(has(usage, "    espalier fill-mask . \"The capital of France is <mask>.\"\n\n"));
  CHECK(has(usage,
            "any transformers from 4.41 on (tried up to 5.23):\n\n"
            "    from transformers import AutoTokenizer\n"
            "    tokenizer = AutoTokenizer.from_pretrained(\".\")\n"
            "    print(tokenizer(\"The capital of France is <mask>.\")[\"input_ids\"])\n\n"));
  CHECK(has(usage, "works with transformers 4.41.2 to 4.50.3. Later versions do not load it"));
  CHECK(has(usage, "    pip install ./UltraFastBERT/training \"transformers>=4.41.2,<=4.50.3\"\n"));
  CHECK(has(usage,
            "    import cramming, torch\n"
            "    from transformers import AutoModelForMaskedLM, AutoTokenizer\n"));
  CHECK(has(usage, "outputs[\"outputs\"][place].argmax()"));
}

TEST_CASE("complex tables of rotary positions end the range earlier, also where they have no effect") {
  io::HfModel model = read(testing::small_masked_lm());
  model.source.config["arch"]["attention"]["rotary_embedding"] = true;
  CHECK(has(card_usage(model, io::HfLayout::kOriginal), "\"transformers>=4.41.2,<=4.49.0\""));
  model.source = {};
  CHECK_FALSE(has(card_usage(model, io::HfLayout::kOriginal), "4.49.0"));
  model.arch.attention.rotary = true;
  CHECK(has(card_usage(model, io::HfLayout::kOriginal),
            "4.41.2 to 4.49.0 (its rotary positions lie in complex tensors"));
}

TEST_CASE("classifiers: classes, values, and pairs where the model was trained on them") {
  io::HfModel model = read(testing::small_classifier(3));
  std::string usage = card_usage(model, io::HfLayout::kOriginal);
  CHECK(has(usage, "    espalier classify . \"A text to classify.\"\n"));
  CHECK(has(usage, "tokenizer([\"A text to classify.\"], [\"\"], return_tensors=\"pt\")"));
  CHECK(has(usage, "AutoModelForSequenceClassification.from_pretrained(\".\").eval()"));
  CHECK(has(usage, "    print(model.config.id2label[outputs[\"logits\"].argmax().item()])\n"));
  model.own = {{"task", {{"text", "premise"}, {"text_pair", "hypothesis"}}}};
  usage = card_usage(model, io::HfLayout::kOriginal);
  CHECK(has(usage, "    espalier classify . \"A first text.\" --pair \"A second text.\"\n"));
  CHECK(has(usage, "tokenizer([\"A first text.\"], [\"A second text.\"], return_tensors=\"pt\")"));
  CHECK(has(card_usage(read(testing::small_classifier(1)), io::HfLayout::kOriginal),
            "    print(outputs[\"logits\"].item())\n"));
}

TEST_CASE("our modules and the classes of transformers: in every version, ours by trust_remote_code") {
  io::HfModel model = read(testing::small_masked_lm());
  std::string usage = card_usage(model, io::HfLayout::kEspalier);
  CHECK(has(usage, "    tokenizer = AutoTokenizer.from_pretrained(\".\", trust_remote_code=True)\n"));
  CHECK(has(usage, "with transformers from 4.41 on; the two modules in this folder compute it"));
  CHECK(
      has(usage, "    model = AutoModelForMaskedLM.from_pretrained(\".\", trust_remote_code=True).eval()\n"));
  CHECK(has(usage, "outputs.logits[0, place].argmax()"));
  CHECK_FALSE(has(usage, "cramming"));
  model.arch.masked_lm_head = false;
  usage = card_usage(model, io::HfLayout::kBert);
  CHECK(has(usage, "    espalier embed . \"A text to compare.\"\n"));
  CHECK(has(usage, "    model = AutoModel.from_pretrained(\".\").eval()\n"));
  CHECK_FALSE(has(usage, "trust_remote_code"));
}

TEST_CASE("without a tokenizer there is nothing to show") {
  io::HfModel model = read(testing::small_masked_lm());
  model.tokenizer_json.clear();
  CHECK(card_usage(model, io::HfLayout::kOriginal) == "## Use\n\nThe model came without a tokenizer.\n\n");
}

TEST_CASE("an import explains the truncation and padding that it does not apply") {
  const TempDir dir;
  testing::small_masked_lm().write(dir / "in");
  CHECK(import_model(dir / "in", dir / "a.h5").warnings.empty());
  io::Json tokenizer = io::read_json(dir / "in" / "tokenizer.json");
  tokenizer["truncation"] = {{"max_length", 20}};
  dir.write("in/tokenizer.json", io::json_text(tokenizer));
  const std::vector<std::string> warnings = import_model(dir / "in", dir / "b.h5").warnings;
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0] ==
        (dir / "in" / "tokenizer.json").string() +
            ": truncation to 20 tokens: not applied; texts are cut where the model ends, at 32 tokens, or "
            "where "
            "an option says, and filled as far as a batch needs; an export leaves the sections out");
  // As every verb tells it that opens the folder without an import.
  CHECK(io::read_hf_model(dir / "in").warnings == warnings);
}

}  // namespace espalier::model
