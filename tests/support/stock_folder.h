// Hugging Face folders of tiny BERT and DistilBERT models, built from the names that transformers gives their
// tensors, which are spelled out here.
#pragma once

#include <string>

#include "tests/support/hf_folder.h"

namespace espalier::testing {

// Of class BertModel, BertForMaskedLM, BertForPreTraining, BertForSequenceClassification (3 labels) or
// DistilBERT's three, as transformers 5.23 saves it: d 8, 2 heads, 2 layers of 12 units, 450 words, 32
// positions, random weights. A base model's names are without "bert.".
HfFolder stock_folder(const std::string& class_name);

// Every name in it changed by `change`.
template <class Change>
void rename_tensors(HfFolder& folder, const Change& change) {
  for (io::SafetensorsEntry& entry : folder.tensors) entry.name = change(entry.name);
}

}  // namespace espalier::testing
