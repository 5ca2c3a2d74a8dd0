#!/usr/bin/env bash
# transformers 5.0 to 5.2: a BERT folder without the key do_lower_case is read as a cased model. Folders of an uncased
# BERT often have no more than config.json and vocab.txt, or a tokenizer_config.json without that key, for the class has
# lower-cased unless told otherwise since there is one, and does again from 5.3 on. In between "Paris" is the unknown
# token of such a model; nothing is said. Where there is a tokenizer.json the same happens, whatever it says of
# lowercase: the class goes by the key, or its default (4.57 and 5.3 lower-case with one that does not).
# Seen with 4.57.6, 5.0.0, 5.2.0, 5.3.0 and 5.24.0.
#   Way out: "do_lower_case": true in tokenizer_config.json. This program reads such folders as 4.57 and 5.3 do, and says
#   so where tokenizer.json says otherwise; its exports name PreTrainedTokenizerFast, which goes by tokenizer.json alone.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

cat >program.py <<'TEXT'
import json
import os

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from transformers import AutoTokenizer

words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "paris", "Paris"]
uncased = words[:6]

def folder(name, vocabulary, lowercase=None, config=None):
    os.mkdir(name)
    with open(f"{name}/vocab.txt", "w") as file:
        file.writelines(word + "\n" for word in vocabulary)
    with open(f"{name}/config.json", "w") as file:
        json.dump({"model_type": "bert"}, file)
    if config is not None:
        with open(f"{name}/tokenizer_config.json", "w") as file:
            json.dump(config, file)
    if lowercase is not None:
        tokenizer = Tokenizer(WordPiece({word: id for id, word in enumerate(vocabulary)}, unk_token="[UNK]"))
        tokenizer.normalizer = BertNormalizer(lowercase=lowercase)
        tokenizer.pre_tokenizer = BertPreTokenizer()
        tokenizer.save(f"{name}/tokenizer.json")
    ids = AutoTokenizer.from_pretrained(name)("Paris", add_special_tokens=False)["input_ids"]
    print(f"{name}: {' '.join(vocabulary[id] for id in ids)}")

folder("vocab.txt alone", uncased)
folder("with the key", uncased, config={"do_lower_case": True})
folder("tokenizer.json that lower-cases", uncased, lowercase=True)
folder("tokenizer.json that does not", words, lowercase=False)
TEXT
export HF_HUB_OFFLINE=1
for version in 4.57.6 5.0.0 5.2.0 5.3.0 5.24.0; do
  case $version in
    4.*) others=(tokenizers==0.22.2 huggingface_hub==0.36.2) ;;
    5.24.*) others=(tokenizers==0.23.3 huggingface_hub==2.4.0) ;;
    *) others=(tokenizers==0.22.2 huggingface_hub==1.33.0) ;;
  esac
  python_packages "v$version" "transformers==$version" "${others[@]}" safetensors==0.8.0 numpy==2.4.6
  (mkdir "$version" && cd "$version" && "../v$version/bin/python" ../program.py >output 2>&1) || true
  expect "transformers $version" "$version/output" 'with the key: paris'
done
for version in 4.57.6 5.3.0 5.24.0; do
  for line in 'vocab.txt alone: paris' 'tokenizer.json that lower-cases: paris' 'tokenizer.json that does not: paris'; do
    expect "transformers $version" "$version/output" "$line"
  done
done
for version in 5.0.0 5.2.0; do
  for line in 'vocab.txt alone: [UNK]' 'tokenizer.json that lower-cases: [UNK]' 'tokenizer.json that does not: Paris'; do
    expect "transformers $version" "$version/output" "$line"
  done
done
