"""Real text, line by line, and bytes that are not text:
ids, pieces and decoded text of the program and of the tokenizers library.

Two tokenizers: one that `espalier prepare` trained and the library reads, one that the library trained and the program
reads. $INTEROP_LINES lines (default 20000; 1000000 for the long run) of $ESPALIER_DATA/corpus, cut into sentences, from
all of its files in turn.
"""

import glob
import gzip
import json
import os
import re
import subprocess

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import tools

BATCH = 20000
VOCAB = 8192
TRAINING_LINES = 200000
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# Cut short, alone, too long for what they say, out of range, halves of a pair.
INVALID = [b"the \xff tree", b"\xff\xfe", b"caf\xc3", b"caf\xc3 au lait", b"\xe4\xb8", b"a\xe4\xb8b", b"\xf0\x9f\x8c",
           b"\xf0\x9f\x8ctree", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf8\x88\x80\x80\x80", b"\xf4\x90\x80\x80",
           b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80", b"\x80\x80tree", b"<mask>\xff<sep>", b"tr\xe9e",
           b"\xa0wall\xa0"]


def _sentences(path):
    end = re.compile(r"(?<=[.?!]) +")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for paragraph in file:
            yield from (sentence for sentence in end.split(paragraph.rstrip("\n")) if sentence)


def real_lines(paths, wanted):
    """`wanted` lines, one from each file in turn while it has any."""
    sources, count = [_sentences(path) for path in paths], 0
    while sources:
        for source in list(sources):
            line = next(source, None)
            if line is None:
                sources.remove(source)
                continue
            yield line
            count += 1
            if count == wanted:
                return


def _batches(lines):
    batch = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _theirs(lines, path):
    """The library's own BERT pipeline, trained by the library."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(
        lines, trainers.WordPieceTrainer(vocab_size=VOCAB, special_tokens=SPECIAL, show_progress=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", tokenizer.token_to_id("[SEP]")),
                                                         ("[CLS]", tokenizer.token_to_id("[CLS]")))
    tokenizer.save(path)


def _ours(program, paths, scratch):
    """Trained by `prepare` on one file; what is tokenized are all."""
    out = os.path.join(scratch, "data")
    config = os.path.join(scratch, "data.yaml")
    with open(config, "w", encoding="utf-8") as file:
        json.dump({"text": {"files": paths[:2]}, "out": out, "tokenizer": {"vocab_size": VOCAB}}, file)
    program.run("prepare", config)
    return os.path.join(out, "tokenizer.json")


def _compare(program, path, batches, scratch):
    """Every line in both; the count of lines and of tokens."""
    tokenizer, lines, tokens = Tokenizer.from_file(path), 0, 0
    for batch in batches:
        rows = os.path.join(scratch, "rows.jsonl")
        tools.write_jsonl(rows, ({"text": line} for line in batch))
        with subprocess.Popen([program.binary, "tokenize", path, "--file", rows, "--json"],
                              stdout=subprocess.PIPE) as running:
            found = [json.loads(line) for line in running.stdout]
        tools.expect(running.returncode == 0 and len(found) == len(batch),
                     f"tokenize printed {len(found)} lines for {len(batch)}, status {running.returncode}")
        encodings = tokenizer.encode_batch(batch)
        ids = [encoding.ids for encoding in encodings]
        plain = tokenizer.decode_batch(ids, skip_special_tokens=True)
        special = tokenizer.decode_batch(ids, skip_special_tokens=False)
        for i, line in enumerate(batch):
            expected = {"ids": ids[i], "tokens": encodings[i].tokens, "decoded": plain[i],
                        "decoded_with_special": special[i]}
            if "types" in found[i]:  # the library's own tokenizer has them for pairs
                expected["types"] = encodings[i].type_ids
            tools.expect(found[i] == expected, f"{path}: {line[:300]!r}: {found[i]}, expected {expected}")
        lines += len(batch)
        tokens += sum(map(len, ids))
    return lines, tokens


def _compare_invalid(program, path, scratch):
    """Bytes that are not UTF-8 count as U+FFFD, as Python's `errors="replace"` reads them."""
    tokenizer, rows = Tokenizer.from_file(path), os.path.join(scratch, "invalid.txt")
    with open(rows, "wb") as file:
        file.write(b"".join(row + b"\n" for row in INVALID))
    found = program.json_lines("tokenize", path, "--file", rows, "--json")
    tools.expect(len(found) == len(INVALID), f"tokenize printed {len(found)} lines for {len(INVALID)}")
    for row, result in zip(INVALID, found):
        ids = tokenizer.encode(row.decode("utf-8", "replace")).ids
        expected = tokenizer.decode(ids, skip_special_tokens=True)
        tools.expect(result["ids"] == ids and result["decoded"] == expected,
                     f"{path}: {row!r}: {result}, expected {ids}, {expected!r}")


def check(program, scratch):
    paths = sorted(glob.glob(os.path.join(os.environ.get("ESPALIER_DATA", "/nonexistent"), "corpus", "*.txt.gz")))
    if not paths:
        raise tools.CheckSkipped("ESPALIER_DATA does not name a folder with corpus/*.txt.gz")
    wanted = int(os.environ.get("INTEROP_LINES", "20000"))
    theirs = os.path.join(scratch, "theirs.json")
    _theirs(real_lines(paths, min(wanted, TRAINING_LINES)), theirs)
    told = []
    for name, path in (("trained here", _ours(program, paths, scratch)), ("trained by the library", theirs)):
        _compare_invalid(program, path, scratch)
        lines, tokens = _compare(program, path, _batches(real_lines(paths, wanted)), scratch)
        told.append(f"{name}: {lines} lines, {tokens} tokens, {len(INVALID)} lines of broken UTF-8")
    return "; ".join(told) + "; all equal"


if __name__ == "__main__":
    tools.main("real_text", check)
