#!/usr/bin/env bash
# transformers 5: a folder has tokenizer.json, and its tokenizer_config.json says BertTokenizer, as the model is BERT.
# Of tokenizer.json the class takes the vocabulary and padding and truncation; normalizer, pre-tokenizer, post-processor
# and the limit of a word's letters are BertTokenizer's own again, without a word. A cased tokenizer of words between
# spaces then lower-cases, strips accents, splits at hyphens and adds [CLS] and [SEP], and the model is fed ids of other
# words than it was trained on. AutoTokenizer does it too, and save_pretrained puts the changed rules into
# tokenizer.json. 4.57 used the file as it is; the guide to version 5 calls what AutoTokenizer does there transparent.
# Seen with 4.57.6 and 5.24.0.
#   Way out: "tokenizer_class": "PreTrainedTokenizerFast", with which both versions use the file as it is.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

cat >program.py <<'TEXT'
import json
import os

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import NFC
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import AutoTokenizer

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Déjà-vu", "deja", "-", "vu", "Paris", "paris"]
tokenizer = Tokenizer(WordPiece({word: id for id, word in enumerate(words)}, unk_token="[UNK]"))
tokenizer.normalizer = NFC()
tokenizer.pre_tokenizer = WhitespaceSplit()
tokenizer.add_special_tokens(words[:5])

def tell(name, ids):
    print(f"{name}: {' '.join(words[id] for id in ids)}")

tell("tokenizers", tokenizer.encode("Déjà-vu Paris").ids)
for name in "PreTrainedTokenizerFast", "BertTokenizer":
    os.mkdir(name)
    tokenizer.save(f"{name}/tokenizer.json")
    with open(f"{name}/tokenizer_config.json", "w") as file:
        json.dump({"tokenizer_class": name}, file)
    loaded = AutoTokenizer.from_pretrained(name)
    tell(name, loaded("Déjà-vu Paris")["input_ids"])
    loaded.save_pretrained(name)
    with open(f"{name}/tokenizer.json") as file:
        saved = json.load(file)
    print(f"{name} saves: {saved['normalizer']['type']}, {saved['pre_tokenizer']['type']}")
TEXT
export HF_HUB_OFFLINE=1
while read -r version tokenizers; do
  python_packages "v$version" "transformers==$version" "tokenizers==$tokenizers"
  (mkdir "$version" && cd "$version" && "../v$version/bin/python" ../program.py >output 2>&1)
done <<'TEXT'
4.57.6 0.22.2
5.24.0 0.23.3
TEXT
for version in 4.57.6 5.24.0; do
  for line in 'tokenizers: Déjà-vu Paris' 'PreTrainedTokenizerFast: Déjà-vu Paris' \
    'PreTrainedTokenizerFast saves: NFC, WhitespaceSplit'; do
    expect "transformers $version" "$version/output" "$line"
  done
done
expect "transformers 4.57.6" 4.57.6/output 'BertTokenizer: Déjà-vu Paris'
expect "transformers 4.57.6" 4.57.6/output 'BertTokenizer saves: NFC, WhitespaceSplit'
expect "transformers 5.24.0" 5.24.0/output 'BertTokenizer: [CLS] deja - vu paris [SEP]'
expect "transformers 5.24.0" 5.24.0/output 'BertTokenizer saves: BertNormalizer, BertPreTokenizer'
