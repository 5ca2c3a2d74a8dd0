"""How fast ordinary BERT models are here, against transformers, sentence-transformers and ONNX Runtime.

    ESPALIER_DATA=DIR experiments/bert/run.sh speed [finetune] [embed] [sentence] [load]

Rounds are interleaved: in each, ours and the others take turns; a ratio is the median of the rounds' ratios. Vectors are
compared with sentence-transformers' in the same run. Each part is written to results/speed.json in place of its older
one, with machine and settings; embed as `embed TEXTS`.
"""

import glob
import gzip
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import common
from common import DATA, HERE, MODEL, PROGRAM, RESULTS, ROOT, SCRATCH

ROUNDS = int(os.environ.get("SPEED_ROUNDS", "3"))
STEPS = int(os.environ.get("SPEED_STEPS", "60"))
TEXTS = int(os.environ.get("SPEED_TEXTS", "20000"))
THREADS = os.environ.get("SPEED_THREADS", "2")
BATCH = 16


def others(*arguments):
    command = [sys.executable, os.path.join(HERE, "torch_side.py"), *map(str, arguments)]
    begin = time.perf_counter()
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return {**json.loads(output.splitlines()[-1]), "process_seconds": time.perf_counter() - begin}


def ours(*arguments, text=None):
    command = [PROGRAM, "--quiet", "--threads", THREADS, *map(str, arguments)]
    begin = time.perf_counter()
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, input=text, encoding="utf-8").stdout
    return time.perf_counter() - begin, output


def ratios(rows, ours_key, other_key):
    return statistics.median(row[other_key] / row[ours_key] for row in rows)


def finetune(scratch):
    """Updates of 16 rows; time of the updates alone, tokenizing included where it belongs to them."""
    results = []
    for task in ("SST-2", "MRPC"):
        rows = [common.fields(row, int(row[-1])) for row in common.glue_rows(task, "train").values()]
        rows = rows[: (STEPS + 5) * BATCH]
        table, dev = os.path.join(scratch, task + ".jsonl"), os.path.join(scratch, "dev.jsonl")
        common.write_jsonl(table, rows)
        common.write_jsonl(dev, rows[:16])
        pair = ["task.text_pair=pair"] if "pair" in rows[0] else []
        measured = []
        for number in range(ROUNDS):
            run = os.path.join(scratch, f"run-{task}-{number}")
            ours("finetune", os.path.join(ROOT, "configs/finetune/bert.yaml"), "model=" + MODEL, "run=" + run,
                 "task.name=custom", "task.train=" + table, "task.dev=" + dev, "task.text=text", *pair,
                 f"train.batch_size={BATCH}", "train.epochs=1", f"train.max_steps={STEPS}", "eval.bootstrap=0",
                 "log.steps=1000000")
            with open(os.path.join(run, "train_results.json"), encoding="utf-8") as file:
                train = json.load(file)
            row = {"ours": train["train_runtime"] / STEPS}
            for mode in ("eager", "compiled"):
                found = others("finetune", MODEL, table, STEPS, BATCH, mode)
                row[mode] = found["seconds"] / found["steps"]
            measured.append(row)
            print("finetune", task, row, file=sys.stderr)
        results.append({"task": task, "rounds": measured, "over_eager": ratios(measured, "ours", "eager"),
                        "over_compiled": ratios(measured, "ours", "compiled")})
    return {"tasks": results}


def real_sentences():
    """Sentences of 3 to 60 words out of real text, the same each time."""
    found = []
    for path in sorted(glob.glob(os.path.join(DATA, "corpus", "*.txt.gz"))):
        taken = 0
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
            for line in file:
                for sentence in re.split(r"(?<=[.!?]) +", line.strip()):
                    if 3 <= len(sentence.split()) <= 60:
                        found.append(sentence)
                        taken += 1
                if taken >= TEXTS // 5:
                    break
    return found[:: max(1, len(found) // TEXTS)][:TEXTS]


def embed(scratch):
    """All of it but the loading of libraries and weights; ours with its loading."""
    import h5py
    import numpy

    texts, output = os.path.join(scratch, "texts.txt"), os.path.join(scratch, "vectors.h5")
    with open(texts, "w", encoding="utf-8") as file:
        file.writelines(sentence + "\n" for sentence in real_sentences())
    measured = []
    for _ in range(ROUNDS):
        seconds, _ = ours("embed", MODEL, "--file", texts, "--output", output)
        row = {"ours": seconds}
        for kind in ("sentence-transformers", "onnxruntime"):
            row[kind] = others("embed", MODEL, texts, kind)["seconds"]
        measured.append(row)
        print("embed", row, file=sys.stderr)
    with h5py.File(output) as file:
        vectors = numpy.array(file["embeddings"], numpy.float64)

    def least_cosine(kind):
        other = numpy.load(os.path.join(SCRATCH, kind + ".npy")).astype(numpy.float64)
        return ((vectors * other).sum(1) / numpy.linalg.norm(vectors, axis=1) / numpy.linalg.norm(other, axis=1)).min()

    return {"texts": len(vectors), "least_cosine": {kind: least_cosine(kind) for kind in row if kind != "ours"},
            "rounds": measured,
            "over_sentence_transformers": ratios(measured, "ours", "sentence-transformers"),
            "over_onnxruntime": ratios(measured, "ours", "onnxruntime")}


def sentence(scratch):
    """One text of 16 tokens at a time: what each further one costs."""
    text, count = "the old oak by the river had lost its leaves before the first snow", 1500
    paths = {}
    for lines in (1, count):
        paths[lines] = os.path.join(scratch, f"{lines}.txt")
        with open(paths[lines], "w", encoding="utf-8") as file:
            file.write((text + "\n") * lines)
    measured = []
    for _ in range(max(5, ROUNDS)):
        seconds = {lines: ours("embed", MODEL, "--file", path, "--batch-size", 1, "--output",
                               os.path.join(scratch, "one.h5"))[0] for lines, path in paths.items()}
        measured.append({"ours": (seconds[count] - seconds[1]) / (count - 1),
                         "onnxruntime": others("sentence", MODEL, text, count)["seconds"]})
        print("sentence", measured[-1], file=sys.stderr)
    return {"rounds": measured, "over_onnxruntime": ratios(measured, "ours", "onnxruntime")}


def load(_):
    """From nothing to the first vector, a whole process each."""
    measured = []
    for _ in range(max(5, ROUNDS)):
        seconds, _ = ours("embed", MODEL, "a small tree")
        measured.append({"ours": seconds, "sentence-transformers": others("load", MODEL)["process_seconds"]})
    print("load", measured, file=sys.stderr)
    return {"ours": statistics.median(row["ours"] for row in measured),
            "sentence-transformers": statistics.median(row["sentence-transformers"] for row in measured)}


def main():
    parts = {"finetune": finetune, "embed": embed, "sentence": sentence, "load": load}
    settings = {"SPEED_ROUNDS": ROUNDS, "SPEED_STEPS": STEPS, "SPEED_TEXTS": TEXTS, "SPEED_THREADS": THREADS}
    with tempfile.TemporaryDirectory() as scratch:
        for name in common.chosen(parts):
            row = {"machine": common.machine(THREADS), "settings": settings, **parts[name](scratch)}
            document = common.read(RESULTS, {})
            document[f"embed {TEXTS}" if name == "embed" else name] = row
            common.write(RESULTS, document)
            print(json.dumps({name: row}, indent=1))


if __name__ == "__main__":
    main()
