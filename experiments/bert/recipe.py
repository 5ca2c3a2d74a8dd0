"""One fine-tuning recipe, configs/glue/bert.yaml, by this program and by transformers + PyTorch: the same scores?

    ESPALIER_DATA=DIR experiments/bert/run.sh recipe [TASK ...]

Both sides train on the same rows with seeds of their own, one thread each, side by side. Each training is kept with
what it was made from, so that a run that was cut off goes on. Its scores take their place among the rows of
results/recipe.json, and the table of README.md is printed of those with as many training rows.
"""

import functools
import hashlib
import json
import math
import os
import random
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import common
from common import DATA, HERE, MODEL, PROGRAM, RESULTS, ROOT, SCRATCH

CONFIG = os.path.join(ROOT, "configs", "glue", "bert.yaml")
TORCH_SIDE = os.path.join(HERE, "torch_side.py")
SEEDS = [int(seed) for seed in os.environ.get("RECIPE_SEEDS", "1 2 3").split()]
ROWS = int(os.environ.get("RECIPE_ROWS", "2000"))
SIDES = ("here", "transformers")
METRICS = ("accuracy", "F1", "Matthews", "loss")
# Classes.
TASKS = {"CoLA": ["0", "1"], "SST-2": ["0", "1"], "MRPC": ["0", "1"], "RTE": ["entailment", "not_entailment"]}


def tables_of(task):
    return os.path.join(SCRATCH, f"glue-{ROWS}", task)


