"""Training and encoding, ours against Hugging Face's `tokenizers`: see tokenize.sh. Each library's training and
encoding runs in a process of its own, so that its peak memory is its own."""

import functools
import glob
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import common

MEGABYTES = int(os.environ.get("SPEED_MEGABYTES", 60))
VOCABULARY = int(os.environ.get("SPEED_VOCABULARY", 32768))
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<cls>", "<sep>", "<mask>"]


@functools.cache
def gather(path):
    """The first lines of every file of the corpus, as many bytes of each; non-empty lines, as both sides read them."""
    files = sorted(glob.glob(os.path.join(os.environ["ESPALIER_DATA"], "corpus", "*.txt.gz")))
    if not files:
        raise SystemExit("speed: tokenize: no corpus/*.txt.gz in $ESPALIER_DATA")
    wanted, size = MEGABYTES * 1_000_000, 0
    with open(path, "wb") as out:
        for number, file in enumerate(files):
            limit = size + (wanted - size) / (len(files) - number)
            with gzip.open(file) as lines:
                for line in lines:
                    line = line.rstrip(b"\r\n")
                    if not line:
                        continue
                    out.write(line + b"\n")
                    size += len(line)
                    if size >= limit:
                        break
    common.say(f"tokenize: {size / 1e6:.1f} MB of text")
    return size


def read_lines(path):
    """Split at \\n alone, as our reader does."""
    with open(path, "rb") as file:
        return [line.decode("utf-8", "replace") for line in file.read().split(b"\n") if line]


def resident_gb(field):
    """VmRSS: memory of this process now; VmHWM: its peak."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 / 1e9 for line in file if line.startswith(field + ":"))


def forget_peak():
    """Reading the text took more for a moment than is in use now, which would hide what training takes.
    Returns what is in use."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    return resident_gb("VmRSS")


def hf_train(path):
    """The published pipeline, trained by Hugging Face."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    steps = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFD(), normalizers.Lowercase(),
             normalizers.StripAccents(), normalizers.Replace(Regex(" {2,}"), " "),
             normalizers.Replace(Regex(r"[^\x00-\x7F]+"), "")]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    lines = read_lines(path)
    before = forget_peak()
    begin = time.perf_counter()
    tokenizer.train_from_iterator(lines, trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=SPECIAL))
    seconds = time.perf_counter() - begin
    print(json.dumps({"train_s": seconds, "train_rss_gb": resident_gb("VmHWM") - before,
                      "vocabulary": tokenizer.get_vocab_size()}))


def hf_encode(path, tokenizer_json, ids_file):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(tokenizer_json)
    lines = read_lines(path)
    size = sum(len(line.encode()) for line in lines)
    begin = time.perf_counter()
    encoded = tokenizer.encode_batch(lines, add_special_tokens=False)
    seconds = time.perf_counter() - begin
    tokens = 0
    with open(ids_file, "w", encoding="ascii") as out:
        for encoding in encoded:
            tokens += len(encoding.ids)
            out.write(" ".join(map(str, encoding.ids)) + "\n")
    print(json.dumps({"encode_mb_per_s": size / 1e6 / seconds, "tokens_per_s": tokens / seconds, "tokens": tokens}))


def hugging_face(threads, *arguments):
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads),
                       TOKENIZERS_PARALLELISM="true" if threads > 1 else "false")
    command = [sys.executable, os.path.abspath(__file__), *arguments]
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    if done.returncode != 0:
        raise SystemExit("speed: tokenize: " + done.stderr.decode()[-500:])
    return json.loads(done.stdout.decode().strip().splitlines()[-1])


def count_unequal(path, tokenizer_json, ids_file):
    """Lines whose ids differ between `espalier tokenize` and Hugging Face's."""
    command = [common.ESPALIER, "tokenize", tokenizer_json, "--file", path, "--json"]
    unequal, lines = 0, 0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process, open(ids_file, encoding="ascii") as expected:
        for ours, theirs in zip(process.stdout, expected, strict=True):
            ids = json.loads(ours)["ids"]
            unequal += strip_template(ids, tokenizer_json) != list(map(int, theirs.split()))
            lines += 1
    return unequal, lines


def strip_template(ids, tokenizer_json, known={}):
    """Without the template's closing <sep>."""
    if tokenizer_json not in known:
        with open(tokenizer_json, encoding="utf-8") as file:
            known[tokenizer_json] = json.load(file)["model"]["vocab"]["<sep>"]
    return ids[:-1] if ids and ids[-1] == known[tokenizer_json] else ids


CASES = {f"{threads} thread{'s' if threads > 1 else ''}": threads for threads in sorted({1, common.THREADS})}


def measure_threads(threads, text, size, scratch):
    tokenizer_json, ids_file = os.path.join(scratch, "tokenizer.json"), os.path.join(scratch, "ids.txt")
    ours, trained, encoded = [], [], []
    for _ in range(common.ROUNDS):
        # With several threads the program measures one first; training memory is that of its fresh process.
        document = common.bench("tokenize", text, "--megabytes", 0, "--vocabulary", VOCABULARY, "--rounds", 1,
                                "--output", tokenizer_json, threads=threads)[0]
        ours.append(document["rows"][-1] | {"train_rss_gb": document["rows"][0]["train_rss_gb"]})
        trained.append(hugging_face(threads, "train", text))
        encoded.append(hugging_face(threads, "encode", text, tokenizer_json, ids_file))
        common.say(f"tokenize, {threads} threads: {ours[-1]}, {trained[-1]}, {encoded[-1]}")
    unequal, lines = count_unequal(text, tokenizer_json, ids_file)
    row = {"threads": threads, "megabytes": size / 1e6, "vocabulary": VOCABULARY, "lines": lines,
           "lines_with_other_ids": unequal}
    for field in ("train_s", "train_rss_gb", "encode_mb_per_s", "tokens_per_s"):
        row[field] = statistics.median(r[field] for r in ours)
        row["hf_" + field] = statistics.median(r[field] for r in (trained if field.startswith("train") else encoded))
    row["ratio_encode"] = common.median_ratio([r["encode_mb_per_s"] for r in ours],
                                              [r["encode_mb_per_s"] for r in encoded])
    row["ratio_train"] = common.median_ratio([r["train_s"] for r in trained], [r["train_s"] for r in ours])
    return row, document["machine"] | {"threads": common.THREADS}


def main():
    with tempfile.TemporaryDirectory() as scratch:
        text = os.path.join(scratch, "text.txt")
        rows = common.measure_cases("tokenize", CASES,
                                    lambda case: measure_threads(CASES[case], text, gather(text), scratch))
    columns = [("", "case"), ("encoding, MB/s", "encode_mb_per_s"), ("Hugging Face", "hf_encode_mb_per_s"),
               ("ratio", "ratio_encode"), ("training, s", "train_s"), ("Hugging Face", "hf_train_s"),
               ("ratio", "ratio_train"), ("memory, GB", "train_rss_gb"), ("Hugging Face", "hf_train_rss_gb"),
               ("lines", "lines"), ("with other ids", "lines_with_other_ids")]
    common.table(f"Tokenizing {MEGABYTES} MB, {VOCABULARY} entries", columns, rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        hf_train(sys.argv[2])
    elif sys.argv[1:2] == ["encode"]:
        hf_encode(*sys.argv[2:])
    else:
        main()
