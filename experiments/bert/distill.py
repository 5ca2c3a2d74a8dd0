"""What a MiniLM keeps when its feedforward layers are replaced by trees, by trees with a linear path beside them, by its
own top neurons, or by a linear path alone, at the same number of neurons used for a token.

    ESPALIER_DATA=DIR experiments/bert/run.sh distill [ROW ...]

ROW is SIZE-KIND as in the table (default: all); `teacher` is the untouched model. Rows are added to
results/distill.json, each with its machine and settings; the table of README.md is printed of it at the end.
"""

import gzip
import json
import os
import re
import statistics
import subprocess
import time

import numpy

import common
from common import DATA, MODEL, PROGRAM, RESULTS, ROOT, SCRATCH

CONFIG = os.path.join(ROOT, "configs", "pretrain", "distill.yaml")
THREADS = os.environ.get("DISTILL_THREADS", "2")
LAYERS, UNITS = 6, 1536
SENTENCES, LENGTH = 120_000, 32
TRAINING = ["train.budget.steps=60", "train.lr=2e-3", "train.batch_size=64", "train.micro_batch=64", "distill.start_tokens=16384",
            "distill.layerwise_until=0.2", "eval.sequences=256", "log.steps=10", "save.steps=50"]


def tree(trees, depth, rank=0):
    return ["arch.ffn.type=neuron_tree", f"arch.ffn.trees={trees}", f"arch.ffn.depth={depth}", f"arch.ffn.linear_rank={rank}"]


def dense(width, rank=0):
    return ["arch.ffn.type=dense", f"arch.ffn.width={width}", f"arch.ffn.linear_rank={rank}"]


# Neurons used for a token: trees x (depth + 1), units, ranks.
ROWS = {
    "12-tree": ("1x11", tree(1, 11)),
    "12-tree+linear": ("1x5 + linear 6", tree(1, 5, 6)),
    "12-top": ("dense 12", dense(12)),
    "12-linear": ("linear 12", dense(0, 12)),
    "48-tree": ("6x7", tree(6, 7)),
    "48-tree+linear": ("3x7 + linear 24", tree(3, 7, 24)),
    "48-top": ("dense 48", dense(48)),
    "48-linear": ("linear 48", dense(0, 48)),
    "192-tree": ("24x7", tree(24, 7)),
    "192-tree+linear": ("12x7 + linear 96", tree(12, 7, 96)),
    "192-top": ("dense 192", dense(192)),
    "192-linear": ("linear 192", dense(0, 192)),
    # Hardly more than a constant; and what begins at random instead of fitted.
    "1-top": ("dense 1", dense(1)),
    "192-linear-random": ("linear 192, random start", [*dense(0, 192), "distill.start_tokens=0"]),
    "192-tree+linear-random": ("12x7 + linear 96, random start", [*tree(12, 7, 96), "distill.start_tokens=0"]),
    # Each token's error relative to its own length, so that [CLS] and [SEP] count no more than others.
    "48-linear-token": ("linear 48, by token", [*dense(0, 48), "distill.relative_to=token"]),
    "48-tree+linear-token": ("3x7 + linear 24, by token", [*tree(3, 7, 24), "distill.relative_to=token"]),
    "192-linear-token": ("linear 192, by token", [*dense(0, 192), "distill.relative_to=token"]),
}


def espalier(*arguments):
    command = [PROGRAM, "--threads", THREADS, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def sentences():
    """Of 3 to 60 words, each a document that begins as a text of the model does."""
    for name in ("movie_reviews", "wikinews_en", "masc", "wikipedia_en"):
        of_file = 0
        with gzip.open(os.path.join(DATA, "corpus", name + ".txt.gz"), "rt", encoding="utf-8") as file:
            for line in file:
                for sentence in re.split(r"(?<=[.!?])\s+", line.strip()):
                    if 3 <= len(sentence.split()) <= 60 and "[" not in sentence and of_file < SENTENCES // 4:
                        of_file += 1
                        yield "[CLS] " + sentence


def prepared():
    """The text as tokens of the model: sequences of 32, of one or more sentences, cut."""
    out = os.path.join(SCRATCH, "data")
    if os.path.exists(os.path.join(out, "tokens.h5")):
        return out
    text, config = os.path.join(SCRATCH, "text.txt.gz"), os.path.join(SCRATCH, "data.yaml")
    with gzip.open(text, "wt", encoding="utf-8", compresslevel=1) as file:
        file.writelines(line + "\n\n" for line in sentences())
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"text: {{files: [{json.dumps(text)}], max_token_ratio: 1}}\nout: {json.dumps(out)}\n"
                   f"tokenizer: {{path: {json.dumps(MODEL)}}}\nsequence_length: {LENGTH}\norder: shuffled\n")
    espalier("prepare", config)
    return out