def jsonl(task, split):
    with open(os.path.join(tables_of(task), split + ".jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def make_tables(task):
    """A folder as GLUE's with ROWS training rows, the same for every seed, and both tables as JSON lines. Gives the
    number of training rows: there may be fewer."""
    folder = tables_of(task)
    os.makedirs(folder, exist_ok=True)
    for split in ("train", "dev"):
        rows = common.glue_rows(task, split)
        numbers = list(rows)
        if split == "train" and ROWS < len(numbers):
            numbers = random.Random(0).sample(numbers, ROWS)
        with open(os.path.join(DATA, "glue", task, split + ".tsv"), encoding="utf-8", newline="\n") as file:
            lines = file.read().split("\n")
        header = [] if 1 in rows else lines[:1]
        with open(os.path.join(folder, split + ".tsv"), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in [*header, *(lines[number - 1] for number in numbers)])
        common.write_jsonl(os.path.join(folder, split + ".jsonl"),
                           (common.fields(rows[number], TASKS[task].index(rows[number][-1])) for number in numbers))
    return len(jsonl(task, "train"))


@functools.cache
def made_from(side, task):
    """The checksum of all that a training is made from but the seed: what another one has made is not used again."""
    digest = hashlib.sha256(common.MODEL_SUM.encode())
    own = {"here": [PROGRAM, CONFIG], "transformers": [TORCH_SIDE]}[side]
    tables = [os.path.join(tables_of(task), split + ".tsv") for split in ("train", "dev")]
    for path in [*own, os.path.join(HERE, "requirements.txt"), *tables]:
        with open(path, "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()[:16]


def train_here(task, seed):
    run = os.path.join(SCRATCH, "runs", f"{task}-{seed}-{made_from('here', task)}")
    subprocess.run([PROGRAM, "--quiet", "--threads", "1", "glue", CONFIG, "model=" + MODEL, "run=" + run,
                    "glue.dir=" + os.path.dirname(tables_of(task)), f"glue.tasks=[{task.lower().replace('-', '')}]",
                    f"glue.seeds=[{seed}]"], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(run, task, f"seed-{seed}", "predictions_dev.tsv"), encoding="utf-8") as file:
        names, *lines = [line.split("\t") for line in file.read().splitlines()]
    classes = TASKS[task]
    return [[classes.index(row["label"]), classes.index(row["prediction"]), float(row["probability"])]
            for row in (dict(zip(names, line)) for line in lines)]


def train_there(task, seed):
    tables = [os.path.join(tables_of(task), split + ".jsonl") for split in ("train", "dev")]
    command = [sys.executable, TORCH_SIDE, "recipe", MODEL, *tables, str(seed)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output.splitlines()[-1])["predictions"]


def scores(predictions):
    """Of rows (label, prediction, probability of the prediction): in percent, but for the loss."""
    hit = [[sum(label == a and said == b for label, said, _ in predictions) for b in (0, 1)] for a in (0, 1)]
    (tn, fp), (fn, tp) = hit
    root = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    loss = [-math.log(max(p if label == said else 1 - p, 1e-6)) for label, said, p in predictions]
    return {"accuracy": 100 * (tp + tn) / len(predictions), "F1": 100 * 2 * tp / max(1, 2 * tp + fp + fn),
            "Matthews": 100 * (tp * tn - fp * fn) / root if root else 0.0, "loss": statistics.fmean(loss)}


def kept(side, task, seed):
    return os.path.join(SCRATCH, f"{task}-{side}-{seed}-{made_from(side, task)}.json")


def train_all(side, train, tasks):
    for task in tasks:
        for seed in SEEDS:
            path = kept(side, task, seed)
            if os.path.exists(path):
                continue
            predictions = train(task, seed)
            labels = [row["label"] for row in jsonl(task, "dev")]
            assert [row[0] for row in predictions] == labels, f"{task}: the sides scored other rows"
            row = {"task": task, "train_rows": len(jsonl(task, "train")), "side": side, "seed": seed,
                   "machine": common.machine(1), "made_from": made_from(side, task), **scores(predictions)}
            print(row, file=sys.stderr, flush=True)
            common.write(path, {"row": row, "predictions": predictions})


def merge(rows, tasks):
    """What this call asked for in the place of older rows; all others stay."""
    def key(row):
        return row["task"], row["train_rows"], row["side"], row["seed"]

    new = [common.read(kept(side, task, seed))["row"] for task in tasks for side in SIDES for seed in SEEDS]
    found = {key(row): row for row in [*rows, *new]}
    return [found[place] for place in sorted(found, key=lambda k: (list(TASKS).index(k[0]), *k[1:]))]


def compare(values, others):
    """The difference of means, its standard error (Welch), and the larger distance from worst to best seed."""
    error = math.sqrt(statistics.variance(values) / len(values) + statistics.variance(others) / len(others))
    difference = statistics.fmean(values) - statistics.fmean(others)
    spread = max(max(side) - min(side) for side in (values, others))
    return difference, error, spread


def print_table(rows):
    print("| task | metric | here: mean (each seed) | transformers: mean (each seed) | difference | standard error | "
          "spread |\n|---|---|---|---|---|---|---|")
    for task in TASKS:
        sides = [[row for row in rows if (row["task"], row["side"]) == (task, side)] for side in SIDES]
        if min(map(len, sides)) < 2:
            continue
        if any(len({row.get("made_from") for row in side}) > 1 for side in sides):
            print(f"recipe: {task}: not all seeds of a side are of one program and one set of rows", file=sys.stderr)
        for metric in METRICS:
            values = [[row[metric] for row in side] for side in sides]
            digits = 3 if metric == "loss" else 1
            cells = [f"{statistics.fmean(side):.{digits}f} ({', '.join(f'{v:.{digits}f}' for v in side)})"
                     for side in values]
            difference, error, spread = compare(*values)
            print(f"| {task} | {metric} | {cells[0]} | {cells[1]} | {difference:+.{digits}f} | {error:.{digits}f} | "
                  f"{spread:.{digits}f} |")


def main():
    tasks = common.chosen(TASKS) if len(sys.argv) > 1 else ["SST-2", "CoLA"]
    counts = {task: make_tables(task) for task in tasks}
    with ThreadPoolExecutor(2) as pool:
        sides = [pool.submit(train_all, "here", train_here, tasks),
                 pool.submit(train_all, "transformers", train_there, tasks)]
    for side in sides:
        side.result()  # a training that failed ends this program, before what is committed is replaced
    rows = merge(common.read(RESULTS, {"rows": []})["rows"], tasks)
    common.write(RESULTS, {"rows": rows})
    print_table([row for row in rows if row["train_rows"] == counts.get(row["task"], ROWS)])


if __name__ == "__main__":
    main()
