"""Folders with vocab.txt and no tokenizer.json: the tokenizer that is built is that of transformers' BertTokenizer."""

import json
import os

from transformers import AutoTokenizer, BertTokenizer

import check_tokenizer
import tools

SPECIAL = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]",
           "mask_token": "[MASK]"}
OTHER_NAMES = {"unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>",
               "mask_token": "<mask>"}
LETTERS = ("abcdefghijklmnopqrstuvwxyzABCDEFäöüéÄÉабвгдежзийклмнопрстуфхцчшщъыьэюяАБαβγδεζηθικλμνξοπρστυφχψως中文字言"
           "0123456789.,!?'()-")
TEXTS = ["Hello, World!", "äöü ÄÖÜ éÉ naïve", "Привет, мир! Ёлка", "Αθήνα καλημέρα ς", "中文字 mixed with言",
         "a\u00a0b\u200bc\u0000d\tе", "[MASK] <mask> [UNK] x", "don't stop",
         "new token NEWTOK here, [ENT][ent]NEWTOK newtok", "an Ünicorn, ünicorn", "x" * 101, ""]


def _write(folder, special, config, added=None, older=None):
    os.makedirs(folder)
    tokens = (list(special.values()) + list(LETTERS) + ["##" + letter for letter in LETTERS] +
              ["hello", "##llo", "world", "мир", "Hello", "NEWTOK"])
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as file:
        file.writelines(token + "\n" for token in tokens)
    if added:
        config = {**config, "added_tokens_decoder": {str(len(tokens) + i): token for i, token in enumerate(added)}}
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"tokenizer_class": "BertTokenizer", **(special if special != SPECIAL else {}), **config}, file)
    for name, document in (older or {}).items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(document if isinstance(document, dict) else
                      {token: len(tokens) + i for i, token in enumerate(document)}, file)


def _token(content, **properties):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": False, **properties}


CASES = {
    "uncased": (SPECIAL, {}, None),
    "cased": (SPECIAL, {"do_lower_case": False}, None),
    "uncased_with_accents": (SPECIAL, {"do_lower_case": True, "strip_accents": False}, None),
    "cased_without_accents": (SPECIAL, {"do_lower_case": False, "strip_accents": True}, None),
    "chinese_words": (SPECIAL, {"tokenize_chinese_chars": False}, None),
    "other_names": (OTHER_NAMES, {}, None),
    "added": (SPECIAL, {}, [_token("<ent>", special=True), _token("Ünicorn", normalized=True)]),
    "saved_by_older_versions": (SPECIAL, {}, None, {
        "added_tokens.json": ["[ENT]", "Ünicorn"],
        "special_tokens_map.json": {**SPECIAL, "additional_special_tokens": ["[ENT]", "NEWTOK"]}}),
}


def check(program, scratch):
    pairs = [{"text": TEXTS[0], "pair": TEXTS[2]}, {"text": "a", "pair": "中文"}]
    rows = [{"text": text} for text in TEXTS] + pairs
    for name, case in CASES.items():
        folder = os.path.join(scratch, name)
        _write(folder, *case)
        check_tokenizer.compare(program, folder, BertTokenizer.from_pretrained(folder).backend_tokenizer, rows, scratch)
    # The same beside a tokenizer.json that says otherwise: the class goes by tokenizer_config.json.
    others = 0
    for name in ("uncased", "cased", "uncased_with_accents", "cased_without_accents", "chinese_words"):
        for said in ("cased", "chinese_words"):
            folder = os.path.join(scratch, f"{name}_beside_{said}")
            _write(folder, *CASES[name])
            BertTokenizer.from_pretrained(os.path.join(scratch, said)).backend_tokenizer.save(
                os.path.join(folder, "tokenizer.json"))
            twin = AutoTokenizer.from_pretrained(folder).backend_tokenizer
            check_tokenizer.compare(program, folder, twin, rows, scratch)
            others += 1
    return (f"{len(CASES)} folders, {others} with another tokenizer.json, {len(rows)} texts each, equal to "
            "BertTokenizer")


if __name__ == "__main__":
    tools.main("vocab_txt", check)