def vectors(model, texts):
    """As sentence-transformers embeds them: the folder's pooling is the mean of all positions, normalized."""
    path = os.path.join(SCRATCH, "texts.jsonl")
    common.write_jsonl(path, ({"text": text} for text in texts))
    lines = espalier("embed", model, "--file", path, "--text-column", "text").splitlines()
    found = numpy.array([json.loads(line)["embedding"] for line in lines])
    return found / numpy.linalg.norm(found, axis=1, keepdims=True)


def ranks(values):
    """Mean ranks of equal values."""
    _, inverse, counts = numpy.unique(values, return_inverse=True, return_counts=True)
    return (numpy.cumsum(counts) - (counts - 1) / 2)[inverse]


def stsb(model):
    """Spearman's correlation of cosines with the labels of the dev set."""
    rows = list(common.glue_rows("STS-B", "dev").values())
    found = vectors(model, [row[0] for row in rows] + [row[1] for row in rows])
    cosines = (found[: len(rows)] * found[len(rows):]).sum(1)
    return float(numpy.corrcoef(ranks(cosines), ranks([float(row[2]) for row in rows]))[0, 1])


def sst2(model, training=4000):
    """Accuracy on the dev set of a linear probe: ridge regression on the vectors of the first training rows."""
    train, dev = (list(common.glue_rows("SST-2", split).values()) for split in ("train", "dev"))
    train = train[:training]
    found = vectors(model, [row[0] for row in train + dev])
    found = numpy.hstack([found, numpy.ones((len(found), 1))])
    labels = numpy.array([2 * int(row[1]) - 1 for row in train + dev])
    x, y = found[: len(train)], labels[: len(train)]
    weights = numpy.linalg.solve(x.T @ x + numpy.eye(x.shape[1]), x.T @ y)
    return float(((found[len(train):] @ weights > 0) == (labels[len(train):] > 0)).mean())


def evaluations(run):
    with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as file:
        return [line for line in map(json.loads, file) if "eval_layer_errors" in line]


def measured(row):
    begin, machine = time.time(), common.machine(THREADS)
    if row == "teacher":
        return {"machine": machine, "layer": f"dense {UNITS}", "stsb": stsb(MODEL), "sst2": sst2(MODEL)}
    layer, settings = ROWS[row]
    run = os.path.join(SCRATCH, row)
    # Warm-up begins with a rate of 0: what the first update leaves is what the new layers begin as.
    for more in (["train.max_steps=1"], []):
        espalier("pretrain", CONFIG, f"init={MODEL}", f"data={prepared()}", f"run={run}", *TRAINING, *settings, *more)
    started, trained = evaluations(run)
    used = int(row.split("-")[0])
    result = {"machine": machine, "training": " ".join([*TRAINING, *settings]), "layer": layer, "flops": used / UNITS,
              "start_errors": started["eval_layer_errors"], "layer_errors": trained["eval_layer_errors"],
              "start_hidden_error": started["eval_hidden_error"], "hidden_error": trained["eval_hidden_error"],
              "stsb": stsb(run), "sst2": sst2(run)}
    return {**result, "seconds": round(time.time() - begin)}


def print_table(rows):
    print("| used | layer | FLOPs | error at the start | error | hidden states | STS-B | SST-2 |\n|---|---|---|---|---|---|---|---|")
    for name in ("teacher", *ROWS):
        row = rows.get(name)
        if row is None:
            continue
        scores = f"{100 * row['stsb']:.1f} | {100 * row['sst2']:.1f} |"
        if name == "teacher":
            print(f"| {UNITS} | {row['layer']}, untouched | 100 % | | 0 | 0 | {scores}")
            continue
        print(f"| {name.split('-')[0]} | {row['layer']} | {100 * row['flops']:.1f} % | "
              f"{statistics.median(row['start_errors']):.2f} | {statistics.median(row['layer_errors']):.2f} | "
              f"{row['hidden_error']:.2f} | {scores}")


def main():
    for row in common.chosen(("teacher", *ROWS)):
        result = measured(row)
        document = common.read(RESULTS, {"rows": {}})
        document["rows"][row] = result
        common.write(RESULTS, document)
    print_table(common.read(RESULTS, {"rows": {}})["rows"])


main()
