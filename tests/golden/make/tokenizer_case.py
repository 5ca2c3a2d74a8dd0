"""tokenizer.json by Hugging Face's library with the original's rules, and what it makes of hard strings."""

import json
import os
import types

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

import corpus
import hard_strings
from store import OUT, versions, write_json

SPECIAL = ["<pad>", "<unk>", "<cls>", "<sep>", "<mask>", "<s>", "</s>"]
VOCAB = 450
PATH = os.path.join(OUT, "tokenizer.json")


def pipeline():
    """The pipeline without a vocabulary."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFD(), normalizers.Lowercase(),
        normalizers.StripAccents(), normalizers.Replace(Regex(" {2,}"), " "),
        normalizers.Replace(Regex(r"[^\x00-\x7F]+"), "")])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer


def train():
    tokenizer = pipeline()
    trainer = trainers.WordPieceTrainer(vocab_size=VOCAB, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(corpus.sentences(), trainer=trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <sep>", pair="<cls>:0 $A:0 <sep>:0 $B:0 <sep>:0",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("<cls>", "<sep>")])
    assert tokenizer.get_vocab_size() == VOCAB, tokenizer.get_vocab_size()
    return tokenizer


def check_against_original(original, tokenizer):
    """Every part but the vocabulary and the order of special tokens must be what the original's constructor builds."""
    cfg = types.SimpleNamespace(
        tokenizer="WordPiece", vocab_size=VOCAB, seq_length=128, include_cls_token_in_corpus=False,
        include_sep_token_in_corpus=True, use_type_ids=False,
        normalizer=dict(force_lowercase=True, strip_accents=True, force_english_keyboard=True, whitespace_escape=False))
    texts = type("Texts", (list,), {"__getitem__": lambda self, rows: {"text": list.__getitem__(self, rows)}})(
        corpus.sentences())
    theirs = json.loads(original.tokenizer._construct_tokenizer(texts, cfg).backend_tokenizer.to_str())
    ours = json.loads(tokenizer.to_str())
    for document in (ours, theirs):
        document["model"].pop("vocab")
        for token in document["post_processor"]["special_tokens"].values():
            token.pop("ids")
        document["added_tokens"] = sorted(
            (t["content"], t["special"], t["normalized"], t["lstrip"], t["rstrip"], t["single_word"])
            for t in document["added_tokens"])
    assert ours == theirs, f"the pipeline differs from the original's:\n{ours}\n{theirs}"


def entry(tokenizer, cleaned, group, text, pair=None):
    encoding = tokenizer.encode(text) if pair is None else tokenizer.encode(text, pair)
    assert set(encoding.type_ids) <= {0}
    result = {"group": group, "text": text}
    if pair is not None:
        result["pair"] = pair
    result.update(
        ids=encoding.ids, tokens=encoding.tokens,
        decoded=tokenizer.decode(encoding.ids, skip_special_tokens=True),
        decoded_with_special=tokenizer.decode(encoding.ids, skip_special_tokens=False),
        cleaned=cleaned.decode(encoding.ids, skip_special_tokens=True, clean_up_tokenization_spaces=True))
    return result


def make(original, retrain):
    if retrain or not os.path.exists(PATH):
        train().save(PATH)
    print(f"{os.path.getsize(PATH):8d}  tokenizer.json")
    tokenizer = Tokenizer.from_file(PATH)
    check_against_original(original, tokenizer)
    cleaned = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_file(PATH), model_max_length=128, **{
        key: token for key, token in zip(
            ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token", "bos_token", "eos_token"), SPECIAL)})
    entries = [entry(tokenizer, cleaned, *single) for single in hard_strings.singles()]
    entries += [entry(tokenizer, cleaned, *pair) for pair in hard_strings.pairs()]
    for text in corpus.sentences()[::40]:
        entries.append(entry(tokenizer, cleaned, "corpus", text))
    write_json("tokenizer_strings.json", {
        "about": "Encodings (special tokens added) and decodings of hard strings by tokenizer.json; `decoded` and "
                 "`decoded_with_special` are the tokenizers library's, `cleaned` is transformers' with "
                 "clean_up_tokenization_spaces.",
        "made_with": versions(), "strings": entries}, "strings")
